# The words that steps are written in, beside those of the shell.

berth() { timeout 60 "$BERTH" "$@"; }
up() { berth up -d "$@"; }
inside() { local service=$1; shift; berth exec -T "$service" "$@"; }

# What is there of a service, a line for each container: `running`, `running healthy`, `paused`, `created`, `exited 3`, …; or `absent`.
state() {
  local lines
  lines=$(berth --profile '*' ps -a --format '{{.State}} {{.Health}} {{.ExitCode}}' "$@" 2> /dev/null)
  [ -n "$lines" ] || { echo absent; return; }
  echo "$lines" | sed -E 's/^(exited) .* ([0-9]+)$/\1 \2/; t; s/ +[0-9]+$//; s/ +$//' | sort
}
# The names of the project's containers, running or not, without the project's.
containers() { berth --profile '*' ps -a --format '{{.Name}}' "$@" | sed "s/^$PROJECT-//" | sort; }
id() { berth --profile '*' ps -aq "$@"; }
pid() { sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$BERTH_RUN_ROOT/$PROJECT/containers/$(id "$1").json"; }
# The value of a limit, as the kernel has it: FILE of cgroup v1 in its HIERARCHY, else FILE of v2.
limit() {
  local service=$1 hierarchy=$2 v1=$3 v2=$4
  cat /sys/fs/cgroup/"$hierarchy"/berth/"$PROJECT"/"$(id "$service" | cut -c1-12)"/"$v1" 2> /dev/null ||
    cat /sys/fs/cgroup/berth/"$PROJECT"/"$(id "$service" | cut -c1-12)"/"$v2"
}
# How often TEXT stands in the log of SERVICE.
logged() { berth logs --no-log-prefix "$1" | grep -cF -- "$2"; }
# Lines of a warning or an error, without their explanation.
complaints() { "$@" 2>&1 > /dev/null | grep -E '(warning|error): '; }
# The other end of a connection (see `peer`): on the host, or `beside SERVICE` in the container's network. What serves goes to the
# background with `&`; it ends with the scenario.
PATH=$(dirname "$BASH_ENV"):$PATH
beside() { nsenter --net="/proc/$(pid "$1")/ns/net" peer "${@:2}"; }
address() { inside "$1" ip -4 -o addr show "${2:-eth0}" | grep -o 'inet [0-9.]*' | cut -c6-; }
