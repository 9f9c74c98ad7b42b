// `Defaults secure_path=…` among the lines of a sudoers file.
#include <cctype>

#include "docker_names.hpp"

namespace berth::cli {
namespace {

// A logical line: `\` at the end of a line joins the next one to it.
std::string take_line(std::string_view& text) {
  std::string line;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view part = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const bool goes_on = part.ends_with('\\');
    if (goes_on) part.remove_suffix(1);
    line += part;
    if (!goes_on) break;
  }
  return line;
}

std::string_view trimmed(std::string_view text) {
  const auto space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

// Up to the next comma that is not within quotes.
std::string_view take_setting(std::string_view& settings) {
  bool quoted = false;
  std::size_t at = 0;
  for (; at < settings.size() && (quoted || settings[at] != ','); ++at)
    if (settings[at] == '"') quoted = !quoted;
  const std::string_view setting = settings.substr(0, at);
  settings.remove_prefix(at < settings.size() ? at + 1 : at);
  return trimmed(setting);
}

}  // namespace

std::optional<std::string> secure_path_of(std::string_view sudoers) {
  static constexpr std::string_view kDefaults = "Defaults", kName = "secure_path";
  std::optional<std::string> found;
  while (!sudoers.empty()) {
    const std::string line = take_line(sudoers);
    std::string_view rest = trimmed(line);
    // `Defaults:USER` and the like hold for some users only.
    if (!rest.starts_with(kDefaults)) continue;
    rest.remove_prefix(kDefaults.size());
    if (rest.empty() || !std::isspace(static_cast<unsigned char>(rest.front()))) continue;
    while (!rest.empty()) {
      std::string_view setting = take_setting(rest);
      if (setting == "!secure_path") found.reset();
      if (!setting.starts_with(kName)) continue;
      setting = trimmed(setting.substr(kName.size()));
      if (!setting.starts_with('=')) continue;
      setting = trimmed(setting.substr(1));
      if (setting.size() >= 2 && setting.front() == '"' && setting.back() == '"')
        setting = setting.substr(1, setting.size() - 2);
      found = std::string(setting);
    }
  }
  return found;
}

}  // namespace berth::cli
