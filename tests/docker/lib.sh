# Helpers of the tests of `docker`. Each test is in network, mount and process namespaces of its own, with a root of its own and an image
# `busybox` (the host's static one, with httpd), and calls the program by the name `docker`.
#   BERTH: the program
set -u

if [ "${IN_NAMESPACE-}" != 1 ]; then
  if [ "$(id -u)" != 0 ]; then echo "needs root"; exit 77; fi
  command -v busybox > /dev/null && command -v jq > /dev/null && command -v nft > /dev/null || { echo "needs busybox-static, jq and nftables"; exit 77; }
  IN_NAMESPACE=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private bash "$(readlink -f "$0")" "$@"
fi
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
scratch=$(mktemp -d)
mkdir -m 700 "$scratch/run" "$scratch/root"
mkdir "$scratch/names" "$scratch/work" "$scratch/home"
mount -t tmpfs -o mode=0700,size=64m run "$scratch/run" || exit 1
ln -s "$BERTH" "$scratch/names/docker"
ln -s "$BERTH" "$scratch/names/docker-compose"
export PATH=$scratch/names:$PATH BERTH_ROOT=$scratch/root BERTH_RUN_ROOT=$scratch/run HOME=$scratch/home
unset DOCKER_HOST DOCKER_CONTEXT DOCKER_CONFIG
stack=shop$$  # control groups are the host's: a name that nobody else has
failures=0
cd "$scratch/work" || exit 1

docker() { timeout -k 5 60 "$scratch/names/docker" "$@"; }
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
check() { local what=$1; shift; if "$@" > "$scratch/out" 2>&1; then echo "ok: $what"; else fail "$what"; sed 's/^/    /' "$scratch/out"; fi; }
# gives WANTED COMMAND…: what it prints on stdout, and that it succeeds.
gives() { local wanted=$1 got; shift; got=$("$@" 2> "$scratch/err" < /dev/null) || { echo "exit code $?"; cat "$scratch/err"; return 1; }
          [ "$got" = "$wanted" ] || { echo "wanted: $wanted"; echo "got:    $got"; cat "$scratch/err"; return 1; }; }
# like PATTERN COMMAND…: a line of what it prints is like the pattern (grep -E).
like() { local wanted=$1; shift; "$@" > "$scratch/text" 2>&1 < /dev/null; grep -qE -- "$wanted" "$scratch/text" || { echo "wanted: $wanted"; cat "$scratch/text"; return 1; }; }
lacks() { local unwanted=$1; shift; "$@" > "$scratch/text" 2>&1 < /dev/null; ! grep -E -- "$unwanted" "$scratch/text"; }
exits() { local wanted=$1 got; shift; "$@" < /dev/null; got=$?; [ "$got" = "$wanted" ] || { echo "exit code $got, not $wanted"; return 1; }; }
eventually() {
  local end=$((SECONDS + 20))
  until "$@" > "$scratch/try" 2>&1; do [ $SECONDS -lt $end ] || { cat "$scratch/try"; return 1; }; sleep 0.1; done
}
json() { "${@:2}" < /dev/null | jq -e "$1"; }
state() { docker inspect -f '{{.State.Status}}' "$1"; }

# The host's busybox as an image.
make_tree() {
  mkdir -p "$scratch/tree"/{bin,etc,tmp,proc,sys,dev,root,srv}
  chmod 1777 "$scratch/tree/tmp"
  cp "$(command -v busybox)" "$scratch/tree/bin/busybox"
  busybox --list | grep -vx busybox | while read -r applet; do ln "$scratch/tree/bin/busybox" "$scratch/tree/bin/$applet"; done
  printf 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/srv:/bin/sh\n' > "$scratch/tree/etc/passwd"
  printf 'root:x:0:\napp:x:1000:\n' > "$scratch/tree/etc/group"
  echo seeded > "$scratch/tree/srv/seed"
  tar -C "$scratch/tree" -cf "$scratch/busybox.tar" .
  rm -rf "$scratch/tree"
}
make_image() { make_tree; docker import -c 'CMD ["sh"]' "$scratch/busybox.tar" busybox > /dev/null || { echo "busybox cannot be imported"; exit 1; }; }

finish() {
  local status=$? project group
  docker rm -f -v $(docker ps -aq) > /dev/null 2>&1
  for project in $(ls "$scratch/run"); do timeout 30 "$BERTH" -p "$project" down -v -t 0 > /dev/null 2>&1; done
  cd /
  [ $failures = 0 ] && [ $status = 0 ] && echo "all checks passed"
  # What is mounted and runs here ends with these namespaces; files are removed once nothing is mounted below them.
  umount -l "$scratch/run" 2> /dev/null
  grep -q "$scratch" /proc/mounts || rm -rf "$scratch"
  exit $((failures > 0 || status != 0))
}
trap finish EXIT
