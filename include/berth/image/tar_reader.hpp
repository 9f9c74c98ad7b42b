// Reads a tar stream (ustar, pax, GNU long names, base-256 numbers) entry by entry. Does no I/O of its own and never
// trusts a length: pax headers and names are limited, truncation is an error, checksums are verified. Paths come as
// they are written. Refused: GNU sparse and multi-volume entries.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "berth/base/error.hpp"

namespace berth::image {

enum class TarType { File, HardLink, SymbolicLink, CharDevice, BlockDevice, Directory, Fifo };

struct TarEntry {
  TarType type = TarType::File;
  std::string path;
  std::string link;  // target of a hard or symbolic link
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t size = 0;
  std::int64_t mtime = 0;
  std::uint32_t mtime_nanoseconds = 0;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::map<std::string, std::string> xattrs;  // SCHILY.xattr.*
};

class TarReader {
 public:
  // Gives up to `length` bytes; 0 at the end.
  using Source = std::function<Result<std::size_t>(char* buffer, std::size_t length)>;
  explicit TarReader(Source source) : source_(std::move(source)) {}

  // The next entry, past what is left of the one before; false at the end of the archive.
  Result<bool> next(TarEntry& entry);
  // Content of the current entry; 0 at its end.
  Result<std::size_t> read(char* buffer, std::size_t length);

 private:
  Result<std::size_t> read_up_to(char* buffer, std::size_t length);
  Result<void> skip(std::int64_t length);
  Result<std::string> read_header_text(std::int64_t size, const char* what);
  Result<bool> read_block(char* block);

  Source source_;
  std::int64_t left_ = 0;     // of the entry's content
  std::int64_t padding_ = 0;  // behind it
};

}  // namespace berth::image
