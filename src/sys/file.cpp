#include "berth/sys/file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "berth/base/random.hpp"

namespace berth::sys {
namespace {

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> sync_directory(const std::string& path) {
  auto directory = open(path, O_RDONLY | O_DIRECTORY);
  if (!directory) return directory.error();
  if (::fsync(directory->get()) < 0) return Error::system(errno, "fsync", path);
  return {};
}

Result<UniqueFd> lock_with(const std::string& path, int operation) {
  auto file = open(path, O_RDWR | O_CREAT, 0600);
  if (!file) return file.error();
  while (::flock(file->get(), operation) < 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return Error::make(ErrorKind::Busy, "`" + path + "` is locked");
    return Error::system(errno, "lock", path);
  }
  return std::move(*file);
}

// Removes what `directory` holds. `device` guards against walking into a mount.
Result<void> empty_directory(UniqueFd directory, const std::string& path, dev_t device) {
  DIR* stream = ::fdopendir(directory.get());
  if (!stream) return Error::system(errno, "read directory", path);
  directory.release();
  Result<void> result;
  while (result) {
    errno = 0;
    const dirent* entry = ::readdir(stream);
    if (!entry) {
      if (errno) result = Error::system(errno, "read directory", path);
      break;
    }
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (::unlinkat(::dirfd(stream), name.c_str(), 0) == 0) continue;
    if (errno != EISDIR && errno != EPERM) {
      if (errno != ENOENT) result = Error::system(errno, "remove", path + "/" + name);
      continue;
    }
    auto child = open_at(::dirfd(stream), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!child) {
      if (child.error().kind() == ErrorKind::NotFound) continue;
      result = child.error();
      break;
    }
    struct stat info;
    if (::fstat(child->get(), &info) < 0 || info.st_dev != device)
      result = Error::make(ErrorKind::Busy, "`" + path + "/" + name + "` is a mount point");
    else
      result = empty_directory(std::move(*child), path + "/" + name, device);
    if (result && ::unlinkat(::dirfd(stream), name.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT)
      result = Error::system(errno, "remove", path + "/" + name);
  }
  ::closedir(stream);
  return result;
}

}  // namespace

Result<UniqueFd> open(const std::string& path, int flags, mode_t mode) { return open_at(AT_FDCWD, path, flags, mode); }

Result<UniqueFd> open_at(int directory, const std::string& path, int flags, mode_t mode) {
  for (;;) {
    const int fd = ::openat(directory, path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return UniqueFd(fd);
    if (errno != EINTR) return Error::system(errno, "open", path);
  }
}

Result<UniqueFd> open_in_root(int root, const std::string& path, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = (flags & (O_CREAT | O_TMPFILE)) ? mode : 0;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    // EAGAIN: something on the way was renamed while the kernel walked ("..", RESOLVE_IN_ROOT); try again.
    if (errno != EINTR && errno != EAGAIN) return Error::system(errno, "open in root", path);
  }
}

Result<std::string> read_all(int fd, const std::string& name, std::size_t limit) {
  std::string bytes;
  struct stat info;
  if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0)
    bytes.reserve(std::min<std::size_t>(static_cast<std::size_t>(info.st_size), limit) + 1);
  char chunk[16384];
  for (;;) {
    const ssize_t n = ::read(fd, chunk, sizeof chunk);
    if (n == 0) return bytes;
    if (n < 0) {
      if (errno == EINTR) continue;
      return Error::system(errno, "read", name);
    }
    if (bytes.size() + static_cast<std::size_t>(n) > limit)
      return Error::make(ErrorKind::Invalid, "`" + name + "` is larger than " + std::to_string(limit) + " bytes");
    bytes.append(chunk, static_cast<std::size_t>(n));
  }
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  return read_file_at(AT_FDCWD, path, limit);
}

Result<std::string> read_file_at(int directory, const std::string& path, std::size_t limit) {
  auto file = open_at(directory, path, O_RDONLY);
  if (!file) return file.error();
  return read_all(file->get(), path, limit);
}

Result<void> write_all(int fd, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return Error::system(errno, "write", name);
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> write_value(const std::string& path, std::string_view value) {
  auto file = open(path, O_WRONLY);
  if (!file) return file.error();
  if (::write(file->get(), value.data(), value.size()) < 0)
    return Error::system(errno, "write `" + std::string(value) + "` to", path);
  return {};
}

Result<void> write_file_atomic(const std::string& path, std::string_view bytes, Durability durability, mode_t mode) {
  const std::string temporary = path + ".tmp-" + random_hex(4);
  auto file = open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
  if (!file) return file.error();
  auto written = write_all(file->get(), bytes, temporary);
  if (written && durability != Durability::Volatile && ::fsync(file->get()) < 0)
    written = Error::system(errno, "fsync", temporary);
  if (written && ::rename(temporary.c_str(), path.c_str()) < 0) written = Error::system(errno, "rename to", path);
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  return durability == Durability::Synced ? sync_directory(parent_of(path)) : Result<void>();
}

namespace {

// False: what was there a moment ago has been removed in between.
Result<bool> try_make_directories(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return true;
  struct stat info;
  if (errno == EEXIST) {
    if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return true;
    if (::lstat(path.c_str(), &info) < 0 && errno == ENOENT) return false;
    return Error::system(ENOTDIR, "create directory", path);
  }
  if (errno != ENOENT || path.empty() || path == "/") return Error::system(errno, "create directory", path);
  BERTH_TRY(make_directories(parent_of(path), mode));
  if (::mkdir(path.c_str(), mode) == 0) return true;
  if (errno == ENOENT || errno == EEXIST) return false;
  return Error::system(errno, "create directory", path);
}

}  // namespace

Result<void> make_directories(const std::string& path, mode_t mode) {
  constexpr int kTries = 10000;  // so often somebody may remove it; there are places (/proc) where nothing can be made
  for (int i = 0; i < kTries; ++i) {
    auto made = try_make_directories(path, mode);
    if (!made) return made.error();
    if (*made) return {};
  }
  return Error::system(ENOENT, "create directory", path);
}

Result<void> remove_tree(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return Error::system(errno, "remove", path);
  auto directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory && directory.error().kind() == ErrorKind::NotFound) return {};  // somebody else removes it too
  if (!directory) return directory.error();
  struct stat info;
  if (::fstat(directory->get(), &info) < 0) return Error::system(errno, "stat", path);
  BERTH_TRY(empty_directory(std::move(*directory), path, info.st_dev));
  if (::rmdir(path.c_str()) < 0 && errno != ENOENT) return Error::system(errno, "remove", path);
  return {};
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  DIR* stream = ::opendir(path.c_str());
  if (!stream) return Error::system(errno, "read directory", path);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream))
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0)
      names.emplace_back(entry->d_name);
  ::closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<UniqueFd> lock_file(const std::string& path, LockMode mode) {
  return lock_with(path, mode == LockMode::Shared ? LOCK_SH : LOCK_EX);
}

Result<UniqueFd> try_lock_file(const std::string& path, LockMode mode) {
  return lock_with(path, (mode == LockMode::Shared ? LOCK_SH : LOCK_EX) | LOCK_NB);
}

const std::string& boot_id() {
  static const std::string id = [] {
    auto text = must(read_file("/proc/sys/kernel/random/boot_id", 64));
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }();
  return id;
}

}  // namespace berth::sys
