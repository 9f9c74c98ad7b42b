#include <signal.h>
#include <string.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <tuple>

#include "berth/sys/pidfd.hpp"

namespace berth::sys {

std::optional<int> parse_signal(const std::string& text) {
  std::string name = text;
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
  int number = 0;
  const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (failed == std::errc() && end == name.data() + name.size())
    return number >= 1 && number <= SIGRTMAX ? std::optional(number) : std::nullopt;
  if (name.rfind("SIG", 0) == 0) name.erase(0, 3);
  for (const auto& [prefix, base, sign] : {std::tuple{"RTMIN", SIGRTMIN, 1}, std::tuple{"RTMAX", SIGRTMAX, -1}}) {
    if (name.rfind(prefix, 0) != 0) continue;
    const std::string rest = name.substr(5);
    if (rest.empty()) return base;
    int offset = 0;
    const auto parsed = std::from_chars(rest.data() + 1, rest.data() + rest.size(), offset);
    if (rest[0] != (sign > 0 ? '+' : '-') || parsed.ptr != rest.data() + rest.size()) return std::nullopt;
    const int value = base + sign * offset;
    return value >= SIGRTMIN && value <= SIGRTMAX ? std::optional(value) : std::nullopt;
  }
  for (int candidate = 1; candidate < SIGRTMIN; ++candidate)
    if (const char* known = sigabbrev_np(candidate); known && name == known) return candidate;
  return std::nullopt;
}

}  // namespace berth::sys
