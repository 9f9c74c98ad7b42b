#include "berth/sys/pidfd.hpp"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstring>

#include "berth/sys/file.hpp"
#include "berth/sys/mount.hpp"

namespace berth::sys {

namespace {

// linux/pidfd.h of 6.15; Debian 12's headers do not have it.
struct PidfdInfo {
  std::uint64_t mask;
  std::uint64_t cgroup_id;
  std::uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
  std::int32_t exit_code;
};
constexpr std::uint64_t kInfoExit = 1 << 3;
constexpr unsigned long kGetInfo = _IOWR(0xFF, 11, PidfdInfo);
static_assert(sizeof(PidfdInfo) == 64);

std::string proc_path(int pid, const char* file) { return "/proc/" + std::to_string(pid) + "/" + file; }

}  // namespace

Result<UniqueFd> open_pidfd(int pid) {
  long fd = syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return Error::system(errno, "open process", std::to_string(pid));
  return UniqueFd(static_cast<int>(fd));
}

Result<void> send_signal(int pidfd, int signal_number) {
  if (syscall(SYS_pidfd_send_signal, pidfd, signal_number, nullptr, 0) == 0) return {};
  return Error::system(errno, "send signal " + std::to_string(signal_number));
}

bool has_exited(int pidfd) {
  pollfd watched{pidfd, POLLIN, 0};
  return poll(&watched, 1, 0) == 1 && (watched.revents & (POLLIN | POLLHUP)) != 0;
}

int pid_of_pidfd(int pidfd) {
  auto info = read_file("/proc/self/fdinfo/" + std::to_string(pidfd));
  if (!info) return -1;
  const auto at = info->find("Pid:\t");
  if (at == std::string::npos) return -1;
  int pid = -1;
  std::from_chars(info->data() + at + 5, info->data() + info->size(), pid);
  return pid > 0 ? pid : -1;
}

Result<ProcessIdentity> identify_process(int pid) {
  auto stat = read_file(proc_path(pid, "stat"));
  if (!stat) return stat.error();
  // The second field is the name in parentheses and may hold anything; the last ')' ends it. Field 22 is 20 further on.
  auto at = stat->rfind(')');
  if (at == std::string::npos)
    return Error::make(ErrorKind::Protocol, "unreadable /proc/" + std::to_string(pid) + "/stat");
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = stat->find(' ', at + 1);
  if (at == std::string::npos)
    return Error::make(ErrorKind::Protocol, "unreadable /proc/" + std::to_string(pid) + "/stat");
  ProcessIdentity identity{.pid = pid, .start_time = 0, .boot = boot_id()};
  std::from_chars(stat->data() + at + 1, stat->data() + stat->size(), identity.start_time);
  return identity;
}

Result<UniqueFd> open_process(const ProcessIdentity& identity) {
  const auto gone = [&] {
    return Error::make(ErrorKind::NotFound, "process " + std::to_string(identity.pid) + " has ended");
  };
  if (identity.boot != boot_id()) return gone();
  // First the descriptor, then the comparison: in between the pid cannot be given to another process.
  auto fd = open_pidfd(identity.pid);
  if (!fd) {
    if (fd.error().errno_value() == ESRCH) return gone();
    return fd.error();
  }
  auto now = identify_process(identity.pid);
  if (!now || now->start_time != identity.start_time || has_exited(fd->get())) return gone();
  return fd;
}

std::optional<int> exit_status_of(int pidfd) {
  PidfdInfo info{};
  info.mask = kInfoExit;
  if (ioctl(pidfd, kGetInfo, &info) != 0 || (info.mask & kInfoExit) == 0) return std::nullopt;
  return info.exit_code;
}

Result<void> pin_pidfd(int pidfd, const std::string& path) {
  auto file = open(path, O_WRONLY | O_CREAT, 0600);
  if (!file) return file.error();
  // mount(MS_BIND) of /proc/self/fd/N is EINVAL for a pidfd; open_tree of the descriptor itself works.
  TreeAttributes plain{.recursive = false};
  auto tree = clone_tree(pidfd, "", plain);
  if (!tree) return tree.error();
  return attach_tree(tree->get(), path);
}

int exit_code_of_status(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

}  // namespace berth::sys
