#include "berth/logs/entry.hpp"

#include <emmintrin.h>
#include <time.h>

#include <boost/json.hpp>
#include <cstring>

#include "berth/text/duration.hpp"

namespace berth::logs {
namespace {

// Bytes of the valid UTF-8 sequence at `at`, 0 where there is none. As Go: no surrogates, no overlong forms, up to
// U+10FFFF.
std::size_t utf8_length(const unsigned char* at, std::size_t left) {
  const unsigned char first = at[0];
  auto follows = [&](std::size_t i, unsigned char low = 0x80, unsigned char high = 0xbf) {
    return i < left && at[i] >= low && at[i] <= high;
  };
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool second = first == 0xe0 ? follows(1, 0xa0) : first == 0xed ? follows(1, 0x80, 0x9f) : follows(1);
    return second && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool second = first == 0xf0 ? follows(1, 0x90) : first == 0xf4 ? follows(1, 0x80, 0x8f) : follows(1);
    return second && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

// Bytes from `at` on that need no escape, sixteen at a time. Compared as signed, what is below a space is also >= 0x80.
std::size_t plain_length(const char* at, std::size_t left) {
  const auto is = [](__m128i block, char c) { return _mm_cmpeq_epi8(block, _mm_set1_epi8(c)); };
  std::size_t n = 0;
  for (; left - n >= 16; n += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + n));
    __m128i special =
        _mm_or_si128(_mm_cmplt_epi8(block, _mm_set1_epi8(' ')), _mm_or_si128(is(block, '"'), is(block, '\\')));
    special = _mm_or_si128(special, _mm_or_si128(is(block, '<'), _mm_or_si128(is(block, '>'), is(block, '&'))));
    if (const int mask = _mm_movemask_epi8(special))
      return n + static_cast<std::size_t>(__builtin_ctz(static_cast<unsigned>(mask)));
  }
  while (n < left && static_cast<signed char>(at[n]) >= ' ' && !std::strchr("\"\\<>&", at[n])) ++n;
  return n;
}

void append_control(std::string& out, unsigned char byte) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (byte) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    default: out += "\\u00", out += kHex[byte >> 4], out += kHex[byte & 15];
  }
}

}  // namespace

void append_escaped(std::string& out, std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto plain = plain_length(bytes.data() + at, bytes.size() - at);
    out.append(bytes.data() + at, plain);
    at += plain;
    if (at == bytes.size()) return;
    const auto* here = reinterpret_cast<const unsigned char*>(bytes.data() + at);
    if (*here < 0x80) {
      append_control(out, *here);
      ++at;
      continue;
    }
    const auto length = utf8_length(here, bytes.size() - at);
    if (length == 0) out += "\\ufffd";
    // Line separators end a line in JavaScript: escaped as Go does.
    else if (length == 3 && here[0] == 0xe2 && here[1] == 0x80 && (here[2] == 0xa8 || here[2] == 0xa9))
      out += here[2] == 0xa8 ? "\\u2028" : "\\u2029";
    else
      out.append(bytes.data() + at, length);
    at += length == 0 ? 1 : length;
  }
}

void append_valid_utf8(std::string& out, std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const auto length = utf8_length(reinterpret_cast<const unsigned char*>(bytes.data() + at), bytes.size() - at);
    if (length == 0)
      out += "\xef\xbf\xbd", ++at;
    else
      out.append(bytes.data() + at, length), at += length;
  }
}

void append_json_line(std::string& out, std::string_view bytes, Stream stream, std::string_view time,
                      std::string_view attributes) {
  out += "{\"log\":\"";
  append_escaped(out, bytes);
  out += stream == Stream::Stdout ? "\",\"stream\":\"stdout\"" : "\",\"stream\":\"stderr\"";
  if (!attributes.empty()) out.append(",\"attrs\":").append(attributes);
  out.append(",\"time\":\"").append(time).append("\"}\n");
}

std::string format_log_time(std::int64_t nanoseconds) {
  std::int64_t seconds = nanoseconds / 1000000000, rest = nanoseconds % 1000000000;
  if (rest < 0) rest += 1000000000, --seconds;
  const auto when = static_cast<time_t>(seconds);
  tm parts{};
  gmtime_r(&when, &parts);
  char date[64];
  const auto length = strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S.", &parts);
  std::string out(date, length);
  const auto digits = std::to_string(rest);
  out.append(9 - digits.size(), '0').append(digits);
  return out += 'Z';
}

Result<Entry> parse_json_line(std::string_view line) {
  boost::system::error_code failed;
  const auto json = boost::json::parse(boost::json::string_view(line.data(), line.size()), failed);
  const auto* object = failed ? nullptr : json.if_object();
  if (!object) return Error::make(ErrorKind::Protocol, "a line of a log file is not JSON");
  const auto* text = object->if_contains("log");
  const auto* stream = object->if_contains("stream");
  const auto* time = object->if_contains("time");
  if (!text || !text->is_string() || !time || !time->is_string())
    return Error::make(ErrorKind::Protocol, "a line of a log file has no text or no time");
  const auto when = text::parse_time({time->get_string().data(), time->get_string().size()});
  if (!when) return Error::make(ErrorKind::Protocol, "a line of a log file has a time that is none");
  Entry entry;
  entry.text.assign(text->get_string().data(), text->get_string().size());
  entry.time = std::chrono::duration_cast<std::chrono::nanoseconds>(when->time_since_epoch()).count();
  if (stream && stream->is_string() && stream->get_string() == "stderr") entry.stream = Stream::Stderr;
  return entry;
}

}  // namespace berth::logs
