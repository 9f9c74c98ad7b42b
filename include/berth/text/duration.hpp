// Go-style durations and byte sizes as compose files and Dockerfiles write them. Pure; no locale.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "berth/base/byte_size.hpp"

namespace berth::text {

using Duration = std::chrono::nanoseconds;

// "1m30s", "1.5h", "300ms", "0"; units ns us µs ms s m h. Negative values are accepted. Nothing where it is not one.
std::optional<Duration> parse_duration(std::string_view text);
// The same with days and weeks besides: "1d12h", "1.5w".
std::optional<Duration> parse_long_duration(std::string_view text);
// The way Go prints it: "1m30s", "1.5s", "0s".
std::string format_duration(Duration duration);

// "512m", "1g", "1.5GiB", "64KB", "1024": docker/go-units RAMInBytes, binary multiples, case-insensitive.
std::optional<ByteSize> parse_byte_size(std::string_view text);
// "116MB", "1.2GB", "0B": decimal, three significant digits, as docker images prints.
std::string format_byte_size(ByteSize size);

// RFC 3339 with nanoseconds in UTC: "2026-11-24T04:13:46.000000001Z".
std::string format_time(std::chrono::system_clock::time_point time);
std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text);
// "About a minute", "3 hours": docker's HumanDuration.
std::string format_age(Duration age);

}  // namespace berth::text
