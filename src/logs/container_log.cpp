#include "berth/logs/container_log.hpp"

#include <fcntl.h>

#include <cstring>
#include <utility>
#include <vector>

#include "berth/sys/file.hpp"
#include "berth/sys/regular_file.hpp"
#include "commit.hpp"

namespace berth::logs {
namespace {

constexpr std::size_t kBatch = 65536;
constexpr std::uint64_t kCutDrainedStage = 16384;     // smaller ones are left: cutting is a system call
constexpr std::uint64_t kFreeStageStart = 256 << 10;  // of a stage that never drains
constexpr std::uint64_t kMostHeldBack = 1 << 20;      // per stream, while the disk is full

constexpr std::size_t index_of(Stream stream) { return stream == Stream::Stdout ? 0 : 1; }

// The next entry's bytes at the start of `text`: a line, 16 KiB of one, or with `final` what is left. Empty: wait for
// more.
std::string_view next_piece(std::string_view text, bool final) {
  const auto window = std::min(text.size(), kMaxEntryBytes);
  if (const auto* newline = static_cast<const char*>(std::memchr(text.data(), '\n', window)))
    return text.substr(0, static_cast<std::size_t>(newline - text.data()) + 1);
  return window == kMaxEntryBytes || final ? text.substr(0, window) : std::string_view();
}

std::string rotated_name(const std::string& log, int number) { return log + "." + std::to_string(number); }

}  // namespace

LogFiles LogFiles::of(const std::string& root, const std::string& run_root, const std::string& project,
                      const std::string& container) {
  LogFiles out;
  out.log = root + "/projects/" + project + "/containers/" + container + "/" + container + "-json.log";
  const auto run = run_root + "/" + project;
  out.stage_stdout = run + "/stage/" + container + ".stdout";
  out.stage_stderr = run + "/stage/" + container + ".stderr";
  out.commit = run + "/commit/" + container;
  return out;
}

struct ContainerLog::Impl {
  struct Side {
    sys::UniqueFd pipe;
    sys::UniqueFd stage;
    std::string stage_name;
    std::uint64_t staged = 0;  // size of the stage file
    std::uint64_t freed = 0;   // of its start
    sys::UniqueFd tap;
    std::string owed;  // to the tap, once the stream is being finished
  };

  LogFiles files;
  Policy policy;
  CommitRecord record;
  CommitState state;
  sys::UniqueFd log;
  std::array<Side, 2> sides;
  Subscriber subscriber;
  bool blocked = false;
  bool finishing = false;
  std::string text;  // reused buffers; given back when a burst has made them large
  std::string output;
  std::vector<LiveEntry> live;

  bool keeps_file() const { return policy.driver != Driver::None; }

  Result<void> open_log() {
    auto fd = sys::open(files.log, O_RDWR | O_CREAT, 0600);
    if (!fd) return fd.error();
    log = std::move(*fd);
    return {};
  }

  Result<void> recover() {
    if (keeps_file()) {
      auto opened = CommitRecord::open(files.commit);
      if (!opened) return opened.error();
      record = std::move(*opened);
    }
    state = record.load();
    for (std::size_t i = 0; i < 2; ++i) {
      auto& side = sides[i];
      side.stage_name = i == 0 ? files.stage_stdout : files.stage_stderr;
      auto stage = sys::open(side.stage_name, O_RDWR | O_CREAT | (keeps_file() ? 0 : O_TRUNC), 0600);
      if (!stage) return stage.error();
      side.stage = std::move(*stage);
      auto size = sys::file_size(side.stage.get(), side.stage_name);
      if (!size) return size.error();
      side.staged = *size;
      // Cut when all of it was committed, killed before the record said so.
      if (side.staged < state.stage_offset[i]) state.stage_offset[i] = 0;
    }
    if (!keeps_file()) return {};
    if (state.rotating_inode != 0)
      BERTH_TRY(finish_rotation());
    else
      BERTH_TRY(open_log());
    auto size = sys::file_size(log.get(), files.log);
    if (!size) return size.error();
    if (record.is_new()) {
      state.log_offset = *size;  // from before a reboot
      BERTH_TRY(end_torn_line());
    } else if (*size > state.log_offset)
      BERTH_TRY(sys::cut_file(log.get(), state.log_offset, files.log));
    else
      state.log_offset = *size;
    record.store(state);  // before anything is written: the first crash finds a record
    return {};
  }

