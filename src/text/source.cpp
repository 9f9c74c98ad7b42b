#include "berth/text/source.hpp"

#include <utility>

namespace berth::text {

SourceFile::SourceFile(std::string path, std::string content) : path_(std::move(path)), content_(std::move(content)) {
  line_starts_.push_back(0);
  for (std::size_t at = content_.find('\n'); at != std::string::npos && at + 1 < content_.size();
       at = content_.find('\n', at + 1))
    line_starts_.push_back(at + 1);
}

std::string_view SourceFile::line(std::uint32_t line) const noexcept {
  if (line == 0 || line > line_starts_.size()) return {};
  const std::size_t begin = line_starts_[line - 1];
  std::size_t end = line < line_starts_.size() ? line_starts_[line] - 1 : content_.size();
  if (line == line_starts_.size() && end > begin && content_[end - 1] == '\n') --end;
  if (end > begin && content_[end - 1] == '\r') --end;
  return std::string_view(content_).substr(begin, end - begin);
}

std::string Span::to_string() const {
  if (!file) return {};
  std::string text = file->path();
  if (line) text += ":" + std::to_string(line) + ":" + std::to_string(column);
  return text;
}

}  // namespace berth::text
