// The writing side of one container's log: two pipes in, one json-file out, no byte lost or doubled by a SIGKILL of
// this process at any instruction. Knows no event loop (pump.hpp feeds it); owned by one thread; never blocks on the
// pipes.
//
//   pipe ──splice──▶ stage file (tmpfs) ──format──▶ json-file ──▶ commit record (two slots, mapped)
//
// * A byte is always in the pipe or in the stage file: splice(2) moves it as seen from SIGKILL in one step. What the
// stage
//   holds is its size; there is no counter to be wrong. The pipe's read end must be held by somebody else too (the
//   keeper): a pipe without any reader kills its writer, and one that loses its last reader loses its bytes.
// * Formatting starts at the committed offsets; a record {log offset, stage offsets, generation} is flipped after the
// write.
//   The next process cuts the json-file at the committed offset and formats again from the committed stage offset.
// * Only whole lines (or 16 KiB pieces) are committed. The unfinished line stays in the stage file; no buffer in
// memory.
// * Never wait for a hang-up: the read side of a FIFO that is opened again after its last writer closed gets none. When
// the
//   process is known to have ended, call finish(): it drains to end of file or EAGAIN.
// * Full disk: the stage holds up to 1 MiB per stream; beyond that the oldest bytes are dropped and counted, and once
// there is
//   space again an entry "[berth: N bytes dropped: no space]" says so. The container is never blocked.
// * Rotation (max_size) renames .1 → .2 … under a generation number in the record; every step may be repeated.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "berth/base/error.hpp"
#include "berth/logs/entry.hpp"
#include "berth/logs/policy.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::logs {

// Where the parts live. ROOT/projects/<p>/containers/<id>/<id>-json.log, RUN/<p>/stage/<id>.stdout|.stderr,
// RUN/<p>/commit/<id>.
struct LogFiles {
  std::string log;
  std::string stage_stdout;
  std::string stage_stderr;
  std::string commit;
  static LogFiles of(const std::string& root, const std::string& run_root, const std::string& project,
                     const std::string& container);
};

// A place in a container's log that stays valid over rotation: byte `offset` of the file of that generation.
struct Position {
  std::uint64_t generation = 0;
  std::uint64_t offset = 0;
  auto operator<=>(const Position&) const = default;
};

// One entry as it was written, for live subscribers. Views live for the call.
struct LiveEntry {
  Stream stream = Stream::Stdout;
  std::int64_t time = 0;
  std::string_view bytes;  // raw, as the container wrote them
  Position position;       // of its json line (driver none: zero)
};

class ContainerLog {
 public:
  using Subscriber = std::function<void(const LiveEntry&)>;
  enum class Progress {
    More,     // a full batch was read: call again soon
    Drained,  // a short read: wait half a millisecond for more before the next call (7 times less CPU)
    Ended,    // the last writer has closed (and nobody opened again)
    Held,     // whoever taps this stream reads too slowly: go on when tap_of() is writable
  };

  // Creates the files, or recovers what an earlier process left. Directories must exist.
  static Result<std::unique_ptr<ContainerLog>> open(LogFiles files, Policy policy);
  ~ContainerLog();
  ContainerLog(const ContainerLog&) = delete;
  ContainerLog& operator=(const ContainerLog&) = delete;

  // The read end of a pipe (or FIFO); made non-blocking. A later call replaces it (the container was started again).
  Result<void> attach(Stream stream, sys::UniqueFd pipe);
  int pipe_of(Stream stream) const noexcept;  // -1 where none is attached

  // From now on the stream's bytes are also copied, as they are and at once, into `pipe` (a write end), for somebody
  // who is attached. The log takes no byte that the copy has no room for: a slow reader holds the container back, one
  // that closes is forgotten.
  void tap(Stream stream, sys::UniqueFd pipe);
  int tap_of(Stream stream) const noexcept;  // -1 where there is none
  // Ends it. `owed` is what finish() wrote to the log and the copy had no room for.
  struct Tap {
    sys::UniqueFd pipe;
    std::string owed;
  };
  Tap take_tap(Stream stream);

  // One batch of at most 64 KiB. `now` is the wall clock, the time of the entries. Errors are of our own files; the
  // bytes are safe in the stage then. A full disk is no error.
  Result<Progress> on_readable(Stream stream, std::int64_t now);
  // The process has ended: reads all there is, writes an unfinished last line, closes the pipes. `feed` is asked for
  // more whenever a pipe is empty.
  Result<void> finish(std::int64_t now, const std::function<bool()>& feed = {});
  // Writes out what a full disk held back. on_readable does it too; call once a second while is_blocked().
  Result<void> retry(std::int64_t now);
  bool is_blocked() const noexcept;

  // Called for each entry, after it was committed. One subscriber; it may not destroy the log. It may miss what a
  // killed predecessor wrote but not what it left unformatted. nullptr ends it.
  void subscribe(Subscriber subscriber);
  Position end() const noexcept;  // of what is committed

  // Removes log, rotated files, stages and record. A missing file is success.
  static Result<void> remove(const LogFiles& files);

 private:
  struct Impl;
  explicit ContainerLog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace berth::logs
