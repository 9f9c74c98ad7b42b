#!/bin/sh
set -e

python3 manage.py collectstatic --no-input

exec "$@"
