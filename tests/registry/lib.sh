# Helpers of the registry tests. Each runs in network and mount namespaces of its own, with a writable copy of /etc (for
# certs.d and daemon.json), a root and a run root of its own. Registries are Debian's docker-registry on loopback.
#   BERTH: the program
set -u
if [ "${IN_NAMESPACE-}" != 1 ]; then
  if [ "$(id -u)" != 0 ]; then echo "needs root"; exit 77; fi
  for program in docker-registry skopeo openssl python3; do command -v $program > /dev/null || { echo "needs $program"; exit 77; }; done
  IN_NAMESPACE=1 exec unshare --net --mount --propagation private bash "$0" "$@"
fi
ip link set lo up
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
mount -t tmpfs -o mode=700 tmpfs "$scratch" || exit 1
mkdir "$scratch/etc" "$scratch/etc.work" "$scratch/home"
mount -t overlay overlay -o lowerdir=/etc,upperdir="$scratch/etc",workdir="$scratch/etc.work" /etc || exit 1
export BERTH_RUN_ROOT=$scratch/run HOME=$scratch/home
unset DOCKER_CONFIG XDG_RUNTIME_DIR http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY COMPOSE_PROGRESS
mkdir -m 700 "$BERTH_RUN_ROOT"
MARKER=m4rk3r-t0k3n   # part of every password and token: it must not be seen anywhere
failures=0 started=

fail() { echo "FAILED: $*"; failures=$((failures + 1)); }
check() { local what=$1; shift; if "$@" > "$scratch/out" 2>&1; then echo "ok: $what"; else fail "$what"; sed 's/^/    /' "$scratch/out"; fi; }
keep() { "$@" > "$scratch/kept" 2>&1; local code=$?; cat "$scratch/kept" >> "$scratch/everything"; return $code; }
said() { grep -qF -- "$1" "$scratch/kept" || { cat "$scratch/kept"; return 1; }; }
exits_with() { local wanted=$1 got; shift; "$@"; got=$?; [ "$got" = "$wanted" ] || { echo "exit code $got, not $wanted"; cat "$scratch/kept" 2>/dev/null; return 1; }; }
eventually() {
  local end=$((SECONDS + 20))
  until "$@" > "$scratch/try" 2>&1; do [ $SECONDS -lt $end ] || { cat "$scratch/try"; return 1; }; sleep 0.1; done
}
same() { [ "$1" = "$2" ] || { echo "\`$1\` is not \`$2\`"; return 1; }; }
# A new, empty store.
new_root() { BERTH_ROOT=$(mktemp -d "$scratch/root.XXXX"); chmod 700 "$BERTH_ROOT"; export BERTH_ROOT; }

# In the background, until the test ends; its pid is in $last.
start() { "$@" & last=$!; started="$started $last"; }
answers() { curl -s -k -o /dev/null "$1"; }

# registry PORT [plain|auth]: auth is TLS with an authority of its own and user `me` with password $MARKER-password.
registry() {
  local port=$1 kind=${2-plain} dir=$scratch/registry-$1 scheme=http
  mkdir -p "$dir"
  { echo "version: 0.1"; echo "log: {level: error, accesslog: {disabled: true}}"
    echo "storage: {filesystem: {rootdirectory: $dir/data}, delete: {enabled: true}}"
    echo "http: {addr: '127.0.0.1:$port'$([ "$kind" = plain ] || echo ", tls: {certificate: $scratch/tls/server.crt, key: $scratch/tls/server.key}")}"
    [ "$kind" = plain ] || echo "auth: {htpasswd: {realm: tests, path: $scratch/tls/htpasswd}}"
  } > "$dir/config.yml"
  [ "$kind" = plain ] || { make_authority; scheme=https; }
  start docker-registry serve "$dir/config.yml" > "$dir/log" 2>&1
  eventually answers "$scheme://127.0.0.1:$port/v2/" || { echo "no registry on $port"; exit 1; }
}
make_authority() {
  [ ! -e "$scratch/tls" ] || return 0
  mkdir "$scratch/tls"
  ( cd "$scratch/tls" || exit
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-authority -keyout ca.key -out ca.crt
    openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > names
    openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt ) > "$scratch/openssl" 2>&1 || cat "$scratch/openssl"
  python3 -W ignore -c "import crypt; print('me:' + crypt.crypt('$MARKER-password', crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))" > "$scratch/tls/htpasswd"
}
trust() { mkdir -p "/etc/docker/certs.d/$1"; cp "$scratch/tls/ca.crt" "/etc/docker/certs.d/$1/ca.crt"; }

# image_archive FILE [NAME=CONTENT…]: a docker archive of two layers, with busybox in the first.
image_archive() {
  local file=$1 tree entry; shift
  tree=$(mktemp -d "$scratch/tree.XXXX"); mkdir "$tree/bin"; cp /bin/busybox "$tree/bin"; ln -s busybox "$tree/bin/sh"
  for entry in "$@"; do printf '%s' "${entry#*=}" > "$tree/${entry%%=*}"; done
  tar -C "$tree" --owner 0 --group 0 --sort name --mtime @0 -cf "$tree.tar" .
  ( new_root
    printf 'FROM base\nCOPY second /second\nENV FROM=registry\n' > "$tree/Dockerfile"; echo second > "$tree/second"
    printf 'name: make\nservices: {x: {image: made, build: %s, pull_policy: build}}\n' "$tree" > "$tree/compose.yaml"
    "$BERTH" image import "$tree.tar" base && "$BERTH" -f "$tree/compose.yaml" build -q && "$BERTH" image save -o "$file" made ) > "$scratch/out" 2>&1 || { cat "$scratch/out"; return 1; }
}
upload() { skopeo copy -q --dest-tls-verify=false "${@:3}" "$1" "docker://$2"; }
# Nothing half stored: no draft, no layer without an image, and the index is whole.
nothing_half_stored() {
  python3 - "$BERTH_ROOT" <<'PY'
import os, sqlite3, sys
images = os.path.join(sys.argv[1], 'images')
db = sqlite3.connect(os.path.join(images, 'index.db'))
layers = {row[0] for row in db.execute('SELECT layer FROM image_layers')}
drafts = os.listdir(os.path.join(images, 'tmp'))
loose = [name for name in os.listdir(os.path.join(images, 'layers')) if name not in layers]
sound = db.execute('PRAGMA integrity_check').fetchone()[0]
print('drafts', drafts, 'loose', loose, sound)
sys.exit(bool(drafts or loose or sound != 'ok'))
PY
}
parts() { ls "$BERTH_ROOT/images/downloads" 2>/dev/null | wc -l; }
# What was printed and what was stored holds no secret; docker's config.json is where they belong.
no_secret_seen() { ! grep -raF -- "$MARKER" "$scratch/everything" $(ls -d "$scratch"/root.* 2>/dev/null) "$BERTH_RUN_ROOT"; }

finish() {
  local status=$? project pid
  for project in $(ls "$BERTH_RUN_ROOT" 2>/dev/null); do timeout 30 "$BERTH" -p "$project" down -v -t 0 > /dev/null 2>&1; done
  for pid in $started; do kill "$pid" 2>/dev/null; done
  wait
  umount "$BERTH_RUN_ROOT" 2>/dev/null
  umount -l /etc; umount -l "$scratch"; rmdir "$scratch"
  [ $failures = 0 ] && [ $status = 0 ] && echo "all checks passed"
  exit $((failures > 0 || status != 0))
}
trap finish EXIT
