#!/bin/sh
# Initialises an empty data directory, then becomes the server. The first start reads
#   MYSQL_ROOT_PASSWORD  of root; must be set
#   MYSQL_ROOT_HOST      from where root may log in beside localhost (default: %, anywhere)
#   MYSQL_DATABASE       a database to make (default: none)
# An initialisation that was interrupted is begun again.
set -eu

data=/var/lib/mysql
unfinished=$data/.unfinished

say() { echo "entrypoint: $*" >&2; }
# As a string of SQL: within quotes.
quoted() { printf "'%s'" "$(printf %s "$1" | sed -e 's/\\/\\\\/g' -e "s/'/''/g")"; }

initialise() {
  if [ -z "${MYSQL_ROOT_PASSWORD-}" ]; then
    say "the data directory is empty and MYSQL_ROOT_PASSWORD is not set: set it, it becomes root's password"
    exit 1
  fi
  say "initialising $data"
  chown mysql:mysql "$data"
  touch "$unfinished"
  find "$data" -mindepth 1 ! -path "$unfinished" -delete
  mariadb-install-db --user=mysql --datadir="$data" --auth-root-authentication-method=normal --skip-test-db > /dev/null
  password=$(quoted "$MYSQL_ROOT_PASSWORD")
  host=$(quoted "${MYSQL_ROOT_HOST:-%}")
  {
    echo "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost';"  # of 127.0.0.1, ::1, the container's name: no password
    echo "FLUSH PRIVILEGES;"  # without it, a bootstrapping server knows of no users
    echo "ALTER USER root@localhost IDENTIFIED BY $password;"
    echo "CREATE OR REPLACE USER root@$host IDENTIFIED BY $password;"
    echo "GRANT ALL ON *.* TO root@$host WITH GRANT OPTION;"
    [ -z "${MYSQL_DATABASE-}" ] || echo "CREATE DATABASE \`$(printf %s "$MYSQL_DATABASE" | sed 's/`/``/g')\` CHARACTER SET utf8mb4;"
  } | mariadbd --user=mysql --datadir="$data" --bootstrap --skip-log-bin --silent-startup
  rm "$unfinished"
  say "initialised"
}

if [ "$1" = mariadbd ]; then
  shift
  if [ -e "$unfinished" ] || [ ! -d "$data/mysql" ]; then initialise; fi
  exec mariadbd --user=mysql --datadir="$data" --socket=/run/mysqld/mysqld.sock "$@"
fi
exec "$@"
