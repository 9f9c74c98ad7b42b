#include "berth/logs/format.hpp"

#include <array>

#include "berth/logs/entry.hpp"

namespace berth::logs {

void LineFormatter::add_name(const std::string& name) {
  // Compat: docker compose's rainbow.
  static constexpr std::array kCycle{"\033[36m",   "\033[33m",   "\033[32m",   "\033[35m",   "\033[34m",
                                     "\033[36;1m", "\033[33;1m", "\033[32;1m", "\033[35;1m", "\033[34;1m"};
  if (colors_.contains(name)) return;
  colors_.emplace(name, kCycle[colors_.size() % kCycle.size()]);
  width_ = std::max(width_, name.size() + 1);
}

const std::string& LineFormatter::color_of(const std::string& name) {
  add_name(name);
  return colors_.at(name);
}

std::string LineFormatter::prefix_of(const std::string& name) {
  if (!options_.prefix) return {};
  const auto& color = color_of(name);
  std::string out = name;
  out.resize(std::max(width_, name.size()), ' ');
  out += " | ";
  return options_.color ? color + out + "\033[0m" : out;
}

std::string LineFormatter::line(const std::string& name, std::string_view text, std::int64_t time) {
  const auto prefix = prefix_of(name) + (options_.timestamps ? format_log_time(time) + " " : std::string());
  if (text.ends_with('\n')) text.remove_suffix(1);
  std::string out;
  for (;;) {
    const auto end = text.find('\n');
    out.append(prefix).append(text.substr(0, end)).append("\n");
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::string LineFormatter::status(const std::string& name, std::string_view text) {
  std::string out = options_.clear_line ? "\r\033[K" : "";
  const auto& color = color_of(name);
  if (options_.color) out += color;
  out.append(name).append(" ").append(text).append("\n");
  return options_.color ? out + "\033[0m" : out;
}

std::string display_name(std::string_view container_name, std::string_view project) {
  const auto prefix = project.size() + 1;
  if (container_name.size() > prefix && container_name.starts_with(project) &&
      (container_name[project.size()] == '-' || container_name[project.size()] == '_'))
    container_name.remove_prefix(prefix);
  return std::string(container_name);
}

}  // namespace berth::logs
