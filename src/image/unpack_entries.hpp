// Writes tar entries below a directory. Runs in the confined child of unpack.cpp; the same code is safe without
// confinement, as every path is opened by openat2 inside the root.
#pragma once

#include <string>
#include <vector>

#include "berth/image/tar_reader.hpp"
#include "berth/image/unpack.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::image {

class EntryWriter {
 public:
  EntryWriter(int root, const UnpackOptions& options) : root_(root), options_(options) {}
  Result<void> write(TarReader& reader, const TarEntry& entry);
  Result<void> finish();  // directories' times, deepest first
  const Unpacked& done() const { return done_; }
  const std::vector<std::string>& opaque() const { return opaque_; }  // directories to be marked (Whiteouts::Translate)

 private:
  struct DirectoryTime {
    std::string path;
    std::int64_t seconds;
    std::uint32_t nanoseconds;
  };
  Result<int> parent(const std::string& path);  // borrowed descriptor, cached
  Result<bool> whiteout(int parent, const std::string& directory, const std::string& name);
  Result<void> make(TarReader& reader, const TarEntry& entry, int parent, const std::string& path,
                    const std::string& name);
  Result<void> write_file(TarReader& reader, const TarEntry& entry, int parent, const std::string& name);
  Result<void> make_node(const TarEntry& entry, int parent, const std::string& name);

  int root_;
  UnpackOptions options_;
  Unpacked done_;
  std::string parent_path_;
  sys::UniqueFd parent_;
  std::vector<DirectoryTime> times_;
  std::vector<std::string> opaque_;
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
};

}  // namespace berth::image
