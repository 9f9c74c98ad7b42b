// The reading side: a container's json-file and its rotated predecessors, `--tail`, `--since`, `--until`, several
// containers merged by time, and following across rotation and recreation. Reads files only; needs no supervisor.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "berth/async/loop.hpp"
#include "berth/base/error.hpp"
#include "berth/logs/container_log.hpp"
#include "berth/logs/entry.hpp"

namespace berth::logs {

struct Range {
  std::optional<std::size_t> tail;                                // last lines of each container; nothing: all
  std::int64_t since = std::numeric_limits<std::int64_t>::min();  // nanoseconds since 1970, inclusive
  std::int64_t until = std::numeric_limits<std::int64_t>::max();
};

// One container's log. `name` is what the reader wants to call it; it comes back with each line.
struct Source {
  std::string name;
  std::string path;    // of <id>-json.log
  std::string commit;  // of the commit record; empty: every whole line counts
};

// A whole line: the pieces of a long one joined. `text` has no newline.
struct Line {
  const Source* source = nullptr;
  Stream stream = Stream::Stdout;
  std::int64_t time = 0;  // of its first piece
  std::string text;
};

// Returns false to end the reading.
using LineSink = std::function<bool(const Line&)>;

// All lines in the range, by time over all sources (lines of one source keep their order). A file that is missing is an
// empty log; lines that are not entries are skipped and counted in `malformed`.
Result<void> read_lines(const std::vector<Source>& sources, const Range& range, const LineSink& sink,
                        std::size_t* malformed = nullptr);

// The last `count` lines of one log, for "why did it fail" messages. Never fails: an unreadable log has no lines.
std::vector<std::string> last_lines(const std::string& path, std::size_t count);

// Follows logs: what is in the range first (merged by time), then new lines as they are written, across rotation.
// Sources may be added while it runs (a container was created again); they are read from their start.
class Follower {
 public:
  static Result<std::unique_ptr<Follower>> create(async::Loop& loop, LineSink sink);
  ~Follower();
  // Reads the range of all sources now, merged by time, then follows them.
  Result<void> start(std::vector<Source> sources, const Range& range);
  // From its first byte, or from `from` where given (a subscriber that was too slow goes on in the file).
  Result<void> add(Source source, std::optional<Position> from = std::nullopt);
  // Reads what there is now: its container has ended.
  void catch_up(const std::string& path);
  // Reads what there is and forgets the source; for a container that was removed.
  void remove(const std::string& path);
  // Calls back when a directory appears in (or vanishes from) `directory`, the containers of a project: to find new
  // sources.
  Result<void> watch_directory(const std::string& directory, std::function<void(const std::string& name)> appeared);

 private:
  struct Impl;
  explicit Follower(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace berth::logs