  Result<void> end_torn_line() {
    if (state.log_offset == 0) return {};
    std::string last;
    auto got = sys::read_at(log.get(), state.log_offset - 1, 1, last, files.log);
    if (!got) return got.error();
    if (last == "\n") return {};
    BERTH_TRY(sys::write_at(log.get(), state.log_offset, "\n", files.log));
    ++state.log_offset;
    return {};
  }

  // Announced first, so that whoever comes after a crash does the renames that are missing.
  Result<void> rotate() {
    auto inode = sys::file_inode(log.get(), files.log);
    if (!inode) return inode.error();
    state.rotating_inode = *inode;
    ++state.generation;
    state.log_offset = 0;
    record.store(state);
    log.reset();
    return finish_rotation();
  }

  Result<void> finish_rotation() {
    auto current = sys::open(files.log, O_RDONLY);
    if (!current && current.error().kind() != ErrorKind::NotFound) return current.error();
    if (current) {
      auto inode = sys::file_inode(current->get(), files.log);
      if (!inode) return inode.error();
      if (*inode == state.rotating_inode) BERTH_TRY(shift_files());
    }
    BERTH_TRY(open_log());
    state.rotating_inode = 0;
    record.store(state);
    return {};
  }

  // Only what lies below the first free number moves: done again after a crash it moves nothing twice.
  Result<void> shift_files() {
    const int oldest = policy.max_files - 1;
    if (oldest == 0) return sys::unlink_file(files.log);
    int free = 1;
    while (free <= oldest && sys::exists(rotated_name(files.log, free))) ++free;
    if (free > oldest) {
      BERTH_TRY(sys::unlink_file(rotated_name(files.log, oldest)));
      free = oldest;
    }
    for (int number = free; number > 1; --number) {
      auto moved = sys::rename_file(rotated_name(files.log, number - 1), rotated_name(files.log, number));
      if (!moved) return moved.error();
    }
    auto moved = sys::rename_file(files.log, rotated_name(files.log, 1));
    if (!moved) return moved.error();
    return {};
  }

  Result<Progress> take(std::size_t i, std::int64_t now) {
    auto& side = sides[i];
    if (!side.pipe) return Progress::Ended;
    std::size_t most = kBatch;  // of a tapped stream only what was copied
    bool owes = side.tap && !side.owed.empty();
    if (side.tap && !owes) {
      auto copied = sys::tee_pipe(side.pipe.get(), side.tap.get(), kBatch);
      if (!copied) return copied.error();
      if (copied->no_room && !finishing) return Progress::Held;
      if (copied->unwanted)
        side.tap.reset();
      else if (copied->no_room)
        owes = true;
      else if (copied->size > 0)
        most = copied->size;
      else if (!copied->ended)
        return Progress::Drained;
    }
    auto got = sys::splice_to_file(side.pipe.get(), side.stage.get(), side.staged, most, side.stage_name);
    if (!got && got.error().kind() == ErrorKind::NoSpace) return take_without_room(i, most, now);
    if (!got) return got.error();
    if (owes && got->size > 0) {
      auto kept = sys::read_at(side.stage.get(), side.staged, got->size, side.owed, side.stage_name);
      if (!kept) return kept.error();
    }
    side.staged += got->size;
    BERTH_TRY(write_out(i, now, got->ended));
    if (got->ended) return Progress::Ended;
    return got->size == most ? Progress::More : Progress::Drained;
  }

