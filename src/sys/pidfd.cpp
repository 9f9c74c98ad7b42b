#include "berth/sys/pidfd.hpp"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
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

// A field of /proc/PID/stat, counted from 1. The second one is the name in parentheses and may hold anything; the last
// ')' ends it.
template <class T>
Result<T> stat_field(int pid, int wanted) {
  auto stat = read_file(proc_path(pid, "stat"));
  if (!stat) return stat.error();
  auto at = stat->rfind(')');
  for (int field = 2; field < wanted && at != std::string::npos; ++field) at = stat->find(' ', at + 1);
  T value{};
  if (at == std::string::npos ||
      std::from_chars(stat->data() + at + 1, stat->data() + stat->size(), value).ec != std::errc())
    return Error::make(ErrorKind::Protocol, "unreadable /proc/" + std::to_string(pid) + "/stat");
  return value;
}

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
  auto start_time = stat_field<std::uint64_t>(pid, 22);
  if (!start_time) return start_time.error();
  return ProcessIdentity{pid, *start_time, boot_id()};
}

int parent_of(int pid) {
  const auto parent = stat_field<int>(pid, 4);
  return parent ? *parent : -1;
}

Result<UniqueFd> watch_reaping(int pidfd) {
  UniqueFd watch(epoll_create1(EPOLL_CLOEXEC));
  if (!watch) return Error::system(errno, "watch", "a process");
  epoll_event hang_up_only{};  // EPOLLHUP comes unasked; EPOLLIN would come with the zombie
  if (epoll_ctl(watch.get(), EPOLL_CTL_ADD, pidfd, &hang_up_only) != 0)
    return Error::system(errno, "watch", "a process");
  return watch;
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
