// The file that a blob grows in, and what is in it so far.
//
//   small:  | bytes from the start …
//   large:  | range 0 … | range 1 … |  …  | mark, whole, how much of each range has come |
//
// A large one is divided by its length alone, so that whoever finds the file knows where its ranges begin. The trailer
// is written after the bytes that it speaks of, and even so nothing of it is trusted: digest() is over what is read
// from the file or was written by us. Ranges may be filled by several threads at once, each range by one.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/image/sha256.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::registry {

inline constexpr std::int64_t kLargeBlob = 64 << 20;

// Into how many ranges a blob of that length is divided: one, or as many as there is use for.
std::size_t range_count(std::int64_t whole);

class PartFile {
 public:
  PartFile(sys::UniqueFd file, std::int64_t whole);

  // What an earlier attempt has left.
  Result<void> take_up();
  // Nothing in it, and one range. No other thread may be at it.
  Result<void> start_over();

  std::size_t count() const { return ranges_.size(); }
  // The next byte that is wanted of a range, and the end of the range.
  std::int64_t next(std::size_t range) const { return ranges_[range].begin + ranges_[range].got.load(); }
  std::int64_t end(std::size_t range) const { return ranges_[range].end; }
  bool is_filled(std::size_t range) const { return next(range) == end(range); }
  std::int64_t got() const;  // of all ranges
  std::int64_t whole() const { return whole_; }

  // A range that is not filled and that nobody is at; from now on somebody is, until give_back().
  std::optional<std::size_t> claim();
  void give_back(std::size_t range) { ranges_[range].taken = false; }

  // Not more than the range has room for.
  Result<void> add(std::size_t range, std::string_view bytes);

  // Reads on as far as there is no gap. One thread.
  Result<void> sum_up();
  std::string digest() { return "sha256:" + sum_.hex(); }  // once, after the last sum_up()

  // The blob and nothing else.
  Result<sys::UniqueFd> release();

 private:
  struct Range {
    std::int64_t begin = 0, end = 0;
    std::atomic<std::int64_t> got{0};
    std::atomic<bool> taken{false};
  };
  void divide(std::size_t count);
  std::int64_t trailer_size() const;
  Result<bool> read_trailer();
  Result<void> write_trailer();

  sys::UniqueFd file_;
  std::int64_t whole_;
  std::vector<Range> ranges_;
  std::int64_t summed_ = 0;  // where sum_ has come to
  image::Sha256 sum_;
};

}  // namespace berth::registry