  // The run directory is full. Whatever the stage can give back first; else the container's bytes are dropped and
  // counted.
  Result<Progress> take_without_room(std::size_t i, std::size_t most, std::int64_t now) {
    auto& side = sides[i];
    const auto before = side.staged;
    BERTH_TRY(write_out(i, now, false));
    if (side.staged < before) return Progress::More;
    auto lost = sys::discard_from(side.pipe.get(), most);
    if (!lost) return lost.error();
    state.dropped[i] += *lost;
    record.store(state);
    return *lost == most ? Progress::More : Progress::Drained;
  }

  Result<void> finish(std::int64_t now, const std::function<bool()>& feed) {
    for (std::size_t i = 0; i < 2; ++i) {
      auto& side = sides[i];
      for (bool more = static_cast<bool>(side.pipe); more;) {
        const auto before = side.staged;
        auto progress = take(i, now);
        if (!progress) return progress.error();
        more =
            *progress == Progress::More || (*progress == Progress::Drained && side.staged > before) || (feed && feed());
      }
      BERTH_TRY(write_out(i, now, true));
      side.pipe.reset();
    }
    return {};
  }

  Result<void> write_out(std::size_t i, std::int64_t now, bool final) {
    auto& side = sides[i];
    const auto time = format_log_time(now);
    while (side.staged > state.stage_offset[i] || state.dropped[i] > 0) {
      auto before = state;
      auto written = write_batch(i, now, time, final);
      if (!written) {
        if (written.error().kind() != ErrorKind::NoSpace) return written.error();
        return hold_back(i);
      }
      blocked = false;
      if (before.stage_offset[i] == state.stage_offset[i] && state.dropped[i] == 0) break;  // an unfinished line
    }
    return give_back(i);
  }

  // One batch of the stage becomes lines of the file, the record moves on, the subscriber hears of it.
  Result<void> write_batch(std::size_t i, std::int64_t now, const std::string& time, bool final) {
    auto& side = sides[i];
    if (keeps_file() && !log) BERTH_TRY(finish_rotation());
    text.clear(), output.clear(), live.clear();
    auto next = state;
    const auto left = side.staged - state.stage_offset[i];
    auto got = sys::read_at(side.stage.get(), state.stage_offset[i], std::min<std::uint64_t>(left, kBatch), text,
                            side.stage_name);
    if (!got) return got.error();
    const bool last_batch = left <= kBatch;
    std::string notice, ended;
    if (state.dropped[i] > 0) {
      notice = "[berth: " + std::to_string(state.dropped[i]) + " bytes dropped: no space]\n";
      next.dropped[i] = 0;
      append_piece(i, notice, now, time);
    }
    std::string_view rest = text;
    bool full = false;
    while (!rest.empty() && !full) {
      const auto piece = next_piece(rest, final && last_batch);
      if (piece.empty()) break;
      // Compat: docker ends the last line of a process that did not.
      const bool unended = final && last_batch && piece.size() == rest.size() && piece.back() != '\n';
      append_piece(i, unended ? std::string_view(ended = std::string(piece) + '\n') : piece, now, time);
      rest.remove_prefix(piece.size());
      next.stage_offset[i] += piece.size();
      full = keeps_file() && policy.max_size > 0 &&
             next.log_offset + output.size() > static_cast<std::uint64_t>(policy.max_size);
    }
    if (keeps_file()) BERTH_TRY(sys::write_at(log.get(), state.log_offset, output, files.log));
    next.log_offset += output.size();
    state = next;
    record.store(state);
    if (subscriber)
      for (const auto& entry : live) subscriber(entry);
    if (full) return rotate();
    return {};
  }

  void append_piece(std::size_t i, std::string_view piece, std::int64_t now, const std::string& time) {
    const auto stream = i == 0 ? Stream::Stdout : Stream::Stderr;
    if (subscriber) {
      LiveEntry entry;
      entry.stream = stream, entry.time = now, entry.bytes = piece;
      entry.position = {state.generation, state.log_offset + output.size()};
      live.push_back(entry);
    }
    if (keeps_file()) append_json_line(output, piece, stream, time, policy.attributes);
  }

