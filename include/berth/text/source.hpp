// Text that came from the user, and places in it. A value keeps its Span through interpolate, merge, extends and
// include, so a message from any later step can still point at the line.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace berth::text {

// One file's bytes with an index of its lines. Immutable; shared by all spans into it.
class SourceFile {
 public:
  SourceFile(std::string path, std::string content);

  const std::string& path() const noexcept { return path_; }  // as it should be shown
  const std::string& content() const noexcept { return content_; }
  std::size_t line_count() const noexcept { return line_starts_.size(); }
  // Without its line end; `line` counts from 1. Empty outside the file.
  std::string_view line(std::uint32_t line) const noexcept;

 private:
  std::string path_;
  std::string content_;
  std::vector<std::size_t> line_starts_;
};

// A half-open range in a file; lines and columns count from 1, columns in code points. A default Span points nowhere.
struct Span {
  std::shared_ptr<const SourceFile> file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t end_line = 0;
  std::uint32_t end_column = 0;

  explicit operator bool() const noexcept { return file != nullptr; }
  std::string to_string() const;  // "compose.yaml:14:9"
  // Spans never decide whether two values are the same.
  bool operator==(const Span&) const noexcept { return true; }
};

}  // namespace berth::text
