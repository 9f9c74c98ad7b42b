// Reading and writing at a position, cutting, and moving bytes from a pipe into a file without a copy through this
// process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::sys {

Result<std::uint64_t> file_size(int fd, const std::string& name);
Result<std::uint64_t> file_inode(int fd, const std::string& name);
// Appends up to `most` bytes at `offset` to `out`; fewer only at the end of the file.
Result<std::size_t> read_at(int fd, std::uint64_t offset, std::size_t most, std::string& out, const std::string& name);
Result<void> write_at(int fd, std::uint64_t offset, std::string_view bytes, const std::string& name);
Result<void> cut_file(int fd, std::uint64_t size, const std::string& name);
// Gives the blocks of [0, end) back; the size stays and the range reads as zeros.
Result<void> punch_hole(int fd, std::uint64_t end, const std::string& name);

// splice(2) from a pipe to `offset` of a file, without waiting. Seen from SIGKILL a byte is in the one or in the other.
struct Spliced {
  std::size_t size = 0;
  bool ended = false;  // the last writer has closed; otherwise size 0 means: nothing there now
};
Result<Spliced> splice_to_file(int pipe, int file, std::uint64_t offset, std::size_t most, const std::string& name);
// splice(2) from a descriptor that is no pipe (a terminal's master: Linux 5.11, copied by hand before) into a pipe,
// without waiting. Size 0 and not ended: nothing there, or no room. A terminal whose last user has closed is `ended`.
Result<Spliced> splice_to_pipe(int from, int pipe, std::size_t most);
// tee(2): copies what a pipe holds into another one and leaves it there, without waiting.
struct Teed {
  std::size_t size = 0;
  bool ended = false;     // of `pipe`, as above
  bool unwanted = false;  // nobody reads `copy` any more
  bool no_room = false;   // bytes are there, and `copy` is full
};
Result<Teed> tee_pipe(int pipe, int copy, std::size_t most);
// write(2) to a pipe that is non-blocking: what it took, 0 where it is full. EPIPE is an error like others (the caller
// ignores SIGPIPE).
Result<std::size_t> write_some(int pipe, std::string_view bytes);
// Whether anybody holds the read end of a pipe, asked at its write end.
bool has_reader(int pipe) noexcept;
// What a pipe holds now, in bytes.
std::size_t bytes_in(int pipe) noexcept;

// Reads and throws away up to `most` bytes; 0 where there are none.
Result<std::size_t> discard_from(int pipe, std::size_t most);

Result<void> set_nonblocking(int fd);
// Renames; false where there was nothing to rename.
Result<bool> rename_file(const std::string& from, const std::string& to);
// Removes; a missing file is success.
Result<void> unlink_file(const std::string& path);

// A file mapped shared and writable, grown to `size`.
class SharedMapping {
 public:
  static Result<SharedMapping> open(const std::string& path, std::size_t size);
  SharedMapping() = default;
  SharedMapping(SharedMapping&& other) noexcept;
  SharedMapping& operator=(SharedMapping&& other) noexcept;
  ~SharedMapping();
  void* data() const noexcept { return data_; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace berth::sys
