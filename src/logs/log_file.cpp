#include "log_file.hpp"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "berth/logs/entry.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/regular_file.hpp"
#include "line_joiner.hpp"

namespace berth::logs {
namespace {
constexpr std::size_t kBlock = 128 << 10;
constexpr std::size_t kLongestJson = 1 << 20;  // what is longer without a newline is not one of our lines
}  // namespace

Result<bool> LogFile::read(const std::function<void(std::string_view)>& line) {
  std::string block;
  auto got = sys::read_at(fd_.get(), offset_, kBlock, block, name_);
  if (!got) return got.error();
  auto end = block.rfind('\n');
  while (end == std::string::npos && *got == kBlock && block.size() < kLongestJson) {
    got = sys::read_at(fd_.get(), offset_ + block.size(), kBlock, block, name_);
    if (!got) return got.error();
    end = block.rfind('\n');
  }
  if (end == std::string::npos) {
    if (block.size() < kLongestJson) return false;
    end = block.size() - 1;
  }
  offset_ += end + 1;
  std::string_view rest(block.data(), end + 1);
  while (!rest.empty()) {
    const auto newline = std::min(rest.find('\n'), rest.size() - 1);
    if (newline > 0) line(rest.substr(0, newline));
    rest.remove_prefix(newline + 1);
  }
  return true;
}

std::size_t LogFile::seek_to_tail(std::size_t count) {
  auto size = sys::file_size(fd_.get(), name_);
  if (!size) return 0;
  std::size_t newlines = 0;
  for (std::uint64_t end = *size; end > 0;) {
    const auto start = end > kBlock ? end - kBlock : 0;
    std::string block;
    auto got = sys::read_at(fd_.get(), start, end - start, block, name_);
    if (!got) break;
    for (std::size_t i = block.size(); i > 0; --i) {
      if (block[i - 1] != '\n') continue;
      if (newlines == count) {
        offset_ = start + i;
        return count;
      }
      ++newlines;
    }
    end = start;
  }
  offset_ = 0;
  return std::min(newlines, count);
}

Result<std::vector<LogFile>> open_generations(const std::string& path) {
  std::vector<LogFile> out;
  // The newest first: a rotation meanwhile makes a file appear twice (known by its inode), never vanish.
  for (int number = 0;; ++number) {
    const auto name = number == 0 ? path : path + "." + std::to_string(number);
    auto fd = sys::open(name, O_RDONLY);
    if (!fd && fd.error().kind() == ErrorKind::NotFound && number == 0) continue;  // between two steps of a rotation
    if (!fd && fd.error().kind() == ErrorKind::NotFound) break;
    if (!fd) return fd.error();
    auto inode = sys::file_inode(fd->get(), name);
    if (!inode) return inode.error();
    if (std::none_of(out.begin(), out.end(), [&](const LogFile& other) { return other.inode() == *inode; }))
      out.emplace_back(std::move(*fd), name, *inode);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

bool LineJoiner::take(std::string_view json, const Sink& sink) {
  auto entry = parse_json_line(json);
  if (!entry) return false;
  const std::size_t stream = entry->stream == Stream::Stdout ? 0 : 1;
  auto& open = open_[stream];
  if (!open.any) open.time = entry->time;
  open.any = true;
  const bool whole = entry->text.ends_with('\n');
  if (whole) entry->text.pop_back();
  open.text += entry->text;
  if (whole || open.text.size() >= kLongestLine) emit(stream, sink);
  return true;
}

void LineJoiner::emit(std::size_t stream, const Sink& sink) {
  Line line;
  line.stream = stream == 0 ? Stream::Stdout : Stream::Stderr;
  line.time = open_[stream].time;
  line.text = std::exchange(open_[stream].text, {});
  open_[stream].any = false;
  sink(std::move(line));
}

void LineJoiner::flush(const Sink& sink) {
  for (std::size_t stream = 0; stream < 2; ++stream)
    if (open_[stream].any) emit(stream, sink);
}

}  // namespace berth::logs
