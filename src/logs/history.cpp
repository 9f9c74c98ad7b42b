#include "history.hpp"

#include <algorithm>
#include <queue>
#include <tuple>
#include <utility>

#include "berth/sys/file.hpp"
#include "commit.hpp"

namespace berth::logs {

Result<void> History::open() {
  auto files = open_generations(source_->path);
  if (!files) return files.error();
  files_ = std::move(*files);
  return range_.tail ? load_tail(*range_.tail) : Result<void>();
}

LineJoiner::Sink History::collect() {
  return [this](Line line) {
    line.source = source_;
    ready_.push_back(std::move(line));
  };
}

Result<bool> History::read_block(std::size_t& malformed) {
  if (at_ == files_.size()) return false;
  auto more = files_[at_].read([&](std::string_view json) {
    if (!joiner_.take(json, collect())) ++malformed;
  });
  if (!more) return more.error();
  if (*more) return true;
  if (at_ + 1 >= files_.size()) return false;
  ++at_;  // an older file is never written again
  return true;
}

// A json line may be a piece of a longer one: where the pieces of the last `count` do not make enough lines, look
// further back. One more than asked for, as the first may have begun before.
Result<void> History::load_tail(std::size_t count) {
  for (std::size_t pieces = count + 1;; pieces *= 2) {
    std::size_t left = pieces, malformed = 0;
    at_ = 0;
    for (auto& file : files_) file.seek(0);
    for (std::size_t i = files_.size(); i > 0 && left > 0; --i) {
      left -= files_[i - 1].seek_to_tail(left);
      at_ = i - 1;
    }
    joiner_ = LineJoiner();
    ready_.clear();
    for (bool more = true; more;) {
      auto read = read_block(malformed);
      if (!read) return read.error();
      more = *read;
      while (ready_.size() > count + 1) ready_.pop_front();
    }
    if (at_end_ == AtEnd::Flush) joiner_.flush(collect());
    if (ready_.size() > count || left > 0) break;
  }
  while (ready_.size() > count) ready_.pop_front();
  return {};
}

Result<std::optional<Line>> History::next(std::size_t& malformed) {
  for (;;) {
    while (!ready_.empty()) {
      Line line = std::move(ready_.front());
      ready_.pop_front();
      if (line.time >= range_.since && line.time <= range_.until) return std::optional<Line>(std::move(line));
    }
    auto more = read_block(malformed);
    if (!more) return more.error();
    if (*more) continue;
    if (at_end_ == AtEnd::Keep || std::exchange(flushed_, true)) return std::optional<Line>();
    joiner_.flush(collect());
  }
}

// Files that were rotated in since come behind the one that is being read.
Result<void> History::catch_up() {
  auto now = open_generations(source_->path);
  if (!now) return now.error();
  if (now->empty()) return {};
  if (files_.empty()) {
    files_ = std::move(*now);
    at_ = 0;
    return {};
  }
  const auto reading = std::find_if(now->begin(), now->end(),
                                    [&](const LogFile& file) { return file.inode() == files_.back().inode(); });
  const auto fresh = reading == now->end() ? now->begin() : reading + 1;
  files_.erase(files_.begin(), files_.begin() + static_cast<std::ptrdiff_t>(at_));
  at_ = 0;
  std::move(fresh, now->end(), std::back_inserter(files_));
  return {};
}

Result<void> History::start_at(const Position& position) {
  if (source_->commit.empty() || !sys::exists(source_->commit)) return {};
  for (;;) {
    auto record = CommitRecord::open(source_->commit);
    if (!record) return record.error();
    const auto generation = record->load().generation;
    BERTH_TRY(open());
    auto again = CommitRecord::open(source_->commit);
    if (!again) return again.error();
    if (again->load().generation != generation) continue;  // rotated in between
    const auto back = generation - position.generation;
    at_ = 0;
    if (position.generation > generation || back >= files_.size()) return {};  // rotated away: from the oldest there is
    at_ = files_.size() - 1 - static_cast<std::size_t>(back);
    files_[at_].seek(position.offset);
    return {};
  }
}

Result<bool> merge(std::vector<History>& histories, const LineSink& sink, std::size_t& malformed) {
  struct Head {
    Line line;
    std::size_t history;
  };
  const auto later = [](const Head& a, const Head& b) {
    return std::tie(a.line.time, a.history) > std::tie(b.line.time, b.history);
  };
  std::priority_queue<Head, std::vector<Head>, decltype(later)> heads(later);
  const auto advance = [&](std::size_t i) -> Result<void> {
    auto line = histories[i].next(malformed);
    if (!line) return line.error();
    if (*line) heads.push(Head{std::move(**line), i});
    return {};
  };
  for (std::size_t i = 0; i < histories.size(); ++i) BERTH_TRY(advance(i));
  while (!heads.empty()) {
    const Head head = heads.top();
    heads.pop();
    if (!sink(head.line)) return false;
    BERTH_TRY(advance(head.history));
  }
  return true;
}

}  // namespace berth::logs
