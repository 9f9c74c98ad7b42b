# Helpers of the example tests. Each test runs in network and mount namespaces of its own, so that fixed ports do not collide
# and what is left over can be counted; root and run root are the test's, the image store is the fixture's, bound into it.
#   BERTH: the program   IMAGES: the fixture's root
set -u

if [ "${IN_NAMESPACE-}" != 1 ]; then
  if [ "$(id -u)" != 0 ]; then echo "needs root"; exit 77; fi
  IN_NAMESPACE=1 exec unshare --net --mount --propagation private bash "$0" "$@"
fi
ip link set lo up
scratch=$(mktemp -d)
mkdir -m 700 "$scratch/run" "$scratch/root"
mkdir -m 700 "$scratch/root/images"
mount --bind "$(readlink -f "$IMAGES")/images" "$scratch/root/images" || exit 1
export BERTH_ROOT=$scratch/root BERTH_RUN_ROOT=$scratch/run
failures=0

fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
check() { local what=$1; shift; if "$@" > "$scratch/out" 2>&1; then echo "ok: $what"; else fail "$what"; sed 's/^/    /' "$scratch/out"; fi; }
contains() { local wanted=$1; shift; "$@" > "$scratch/text" 2>&1; grep -qF -- "$wanted" "$scratch/text" || { cat "$scratch/text"; return 1; }; }
# Tries until it holds, at most 20 seconds; each try is of something observable.
eventually() {
  local end=$((SECONDS + 20))
  until "$@" > "$scratch/try" 2>&1; do [ $SECONDS -lt $end ] || { cat "$scratch/try"; return 1; }; sleep 0.1; done
}
# The whole output of a command, for several looks at it: `keep COMMAND…`, then `said TEXT`.
keep() { "$@" > "$scratch/kept" 2>&1; }
said() { grep -qF -- "$1" "$scratch/kept" || { cat "$scratch/kept"; return 1; }; }
# The supervisor alone: keeper and zygote have the same words in their command lines.
supervisor_of() { pgrep -f -- "^$BERTH __supervisor $BERTH_ROOT $BERTH_RUN_ROOT $1\$"; }
exits_with() { local wanted=$1 got; shift; "$@"; got=$?; [ "$got" = "$wanted" ] || { echo "exit code $got, not $wanted"; return 1; }; }

# Nothing of the project is there: process, bridge, veth, table, cgroup, record, run directory, volume.
nothing_left() {
  local project=$1 left
  left=$(pgrep -af -- "__supervisor $BERTH_ROOT $BERTH_RUN_ROOT $project"
         ip -o link | grep -E 'br-|veth'
         nft list tables
         find /sys/fs/cgroup -maxdepth 4 \( -path "*/berth/$project" -o -path "*/berth/$project/*" \) 2>/dev/null
         find "$BERTH_ROOT/projects" "$BERTH_ROOT/volumes" "$BERTH_RUN_ROOT" -mindepth 1 -name "$project*" 2>/dev/null
         grep -F "$BERTH_ROOT/projects" /proc/mounts)
  [ -z "$left" ] || { echo "$left"; return 1; }
}

finish() {
  local status=$? project pid
  # What a failed check left running ends with the test.
  for project in $(ls "$BERTH_RUN_ROOT"); do
    timeout 30 "$BERTH" -p "$project" down -v -t 0 > /dev/null 2>&1 || for pid in $(pgrep -f -- "__supervisor $BERTH_ROOT $BERTH_RUN_ROOT"); do kill -9 "$pid"; done
  done
  umount "$scratch/run" 2>/dev/null
  umount "$scratch/root/images" && rm -rf "$scratch"
  [ $failures = 0 ] && [ $status = 0 ] && echo "all checks passed"
  exit $((failures > 0 || status != 0))
}
trap finish EXIT