  // The disk is full: what is not committed stays in the stage, the oldest beyond the limit goes.
  Result<void> hold_back(std::size_t i) {
    blocked = true;
    auto& side = sides[i];
    // Readers see no half line, and the disk gets back what a torn write took.
    if (log) BERTH_TRY(sys::cut_file(log.get(), state.log_offset, files.log));
    const auto held = side.staged - state.stage_offset[i];
    if (held <= kMostHeldBack) return {};
    state.stage_offset[i] += held - kMostHeldBack;
    state.dropped[i] += held - kMostHeldBack;
    record.store(state);
    return free_start(i);
  }

  Result<void> give_back(std::size_t i) {
    auto& side = sides[i];
    if (side.staged == state.stage_offset[i] && side.staged >= kCutDrainedStage) {
      BERTH_TRY(sys::cut_file(side.stage.get(), 0, side.stage_name));
      side.staged = side.freed = state.stage_offset[i] = 0;
      record.store(state);
      return {};
    }
    if (text.capacity() > 4 * kBatch) text.shrink_to_fit();
    return free_start(i);
  }

  Result<void> free_start(std::size_t i) {
    auto& side = sides[i];
    if (state.stage_offset[i] < side.freed + kFreeStageStart) return {};
    BERTH_TRY(sys::punch_hole(side.stage.get(), state.stage_offset[i], side.stage_name));
    side.freed = state.stage_offset[i];
    return {};
  }
};

ContainerLog::ContainerLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ContainerLog::~ContainerLog() = default;

Result<std::unique_ptr<ContainerLog>> ContainerLog::open(LogFiles files, Policy policy) {
  auto impl = std::make_unique<Impl>();
  impl->files = std::move(files);
  impl->policy = std::move(policy);
  if (auto ready = impl->recover(); !ready) return ready.error().while_doing("open the log `" + impl->files.log + "`");
  return std::unique_ptr<ContainerLog>(new ContainerLog(std::move(impl)));
}

Result<void> ContainerLog::attach(Stream stream, sys::UniqueFd pipe) {
  BERTH_TRY(sys::set_nonblocking(pipe.get()));
  impl_->sides[index_of(stream)].pipe = std::move(pipe);
  return {};
}

int ContainerLog::pipe_of(Stream stream) const noexcept { return impl_->sides[index_of(stream)].pipe.get(); }

Result<ContainerLog::Progress> ContainerLog::on_readable(Stream stream, std::int64_t now) {
  return impl_->take(index_of(stream), now);
}

void ContainerLog::tap(Stream stream, sys::UniqueFd pipe) {
  auto& side = impl_->sides[index_of(stream)];
  side.tap = std::move(pipe);
  side.owed.clear();
}

int ContainerLog::tap_of(Stream stream) const noexcept { return impl_->sides[index_of(stream)].tap.get(); }

ContainerLog::Tap ContainerLog::take_tap(Stream stream) {
  auto& side = impl_->sides[index_of(stream)];
  return {std::move(side.tap), std::exchange(side.owed, {})};
}

Result<void> ContainerLog::finish(std::int64_t now, const std::function<bool()>& feed) {
  impl_->finishing = true;
  auto finished = impl_->finish(now, feed);
  impl_->finishing = false;
  return finished;
}

Result<void> ContainerLog::retry(std::int64_t now) {
  for (std::size_t i = 0; i < 2; ++i) BERTH_TRY(impl_->write_out(i, now, false));
  return {};
}

bool ContainerLog::is_blocked() const noexcept { return impl_->blocked; }
void ContainerLog::subscribe(Subscriber subscriber) { impl_->subscriber = std::move(subscriber); }
Position ContainerLog::end() const noexcept { return {impl_->state.generation, impl_->state.log_offset}; }

Result<void> ContainerLog::remove(const LogFiles& files) {
  for (const auto& path : {files.stage_stdout, files.stage_stderr, files.commit, files.log})
    BERTH_TRY(sys::unlink_file(path));
  for (int number = 1; sys::exists(rotated_name(files.log, number)); ++number)
    BERTH_TRY(sys::unlink_file(rotated_name(files.log, number)));
  return {};
}

}  // namespace berth::logs
