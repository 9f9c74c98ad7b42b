// `--since` and `--until`.
#pragma once

#include <cstdint>
#include <string>

namespace berth::cli {

// Nanoseconds since 1970 of a time (2026-01-02T13:23:37Z, seconds since 1970) or an age (42m: that long ago). Throws
// Failure, naming the flag.
std::int64_t time_of(const std::string& text, const char* flag);

}  // namespace berth::cli
