#!/bin/bash
# Runs on the server, as a user with sudo, in the directory that the workflow copied the repository to: installs berth where it is
# not there or another one, then brings the stack up. It can be run any number of times, by hand, too.
#
#   BERTH_FILE     the program to install (default: `berth` beside this file; release builds are one static file)
#   COMPOSE_FILE   the stack (default: docker-compose.prod.yml beside this file)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=${BERTH_FILE:-$here/berth}
stack=${COMPOSE_FILE:-$here/docker-compose.prod.yml}
installed=/usr/local/bin/berth

if [ -e "$program" ] && ! cmp --silent "$program" "$installed"; then
  echo "deploy: installing berth"
  # A stack that runs goes on: its own process is replaced by the new program with the next command.
  sudo install -D -m 755 "$program" "$installed.new"
  sudo mv "$installed.new" "$installed"
  sudo "$installed" install-names || echo "deploy: what has those names already was left alone"
elif [ ! -e "$installed" ]; then
  echo "deploy: berth is not installed, and there is no $program to install" >&2
  exit 1
fi

# Nothing is touched unless everything was built; the exit code is that of up.
sudo "$installed" -f "$stack" up --build --detach
sudo "$installed" -f "$stack" ps
