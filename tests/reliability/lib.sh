# Helpers of the reliability tests. Each test runs in network, mount and process namespaces of its own, with roots of its
# own, so that everything left over can be counted and nothing outlives the test.
#   BERTH: the program   SEED: of a campaign (default: drawn, printed)
#   SCRATCH, PROJECT: of a test that has several namespaces one after the other; it removes them itself
set -u

if [ "${IN_NAMESPACE-}" != 1 ]; then
  [ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
  busybox=$(command -v busybox) && ! ldd "$busybox" > /dev/null 2>&1 || { echo "needs busybox-static"; exit 77; }
  IN_NAMESPACE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private bash "$0" "$@"
fi
ip link set lo up
seed=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "seed $seed (again: SEED=$seed)"
RANDOM=$seed
scratch=${SCRATCH:-$(mktemp -d)}
[ -d "$scratch/root" ] || mkdir -m 700 "$scratch/root" "$scratch/run"
mount -t tmpfs -o mode=0700,size=64m berth-test "$scratch/run"
export BERTH_ROOT=$scratch/root BERTH_RUN_ROOT=$scratch/run
project=${PROJECT:-rel$(od -An -N3 -tx1 /dev/urandom | tr -d ' ')}  # cgroups are the host's: the name must be ours alone
compose=$scratch/compose.yaml
failures=0

fail() { echo "FAILED: $*"; failures=$((failures + 1)); [ $failures -gt 1 ] || scene; }
# What there is when something fails first: who runs and waits for what, and what the supervisor said.
scene() {
  cat "$BERTH_RUN_ROOT/$project/keeper.reason" 2> /dev/null
  tail -n 20 "$BERTH_RUN_ROOT/$project/supervisor.log" 2> /dev/null | sed 's/^/    supervisor: /'
  ps -eo pid,ppid,stat,etimes,wchan:24,args | grep -E 'berth|PPID' | cut -c1-160 | sed 's/^/    /'
}
check() { local what=$1; shift; if "$@" > "$scratch/out" 2>&1; then echo "ok: $what"; else fail "$what"; sed 's/^/    /' "$scratch/out" | tail -20; fi; }
contains() { local wanted=$1; shift; "$@" > "$scratch/text" 2>&1; grep -qF -- "$wanted" "$scratch/text" || { cat "$scratch/text"; return 1; }; }
# Tries until it holds, at most 20 seconds; each try is of something observable.
eventually() { local end=$((SECONDS + 20)); until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.1; done; }
# The limit of 5 seconds that a stack has to vanish in.
within_5s() { local end=$((SECONDS + 6)); until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.1; done; }
exits_with() { local wanted=$1 got; shift; "$@"; got=$?; [ "$got" = "$wanted" ] || { echo "exit code $got, not $wanted"; return 1; }; }

berth() { timeout 60 "$BERTH" -f "$compose" -p "$project" "$@"; }
supervisor() { pgrep -f -- "^$BERTH __supervisor $BERTH_ROOT $BERTH_RUN_ROOT $project" | head -1; }  # the keeper has these words too
keeper() { pgrep -x berth-keeper | head -1; }
# A container in its set-up has this name too, in a pid namespace of its own.
zygote() {
  local pid
  for pid in $(pgrep -x berth-zygote); do
    if [ "$(readlink "/proc/$pid/ns/pid")" = "$(readlink /proc/self/ns/pid)" ]; then echo "$pid"; return; fi
  done
}
pid_of() { sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$BERTH_RUN_ROOT/$project/containers/$(berth ps -aq "$1" | head -1).json"; }
random_ms() { printf '%d.%03d' $(($1 / 1000)) $((RANDOM % $1 % 1000)); }

# Nothing of the project is there: process, mount, namespace, bridge, veth, table, cgroup, record, file.
nothing_left() {
  local left
  left=$(pgrep -ax berth-keeper; pgrep -ax berth-zygote; pgrep -af -- "__supervisor"
         ip -o link | grep -E 'br-|veth'
         nft list tables
         find /sys/fs/cgroup -maxdepth 4 -path "*/berth/$project*" 2> /dev/null
         find "$BERTH_ROOT/projects" "$BERTH_ROOT/volumes" "$BERTH_ROOT/tmp" "$BERTH_ROOT/trash" "$BERTH_RUN_ROOT" -mindepth 1 ! -path "$BERTH_RUN_ROOT/.shared"  # made once for all stacks
         grep -oE "$project[^:,}]*" "$BERTH_ROOT"/global/*.json
         grep -F "$BERTH_ROOT/" /proc/mounts
         lsns -t net -no NS,PID | awk -v own="$(readlink /proc/self/ns/net | tr -dc 0-9)" '$1 != own' )
  [ -z "$left" ] || { echo "$left"; return 1; }
}

import_busybox() {
  local rootfs=$scratch/rootfs
  mkdir -p "$rootfs"/{bin,etc,tmp,proc,sys,dev,root,www}
  cp -L "$(command -v busybox)" "$rootfs/bin/busybox"
  for applet in $("$rootfs/bin/busybox" --list); do [ "$applet" = busybox ] || ln "$rootfs/bin/busybox" "$rootfs/bin/$applet"; done
  echo 'root:x:0:0:root:/root:/bin/sh' > "$rootfs/etc/passwd"
  echo seeded > "$rootfs/www/index.html"
  tar -C "$rootfs" -cf "$scratch/busybox.tar" .
  "$BERTH" image import "$scratch/busybox.tar" busybox > /dev/null || { echo "cannot import an image"; exit 1; }
  rm -rf "$rootfs" "$scratch/busybox.tar"
}

finish() {
  local code=$?
  trap - EXIT
  [ $code = 0 ] && [ $failures = 0 ] && echo "all checks passed" && code=0 || code=1
  if [ $code != 0 ]; then
    echo "seed $seed"; tail -n 30 "$BERTH_RUN_ROOT/$project/supervisor.log" 2> /dev/null
    [ -z "${KEEP-}" ] || { echo "kept: $scratch"; cp -r "$BERTH_RUN_ROOT" "$scratch/run-copy"; exit 1; }
  fi
  # Everything in our process namespace but this shell goes, then what it had in the host's cgroups and on disk.
  [ $$ = 1 ] && kill -9 -1 2> /dev/null
  wait 2> /dev/null
  find /sys/fs/cgroup -maxdepth 4 -depth -type d -path "*/berth/$project*" -exec rmdir {} + 2> /dev/null
  umount "$scratch/run" 2> /dev/null
  [ -n "${SCRATCH-}" ] || rm -rf "$scratch"
  exit $code
}
trap finish EXIT
