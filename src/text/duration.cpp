#include "berth/text/duration.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <limits>
#include <span>

namespace berth::text {

namespace {

struct DurationUnit {
  std::string_view name;
  std::int64_t nanoseconds;
};
// Longer names first where one is the beginning of another ("ms" before "m").
constexpr DurationUnit kDurationUnits[] = {{"ns", 1},
                                           {"us", 1'000},
                                           {"µs", 1'000},
                                           {"μs", 1'000},
                                           {"ms", 1'000'000},
                                           {"s", 1'000'000'000},
                                           {"m", 60'000'000'000},
                                           {"h", 3'600'000'000'000},
                                           {"d", 86'400'000'000'000},
                                           {"w", 604'800'000'000'000}};
constexpr std::size_t kGoUnits = std::size(kDurationUnits) - 2;  // Go itself knows neither days nor weeks

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Decimal digits at the front of `text`, which is advanced; nothing on overflow.
std::optional<std::int64_t> take_digits(std::string_view& text) {
  std::int64_t value = 0;
  while (!text.empty() && is_digit(text.front())) {
    if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text.front() - '0', &value))
      return std::nullopt;
    text.remove_prefix(1);
  }
  return value;
}

// "1.5h" at the front of `text`, which is advanced.
std::optional<std::int64_t> take_duration_part(std::string_view& text, std::span<const DurationUnit> units) {
  const std::size_t before = text.size();
  const auto whole = take_digits(text);
  if (!whole) return std::nullopt;
  bool digits = text.size() != before;
  double fraction = 0;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    double scale = 0.1;
    for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), scale /= 10) {
      fraction += (text.front() - '0') * scale;
      digits = true;
    }
  }
  if (!digits) return std::nullopt;
  for (const auto& unit : units) {
    if (text.substr(0, unit.name.size()) != unit.name) continue;
    text.remove_prefix(unit.name.size());
    std::int64_t value = 0;
    if (__builtin_mul_overflow(*whole, unit.nanoseconds, &value) ||
        __builtin_add_overflow(value, std::llround(fraction * static_cast<double>(unit.nanoseconds)), &value))
      return std::nullopt;
    return value;
  }
  return std::nullopt;
}

std::string trimmed_number(double value, int digits) {
  std::string text = fmt::format("{:.{}f}", value, digits);
  if (text.find('.') == std::string::npos) return text;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::optional<Duration> parse_in_units(std::string_view text, std::span<const DurationUnit> units) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return Duration::zero();
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    const auto part = take_duration_part(text, units);
    if (!part || __builtin_add_overflow(total, *part, &total)) return std::nullopt;
  }
  return Duration(negative ? -total : total);
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  return parse_in_units(text, std::span(kDurationUnits).first(kGoUnits));
}

std::optional<Duration> parse_long_duration(std::string_view text) { return parse_in_units(text, kDurationUnits); }

std::string format_duration(Duration duration) {
  const std::int64_t count = duration.count();
  if (count == 0) return "0s";
  const std::uint64_t size = count < 0 ? 0 - static_cast<std::uint64_t>(count) : static_cast<std::uint64_t>(count);
  std::string text = count < 0 ? "-" : "";
  const auto fraction = [](std::uint64_t value, std::uint64_t unit, int digits) {
    std::string result = std::to_string(value / unit);
    if (value % unit) {
      std::string rest = fmt::format("{:0{}}", value % unit, digits);
      while (rest.back() == '0') rest.pop_back();
      result += "." + rest;
    }
    return result;
  };
  if (size < 1'000) return text + std::to_string(size) + "ns";
  if (size < 1'000'000) return text + fraction(size, 1'000, 3) + "µs";
  if (size < 1'000'000'000) return text + fraction(size, 1'000'000, 6) + "ms";
  const std::uint64_t hours = size / 3'600'000'000'000, minutes = size / 60'000'000'000 % 60;
  if (hours) text += std::to_string(hours) + "h";
  if (hours || minutes) text += std::to_string(minutes) + "m";
  return text + fraction(size % 60'000'000'000, 1'000'000'000, 9) + "s";
}

// docker/go-units RAMInBytes: number, optional spaces, optional unit (k m g t p, with or without i, with or without b).
std::optional<ByteSize> parse_byte_size(std::string_view text) {
  std::size_t digits = 0;
  bool point = false, any = false;
  while (digits < text.size() && (is_digit(text[digits]) || (text[digits] == '.' && !point))) {
    if (text[digits] == '.')
      point = true;
    else
      any = true;
    ++digits;
  }
  if (!any) return std::nullopt;
  std::string number(text.substr(0, digits));
  std::string_view unit = text.substr(digits);
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  double factor = 1;
  if (!unit.empty()) {
    const char first = static_cast<char>(unit.front() | 0x20);
    const std::string_view kUnits = "kmgtp";
    const std::size_t power = kUnits.find(first);
    if (power != std::string_view::npos) {
      factor = std::pow(1024.0, static_cast<double>(power + 1));
      unit.remove_prefix(1);
      if (unit.size() == 2 && (unit.front() | 0x20) == 'i') unit.remove_prefix(1);  // "KiB", but "Ki" is no unit
    }
    if (!unit.empty() && (unit.front() | 0x20) == 'b') unit.remove_prefix(1);
    if (!unit.empty()) return std::nullopt;
  }
  double value = 0;
  double scale = 1;
  bool after_point = false;
  for (const char c : number) {
    if (c == '.')
      after_point = true;
    else if (after_point)
      value += (c - '0') * (scale /= 10);
    else
      value = value * 10 + (c - '0');
  }
  value *= factor;
  if (value >= 9.2e18) return std::nullopt;
  return ByteSize{static_cast<std::int64_t>(value)};
}

std::string format_byte_size(ByteSize size) {
  static constexpr std::array kNames = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  double value = static_cast<double>(size.bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < kNames.size()) {
    value /= 1000;
    ++unit;
  }
  // %.3g prints a thousand that comes from rounding as 1e+03, as docker does not: widen by hand.
  const int digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return (unit == 0 ? std::to_string(size.bytes) : trimmed_number(value, digits)) + kNames[unit];
}

std::string format_time(std::chrono::system_clock::time_point time) {
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  std::int64_t fraction = nanoseconds % 1'000'000'000;
  std::time_t seconds = nanoseconds / 1'000'000'000;
  if (fraction < 0) {
    fraction += 1'000'000'000;
    --seconds;
  }
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, fraction);
}

namespace {

std::optional<int> take_number(std::string_view& text, std::size_t digits, char after) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (!is_digit(text[i])) return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  if (after) {
    if (text.empty() || text.front() != after) return std::nullopt;
    text.remove_prefix(1);
  }
  return value;
}

// "Z", "+02:00": seconds east of UTC.
std::optional<int> take_zone(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.size() != 6 || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = take_number(text, 2, ':');
  const auto minutes = take_number(text, 2, 0);
  if (!hours || !minutes) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

}  // namespace

std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text) {
  const auto year = take_number(text, 4, '-'), month = take_number(text, 2, '-'), day = take_number(text, 2, 0);
  if (!year || !month || !day || text.empty() || (text.front() != 'T' && text.front() != 't' && text.front() != ' '))
    return std::nullopt;
  text.remove_prefix(1);
  const auto hour = take_number(text, 2, ':'), minute = take_number(text, 2, ':'), second = take_number(text, 2, 0);
  if (!hour || !minute || !second) return std::nullopt;
  std::int64_t nanoseconds = 0;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    std::int64_t scale = 100'000'000;
    for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), scale /= 10)
      nanoseconds += (text.front() - '0') * scale;
  }
  const auto zone = take_zone(text);
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!zone || !date.ok() || *hour > 23 || *minute > 59 || *second > 60 || *year < 1678 || *year > 2261)
    return std::nullopt;
  const std::chrono::sys_days days = date;
  return std::chrono::system_clock::time_point(std::chrono::duration_cast<std::chrono::system_clock::duration>(
      days.time_since_epoch() + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
      std::chrono::seconds(*second - *zone) + std::chrono::nanoseconds(nanoseconds)));
}

// docker/go-units HumanDuration.
std::string format_age(Duration age) {
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(age).count();
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return fmt::format("{} seconds", seconds);
  const std::int64_t minutes = seconds / 60;
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return fmt::format("{} minutes", minutes);
  const std::int64_t hours = std::llround(static_cast<double>(seconds) / 3600);
  if (hours == 1) return "About an hour";
  if (hours < 48) return fmt::format("{} hours", hours);
  if (hours < 24 * 7 * 2) return fmt::format("{} days", hours / 24);
  if (hours < 24 * 30 * 2) return fmt::format("{} weeks", hours / 24 / 7);
  if (hours < 24 * 365 * 2) return fmt::format("{} months", hours / 24 / 30);
  return fmt::format("{} years", hours / 24 / 365);
}

}  // namespace berth::text
