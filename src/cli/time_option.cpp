#include "time_option.hpp"

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

}  // namespace berth::cli
