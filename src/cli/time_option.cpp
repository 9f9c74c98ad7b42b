#include "time_option.hpp"

#include <charconv>

#include <chrono>

#include "berth/base/error.hpp"
#include "berth/text/duration.hpp"

namespace berth::cli {

std::int64_t time_of(const std::string& text, const char* flag) {
  using std::chrono::system_clock;
  const auto nanoseconds = [](system_clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  };
  if (const auto time = text::parse_time(text)) return nanoseconds(*time);
  if (const auto age = text::parse_duration(text)) return nanoseconds(system_clock::now()) - age->count();
  throw Failure(Error::make(ErrorKind::Invalid, "invalid value `" + text + "` for --" + flag)
                    .with_hint("a time as 2026-01-02T13:23:37Z, or an age as 42m"));
}

logs::Range log_range(const OptionValues& options) {
  logs::Range range;
  if (const auto since = options.maybe("since")) range.since = time_of(*since, "since");
  if (const auto until = options.maybe("until")) range.until = time_of(*until, "until");
  const std::string tail = options.text("tail");
  if (tail == "all" || tail == "-1") return range;
  std::size_t lines = 0;
  const auto [end, failed] = std::from_chars(tail.data(), tail.data() + tail.size(), lines);
  if (failed != std::errc() || end != tail.data() + tail.size())
    throw Failure(
        Error::make(ErrorKind::Invalid, "invalid value `" + tail + "` for --tail").with_hint("a number, or `all`"));
  range.tail = lines;
  return range;
}

}  // namespace berth::cli
