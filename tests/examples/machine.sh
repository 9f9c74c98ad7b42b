# A machine to deploy to, for tests that have read lib.sh: this host's root under an overlay, with its own /etc, /home, /run and /tmp,
# users, sshd and sudo; berth has its usual places there, since sudo passes no variables on. In a chroot, in the test's own
# mount and network namespaces.
#   in_machine COMMAND…            as root, with a login's environment
#   as USER COMMAND…               as that user
machine=$scratch/machine
session=berth-$$-session   # the cgroup of the ssh sessions, in every hierarchy
[ "${session_groups+set}" ] || session_groups=$(awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/mounts)

plain_environment() { env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@"; }
in_machine() { plain_environment HOME=/root chroot "$machine" "$@"; }
as() {
  local user=$1; shift
  plain_environment HOME="/home/$user" USER="$user" LOGNAME="$user" chroot "$machine" setpriv --reuid "$user" --regid "$user" --init-groups \
    sh -c 'cd && exec "$@"' sh "$@"
}

make_machine() {
  local directory
  mkdir "$machine" "$scratch/over" "$scratch/log"
  mount -t tmpfs -o mode=755 tmpfs "$scratch/over" && mkdir "$scratch/over/upper" "$scratch/over/work"
  mount -t overlay -o "lowerdir=/,upperdir=$scratch/over/upper,workdir=$scratch/over/work" overlay "$machine" || return 1
  for directory in proc sys dev; do mount --rbind "/$directory" "$machine/$directory" || return 1; done
  for directory in run tmp home; do mount -t tmpfs -o mode=755 tmpfs "$machine/$directory" || return 1; done
  chmod 1777 "$machine/tmp"
  mkdir "$machine/run/sshd"
  mkdir -p "$machine/var/lib/berth"
  mount --rbind "$BERTH_ROOT" "$machine/var/lib/berth" || return 1
  # The file systems below the test's own directories are of no concern there, and a docker that this host has is not on it.
  rm -f "$machine"/usr/local/bin/{docker,docker-compose,berth} "$machine"/usr/bin/{docker,docker-compose,podman-compose}
  rm -rf "$machine"/usr/{local/lib,local/libexec,lib,libexec}/docker
  echo "127.0.0.1 localhost server.example $(hostname)" > "$machine/etc/hosts"
  echo "nameserver 127.0.0.53" > "$machine/etc/resolv.conf.test"
  rm -f "$machine/etc/resolv.conf" && mv "$machine/etc/resolv.conf.test" "$machine/etc/resolv.conf"
}

# USER: may use sudo without a password, and logs in by the key that RUNNER has.
add_user() {
  # No password is not a locked account: that would not be let in by key either.
  in_machine useradd --create-home --shell /bin/bash --password '*' "$1" || return 1
  [ "${2-}" != sudo ] || echo "$1 ALL=(ALL:ALL) NOPASSWD: ALL" > "$machine/etc/sudoers.d/$1"
}

start_sshd() {
  local group
  [ -e "$machine/etc/ssh/test_host_key" ] || in_machine ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/test_host_key || return 1
  printf '%s\n' 'ListenAddress 127.0.0.1:22' 'HostKey /etc/ssh/test_host_key' 'PasswordAuthentication no' 'UsePAM no' \
    'PidFile none' > "$machine/etc/ssh/sshd_test"
  (
    for group in $session_groups; do mkdir "$group/$session" && enter_group "$group/$session"; done
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$machine" /usr/sbin/sshd -D -e -f /etc/ssh/sshd_test
  ) > "$scratch/log/sshd" 2>&1 &
  sshd=$!
}
# cpuset wants to be told which processors and memory before a process may enter.
enter_group() {
  local file
  for file in cpuset.cpus cpuset.mems; do
    [ ! -e "$1/$file" ] || [ -n "$(cat "$1/$file")" ] || cat "$1/../$file" > "$1/$file"
  done
  echo "$BASHPID" > "$1/cgroup.procs"
}
in_session() { ! grep -vF "$session" "/proc/$sshd/cgroup"; }
# As systemd ends a session: every process of its cgroup is killed, and the cgroup removed.
end_session() {
  local group pid left
  for group in $session_groups; do
    [ -d "$group/$session" ] || continue
    for pid in $(cat "$group/$session/cgroup.procs"); do kill -9 "$pid" 2>/dev/null; done
  done
  wait "$sshd" 2>/dev/null
  for group in $session_groups; do
    [ -d "$group/$session" ] || continue
    eventually rmdir "$group/$session" || left=yes
  done
  [ -z "${left-}" ]
}

end_machine() {
  local project pid
  for project in $(ls "$machine/run/berth" 2>/dev/null); do
    timeout 60 chroot "$machine" /usr/local/bin/berth -p "$project" down -v -t 0 > /dev/null 2>&1
  done
  end_session > /dev/null 2>&1
  umount "$machine/run/berth" 2>/dev/null
  umount -R "$machine" && umount "$scratch/over"
}
