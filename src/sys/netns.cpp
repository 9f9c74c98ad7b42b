#include "berth/sys/netns.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "berth/base/assert.hpp"
#include "berth/sys/file.hpp"

namespace berth::sys {

// thread-self: setns moves a thread, not a process.
Result<UniqueFd> current_netns() { return open("/proc/thread-self/ns/net", O_RDONLY); }
Result<UniqueFd> open_netns(const std::string& path) { return open(path, O_RDONLY); }
Result<UniqueFd> open_netns_of(int pid) { return open("/proc/" + std::to_string(pid) + "/ns/net", O_RDONLY); }

Result<UniqueFd> create_netns() {
  auto home = current_netns();
  if (!home) return home.error();
  if (::unshare(CLONE_NEWNET) < 0) return Error::system(errno, "create a network namespace");
  auto made = current_netns();
  BERTH_ASSERT(::setns(home->get(), CLONE_NEWNET) == 0);
  return made;
}

Result<NetnsScope> NetnsScope::enter(int netns) {
  auto home = current_netns();
  if (!home) return home.error();
  if (::setns(netns, CLONE_NEWNET) < 0) return Error::system(errno, "enter a network namespace");
  return NetnsScope(std::move(*home));
}

NetnsScope::~NetnsScope() {
  if (home_) BERTH_ASSERT(::setns(home_.get(), CLONE_NEWNET) == 0);
}

Result<void> pin_netns(int netns, const std::string& path) {
  struct stat wanted {
  }, there{};
  if (::fstat(netns, &wanted) < 0) return Error::system(errno, "look at the network namespace for", path);
  if (::stat(path.c_str(), &there) == 0) {
    if (there.st_dev == wanted.st_dev && there.st_ino == wanted.st_ino) return {};
    BERTH_TRY(unpin_netns(path));
  }
  auto file = open(path, O_RDONLY | O_CREAT, 0600);
  if (!file) return file.error();
  const std::string source = "/proc/self/fd/" + std::to_string(netns);
  if (::mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) < 0) {
    const int failed = errno;
    ::unlink(path.c_str());
    return Error::system(failed, "pin network namespace", path);
  }
  return {};
}

Result<void> unpin_netns(const std::string& path) {
  if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL && errno != ENOENT)
    return Error::system(errno, "unpin network namespace", path);
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) return Error::system(errno, "remove", path);
  return {};
}

}  // namespace berth::sys
