// Writes tar streams as the readers of the world take them: ustar, with a pax header before an entry that does not fit
// (long names, large numbers, parts of seconds, extended attributes). Does no I/O of its own.
//
//   TarWriter tar(sink);
//   tar.add(entry);  tar.content(bytes)...  tar.finish();
//
// archive_tree() puts what lies below a directory into one, without following links or leaving the directory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "berth/base/error.hpp"
#include "berth/image/tar_reader.hpp"

namespace berth::image {

class TarWriter {
 public:
  using Sink = std::function<Result<void>(std::string_view)>;
  explicit TarWriter(Sink sink) : sink_(std::move(sink)) {}

  // Exactly entry.size bytes of content follow (of a File; others have none): padded where less came.
  Result<void> add(const TarEntry& entry);
  Result<void> content(std::string_view bytes);  // more than was announced is an error
  Result<void> finish();                         // the end of the archive

 private:
  Result<void> fill();  // the entry before: what is missing of it, and to a whole block

  Sink sink_;
  std::int64_t left_ = 0;
  std::int64_t padding_ = 0;
};

// What lies at `path` inside the root, as `name` in the archive (a directory without a name: its content alone); a link
// at its end stays a link. Sockets and what the kernel shows as files are
// left out; a file with several names is written once.
Result<void> archive_tree(int root, const std::string& path, const std::string& name, TarWriter& tar);

}  // namespace berth::image
