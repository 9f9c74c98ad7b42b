#include "part_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "berth/base/assert.hpp"

namespace berth::registry {
namespace {

constexpr std::int64_t kSmallestRange = 16 << 20;
constexpr std::int64_t kMostRanges = 16;
constexpr std::uint64_t kTrailerMark = 0x3130'7472'6170'7262;  // "brpart01"
constexpr std::int64_t kTrailerHead = 2;                       // words before those of the ranges

Result<void> write_at(int file, std::string_view bytes, std::int64_t at) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(file, bytes.data(), bytes.size(), at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::system(errno, "write", "a download");
    bytes.remove_prefix(static_cast<std::size_t>(n));
    at += n;
  }
  return {};
}

// Less only at the file's end.
Result<std::size_t> read_at(int file, char* buffer, std::size_t length, std::int64_t at) {
  std::size_t done = 0;
  while (done < length) {
    const ssize_t n = ::pread(file, buffer + done, length - done, at + static_cast<std::int64_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::system(errno, "read", "a download");
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

std::string_view bytes_of(const std::vector<std::uint64_t>& words) {
  return {reinterpret_cast<const char*>(words.data()), words.size() * sizeof(std::uint64_t)};
}

}  // namespace

std::size_t range_count(std::int64_t whole) {
  if (whole <= kLargeBlob) return 1;
  return static_cast<std::size_t>(std::clamp<std::int64_t>(whole / kSmallestRange, 1, kMostRanges));
}

PartFile::PartFile(sys::UniqueFd file, std::int64_t whole) : file_(std::move(file)), whole_(whole) {
  divide(range_count(whole));
}

void PartFile::divide(std::size_t count) {
  ranges_ = std::vector<Range>(count);
  const std::int64_t step = whole_ / static_cast<std::int64_t>(count);
  for (std::size_t i = 0; i < count; ++i) {
    ranges_[i].begin = step * static_cast<std::int64_t>(i);
    ranges_[i].end = i + 1 == count ? whole_ : ranges_[i].begin + step;
  }
}

std::int64_t PartFile::trailer_size() const {
  return (kTrailerHead + static_cast<std::int64_t>(ranges_.size())) * static_cast<std::int64_t>(sizeof(std::uint64_t));
}

Result<bool> PartFile::read_trailer() {
  std::vector<std::uint64_t> words(static_cast<std::size_t>(trailer_size()) / sizeof(std::uint64_t));
  auto read = read_at(file_.get(), reinterpret_cast<char*>(words.data()), words.size() * sizeof(std::uint64_t), whole_);
  if (!read) return read.error();
  if (words[0] != kTrailerMark || words[1] != static_cast<std::uint64_t>(whole_)) return false;
  for (std::size_t i = 0; i < ranges_.size(); ++i)
    if (words[i + kTrailerHead] > static_cast<std::uint64_t>(ranges_[i].end - ranges_[i].begin)) return false;
  for (std::size_t i = 0; i < ranges_.size(); ++i) ranges_[i].got = static_cast<std::int64_t>(words[i + kTrailerHead]);
  return true;
}

Result<void> PartFile::write_trailer() {
  std::vector<std::uint64_t> words{kTrailerMark, static_cast<std::uint64_t>(whole_)};
  for (const auto& range : ranges_) words.push_back(static_cast<std::uint64_t>(range.got.load()));
  return write_at(file_.get(), bytes_of(words), whole_);
}

Result<void> PartFile::take_up() {
  divide(range_count(whole_));
  summed_ = 0;
  sum_ = image::Sha256();
  struct stat info {};
  if (::fstat(file_.get(), &info) != 0) return Error::system(errno, "stat", "a download");
  bool known = false;
  if (ranges_.size() > 1 && info.st_size == whole_ + trailer_size()) {
    auto read = read_trailer();
    if (!read) return read.error();
    known = *read;
  }
  if (!known) {
    if (info.st_size > whole_) {
      info.st_size = 0;
      if (::ftruncate(file_.get(), 0) != 0) return Error::system(errno, "truncate", "a download");
    }
    // What is there came from the start on, by one connection.
    for (auto& range : ranges_)
      range.got = std::clamp<std::int64_t>(info.st_size - range.begin, 0, range.end - range.begin);
    if (ranges_.size() > 1) BERTH_TRY(write_trailer());
  }
  return sum_up();
}

Result<void> PartFile::start_over() {
  if (::ftruncate(file_.get(), 0) != 0) return Error::system(errno, "truncate", "a download");
  divide(1);
  summed_ = 0;
  sum_ = image::Sha256();
  return {};
}

std::int64_t PartFile::got() const {
  std::int64_t out = 0;
  for (const auto& range : ranges_) out += range.got.load();
  return out;
}

std::optional<std::size_t> PartFile::claim() {
  for (std::size_t i = 0; i < ranges_.size(); ++i)
    if (!is_filled(i) && !ranges_[i].taken.exchange(true)) {
      if (!is_filled(i)) return i;
      give_back(i);  // somebody has filled it in between
    }
  return std::nullopt;
}

Result<void> PartFile::add(std::size_t index, std::string_view bytes) {
  Range& range = ranges_[index];
  const std::int64_t at = next(index);
  BERTH_ASSERT(static_cast<std::int64_t>(bytes.size()) <= range.end - at);
  BERTH_TRY(write_at(file_.get(), bytes, at));
  // What the first range's thread writes need not be read again; the sum is its own until all have ended.
  if (index == 0 && at == summed_) {
    sum_.add(bytes);
    summed_ += static_cast<std::int64_t>(bytes.size());
  }
  const std::int64_t got = range.got.load() + static_cast<std::int64_t>(bytes.size());
  range.got = got;
  if (ranges_.size() == 1) return {};
  const auto word = static_cast<std::uint64_t>(got);
  const auto place = kTrailerHead + static_cast<std::int64_t>(index);
  return write_at(file_.get(), {reinterpret_cast<const char*>(&word), sizeof word},
                  whole_ + place * static_cast<std::int64_t>(sizeof word));
}

Result<void> PartFile::sum_up() {
  std::vector<char> buffer;
  for (const auto& range : ranges_) {
    const std::int64_t end = range.begin + range.got.load();
    while (summed_ >= range.begin && summed_ < end) {
      buffer.resize(256 * 1024);
      const auto wanted = std::min<std::int64_t>(end - summed_, static_cast<std::int64_t>(buffer.size()));
      auto read = read_at(file_.get(), buffer.data(), static_cast<std::size_t>(wanted), summed_);
      if (!read) return read.error();
      if (*read == 0) return Error::make(ErrorKind::Failed, "a download has become shorter on disk");
      sum_.add({buffer.data(), *read});
      summed_ += static_cast<std::int64_t>(*read);
    }
    if (end != range.end) break;
  }
  return {};
}

Result<sys::UniqueFd> PartFile::release() {
  if (ranges_.size() > 1 && ::ftruncate(file_.get(), whole_) != 0)
    return Error::system(errno, "truncate", "a download");
  return std::move(file_);
}

}  // namespace berth::registry
