#include "render/process_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "render/columns.hpp"

namespace berth::cli {
namespace {

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

template <class T>
bool parse_number(std::string_view text, T& number) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failed == std::errc() && end == text.data() + text.size();
}

std::string terminal_text(int device) {
  const unsigned number = static_cast<unsigned>(device);
  const unsigned major = number >> 8 & 0xFFF, minor = (number & 0xFF) | (number >> 12 & 0xFFF00);
  if (major >= 136 && major <= 143) return fmt::format("pts/{}", (major - 136) * 256 + minor);
  if (major == 4) return fmt::format("tty{}", minor);
  return "?";
}

std::string start_text(std::int64_t started, std::int64_t now) {
  std::time_t then = static_cast<std::time_t>(started), today = static_cast<std::time_t>(now);
  std::tm at{}, is{};
  ::localtime_r(&then, &at);
  ::localtime_r(&today, &is);
  char text[16];
  const bool same_day = at.tm_year == is.tm_year && at.tm_yday == is.tm_yday;
  const std::size_t length = std::strftime(text, sizeof text, same_day ? "%H:%M" : "%b%d", &at);
  return std::string(text, length);
}

}  // namespace

std::optional<ProcessFacts> parse_process(std::string_view stat, std::string_view status, std::string_view cmdline) {
  // The name in parentheses may hold anything, also parentheses and blanks.
  const auto open = stat.find('('), close = stat.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open || open < 2)
    return std::nullopt;
  const auto fields = split(stat.substr(std::min(close + 2, stat.size())), ' ');  // from field 3 on
  ProcessFacts facts;
  std::uint64_t user = 0, system = 0;
  if (fields.size() < 20 || !parse_number(stat.substr(0, open - 1), facts.pid) ||
      !parse_number(fields[1], facts.parent) || !parse_number(fields[4], facts.terminal) ||
      !parse_number(fields[11], user) || !parse_number(fields[12], system) ||
      !parse_number(fields[19], facts.start_ticks))
    return std::nullopt;
  facts.cpu_ticks = user + system;
  for (const auto line : split(status, '\n')) {
    if (!line.starts_with("Uid:\t")) continue;
    parse_number(split(line.substr(5), '\t').front(), facts.uid);
  }
  while (!cmdline.empty() && cmdline.back() == '\0') cmdline.remove_suffix(1);
  std::string command(cmdline);
  std::replace(command.begin(), command.end(), '\0', ' ');
  facts.command = command.empty() ? "[" + std::string(stat.substr(open + 1, close - open - 1)) + "]" : command;
  return facts;
}

std::map<unsigned, std::string> parse_user_names(std::string_view passwd) {
  std::map<unsigned, std::string> names;
  for (const auto line : split(passwd, '\n')) {
    const auto fields = split(line, ':');
    unsigned uid = 0;
    if (fields.size() >= 3 && parse_number(fields[2], uid)) names.try_emplace(uid, fields[0]);
  }
  return names;
}

std::vector<std::string> process_row(const ProcessFacts& process, const std::map<unsigned, std::string>& users,
                                     const ClockFacts& clock) {
  const auto name = users.find(process.uid);
  const auto ticks = static_cast<std::uint64_t>(std::max(1L, clock.ticks));
  const std::int64_t started = clock.boot + static_cast<std::int64_t>(process.start_ticks / ticks);
  const std::uint64_t cpu = process.cpu_ticks / ticks;
  const auto lived = static_cast<std::uint64_t>(std::max<std::int64_t>(1, clock.now - started));
  return {name == users.end() ? std::to_string(process.uid) : name->second,
          std::to_string(process.pid),
          std::to_string(process.parent),
          std::to_string(std::min<std::uint64_t>(99, cpu * 100 / lived)),
          start_text(started, clock.now),
          terminal_text(process.terminal),
          fmt::format("{:02}:{:02}:{:02}", cpu / 3600, cpu / 60 % 60, cpu % 60),
          printable(process.command)};
}

}  // namespace berth::cli
