#include "berth/sys/inotify.hpp"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace berth::sys {

Result<Inotify> Inotify::create() {
  UniqueFd fd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd) return Error::system(errno, "watch directories");
  return Inotify(std::move(fd));
}

Result<int> Inotify::add(const std::string& directory) {
  const int watch = inotify_add_watch(fd_.get(), directory.c_str(),
                                      IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR);
  if (watch < 0) return Error::system(errno, "watch", directory);
  return watch;
}

Result<int> Inotify::add_end_of_writing(const std::string& file) {
  const int number = inotify_add_watch(fd_.get(), file.c_str(), IN_CLOSE_WRITE | IN_DELETE_SELF | IN_ATTRIB);
  if (number < 0) return Error::system(errno, "watch", file);
  return number;
}

void Inotify::remove(int watch) { inotify_rm_watch(fd_.get(), watch); }

Result<std::vector<DirectoryChange>> Inotify::read() {
  alignas(inotify_event) char bytes[16384];
  const auto got = ::read(fd_.get(), bytes, sizeof bytes);
  std::vector<DirectoryChange> out;
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return out;
    return Error::system(errno, "read directory changes");
  }
  for (ssize_t at = 0; at < got;) {
    inotify_event event;
    memcpy(&event, bytes + at, sizeof event);
    DirectoryChange change;
    change.watch = event.wd;  // -1 with IN_Q_OVERFLOW
    if (event.len > 0) change.name = bytes + at + sizeof event;
    out.push_back(std::move(change));
    at += static_cast<ssize_t>(sizeof event + event.len);
  }
  return out;
}

}  // namespace berth::sys
