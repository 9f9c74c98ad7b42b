// The lines of one source in their order, oldest file first, and where its reading stands afterwards.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "berth/logs/reader.hpp"
#include "line_joiner.hpp"
#include "log_file.hpp"

namespace berth::logs {

class History {
 public:
  enum class AtEnd { Flush, Keep };  // of an unfinished line
  History(const Source& source, const Range& range, AtEnd at_end) : source_(&source), range_(range), at_end_(at_end) {}
  History(History&&) = default;  // a deque's move may throw: without this a vector of histories would want to copy
  History& operator=(History&&) = default;

  // Opens all files at once: a rotation during the reading loses nothing.
  Result<void> open();
  // The next line in the range; nothing where there is none now.
  Result<std::optional<Line>> next(std::size_t& malformed);

  // For a follower: goes on in newer files and with what was written since.
  Result<void> catch_up();
  Result<void> start_at(const Position& position);

 private:
  Result<void> load_tail(std::size_t count);
  Result<bool> read_block(std::size_t& malformed);
  LineJoiner::Sink collect();

  const Source* source_;
  Range range_;
  AtEnd at_end_;
  std::vector<LogFile> files_;
  std::size_t at_ = 0;
  LineJoiner joiner_;
  std::deque<Line> ready_;
  bool flushed_ = false;
};

// By time over all; of equal times the earlier source first. False where the sink wants no more.
Result<bool> merge(std::vector<History>& histories, const LineSink& sink, std::size_t& malformed);

}  // namespace berth::logs
