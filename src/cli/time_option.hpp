// `--since`, `--until` and `--tail`.
#pragma once

#include <cstdint>
#include <string>

#include "berth/cli/options.hpp"
#include "berth/logs/reader.hpp"

namespace berth::cli {

// Nanoseconds since 1970 of a time (2026-01-02T13:23:37Z, seconds since 1970) or an age (42m: that long ago). Throws
// Failure, naming the flag.
std::int64_t time_of(const std::string& text, const char* flag);

// --since, --until and --tail of `logs`.
logs::Range log_range(const OptionValues& options);

}  // namespace berth::cli
