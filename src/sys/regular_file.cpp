#include "berth/sys/regular_file.hpp"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "berth/sys/file.hpp"

namespace berth::sys {

Result<std::uint64_t> file_size(int fd, const std::string& name) {
  struct stat status;
  if (fstat(fd, &status) != 0) return Error::system(errno, "look at", name);
  return static_cast<std::uint64_t>(status.st_size);
}

Result<std::uint64_t> file_inode(int fd, const std::string& name) {
  struct stat status;
  if (fstat(fd, &status) != 0) return Error::system(errno, "look at", name);
  return static_cast<std::uint64_t>(status.st_ino);
}

Result<std::size_t> read_at(int fd, std::uint64_t offset, std::size_t most, std::string& out, const std::string& name) {
  const auto before = out.size();
  out.resize(before + most);
  std::size_t got = 0;
  while (got < most) {
    const auto n = pread(fd, out.data() + before + got, most - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const int failed = errno;
      out.resize(before);
      return Error::system(failed, "read", name);
    }
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  out.resize(before + got);
  return got;
}

Result<void> write_at(int fd, std::uint64_t offset, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const auto n = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::system(errno, "write", name);
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<void> cut_file(int fd, std::uint64_t size, const std::string& name) {
  if (ftruncate(fd, static_cast<off_t>(size)) != 0) return Error::system(errno, "cut", name);
  return {};
}

Result<void> punch_hole(int fd, std::uint64_t end, const std::string& name) {
  if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(end)) != 0)
    return Error::system(errno, "free the start of", name);
  return {};
}

Result<Spliced> splice_to_file(int pipe, int file, std::uint64_t offset, std::size_t most, const std::string& name) {
  auto at = static_cast<loff_t>(offset);
  ssize_t n;
  do n = splice(pipe, nullptr, file, &at, most, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno != EAGAIN) return Error::system(errno, "stage into", name);
  Spliced out;
  out.size = n > 0 ? static_cast<std::size_t>(n) : 0;
  out.ended = n == 0;
  return out;
}

Result<Spliced> splice_to_pipe(int from, int pipe, std::size_t most) {
  ssize_t n;
  do n = splice(from, nullptr, pipe, nullptr, most, SPLICE_F_NONBLOCK);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EINVAL) {
    char bytes[4096];
    int room = 0;
    const int capacity = fcntl(pipe, F_GETPIPE_SZ);
    if (ioctl(pipe, FIONREAD, &room) != 0 || capacity - room < static_cast<int>(sizeof bytes)) return Spliced{};
    n = read(from, bytes, std::min(most, sizeof bytes));
    if (n > 0 && write(pipe, bytes, static_cast<std::size_t>(n)) != n) return Error::system(errno, "write to a pipe");
  }
  if (n < 0 && errno != EAGAIN && errno != EIO) return Error::system(errno, "read a terminal");
  Spliced out;
  out.size = n > 0 ? static_cast<std::size_t>(n) : 0;
  out.ended = n == 0 || (n < 0 && errno == EIO);
  return out;
}

Result<Teed> tee_pipe(int pipe, int copy, std::size_t most) {
  ssize_t n;
  do n = tee(pipe, copy, most, SPLICE_F_NONBLOCK);
  while (n < 0 && errno == EINTR);
  Teed out;
  if (n < 0 && errno == EPIPE)
    out.unwanted = true;
  else if (n < 0 && errno == EAGAIN)
    out.no_room = bytes_in(pipe) > 0;
  else if (n < 0)
    return Error::system(errno, "copy a pipe");
  else
    out.size = static_cast<std::size_t>(n), out.ended = n == 0;
  return out;
}

Result<std::size_t> write_some(int pipe, std::string_view bytes) {
  ssize_t n;
  do n = write(pipe, bytes.data(), bytes.size());
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno != EAGAIN) return Error::system(errno, "write to a pipe");
  return n > 0 ? static_cast<std::size_t>(n) : std::size_t{0};
}

bool has_reader(int pipe) noexcept {
  pollfd asked{pipe, POLLOUT, 0};
  return ::poll(&asked, 1, 0) < 0 || (asked.revents & POLLERR) == 0;
}

std::size_t bytes_in(int pipe) noexcept {
  int size = 0;
  return ioctl(pipe, FIONREAD, &size) == 0 && size > 0 ? static_cast<std::size_t>(size) : 0;
}

Result<std::size_t> discard_from(int pipe, std::size_t most) {
  std::string bytes(most, '\0');
  const auto n = read(pipe, bytes.data(), bytes.size());
  if (n < 0 && errno != EAGAIN && errno != EINTR) return Error::system(errno, "read a pipe");
  return n > 0 ? static_cast<std::size_t>(n) : std::size_t{0};
}

Result<void> set_nonblocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
    return Error::system(errno, "make a descriptor non-blocking");
  return {};
}

Result<bool> rename_file(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) == 0) return true;
  if (errno == ENOENT) return false;
  return Error::system(errno, "rename", from);
}

Result<void> unlink_file(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return Error::system(errno, "remove", path);
  return {};
}

Result<SharedMapping> SharedMapping::open(const std::string& path, std::size_t size) {
  auto fd = sys::open(path, O_RDWR | O_CREAT, 0600);
  if (!fd) return fd.error();
  auto now = file_size(fd->get(), path);
  if (!now) return now.error();
  // posix_fallocate, not ftruncate: a page that the file system cannot give later is a SIGBUS.
  if (*now < size)
    if (const int failed = posix_fallocate(fd->get(), 0, static_cast<off_t>(size)); failed != 0)
      return Error::system(failed, "make room for", path);
  SharedMapping out;
  out.data_ = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd->get(), 0);
  if (out.data_ == MAP_FAILED) {
    out.data_ = nullptr;
    return Error::system(errno, "map", path);
  }
  out.size_ = size;
  return out;
}

SharedMapping::SharedMapping(SharedMapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SharedMapping& SharedMapping::operator=(SharedMapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

SharedMapping::~SharedMapping() {
  if (data_) munmap(data_, size_);
}

}  // namespace berth::sys
