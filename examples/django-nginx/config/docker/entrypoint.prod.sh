#!/bin/sh
set -e

python3 manage.py collectstatic --no-input
[ -z "$DATABASE_HOST" ] || python3 manage.py migrate --no-input

exec "$@"
