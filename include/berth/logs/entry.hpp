// One entry of a container's log, and its json-file form: byte for byte what Docker's json-file driver writes, so that
// tools that read such files read ours.
//
//   {"log":"hello\n","stream":"stdout","attrs":{...},"time":"2026-11-24T04:13:46.000000001Z"}
//
// A line of more than 16 KiB is several entries; only the last one's text ends in a newline. Escapes are Go's: `<`,
// `>`, `&` and control characters as \u00XX, each byte that is not UTF-8 as \ufffd. The time always carries nine digits
// (Docker trims zeros): an entry that is formatted again after a crash then has the same length.
#pragma once

#include <boost/describe/enum.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "berth/base/error.hpp"

namespace berth::logs {

enum class Stream { Stdout, Stderr };
BOOST_DESCRIBE_ENUM(Stream, Stdout, Stderr)

inline constexpr std::size_t kMaxEntryBytes = 16384;  // Docker's line buffer

struct Entry {
  Stream stream = Stream::Stdout;
  std::int64_t time = 0;  // nanoseconds since 1970, wall clock
  std::string text;       // valid UTF-8, with its newline; without one: to be continued by the next entry of the stream
  bool operator==(const Entry&) const = default;
};

// Appends the JSON string escapes of `bytes`, without quotes.
void append_escaped(std::string& out, std::string_view bytes);
// Appends `bytes` with each byte that is not part of valid UTF-8 replaced by U+FFFD: what a reader of the file will
// see.
void append_valid_utf8(std::string& out, std::string_view bytes);
// Appends one json-file line. `attributes` is a JSON object as text, or empty.
void append_json_line(std::string& out, std::string_view bytes, Stream stream, std::string_view time,
                      std::string_view attributes = {});
// "2026-11-24T04:13:46.000000001Z", always 30 bytes; the form of the file and of `--timestamps`.
std::string format_log_time(std::int64_t nanoseconds);

// One line of a json-file, with or without its newline. Foreign bytes: whatever is not an entry is a Protocol error;
// unknown members are ignored.
Result<Entry> parse_json_line(std::string_view line);

}  // namespace berth::logs
