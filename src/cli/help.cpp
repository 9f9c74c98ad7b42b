#include <algorithm>

#include "berth/cli/options.hpp"

namespace berth::cli {
namespace {

std::string option_head(const Option& option) {
  std::string head = option.short_name ? std::string("-") + option.short_name + ", " : "    ";
  head += "--" + std::string(option.name);
  if (!option.value_name.empty()) head += " " + std::string(option.value_name);
  return head;
}

std::string option_text(const Option& option) {
  std::string text(option.help);
  if (option.effect == Effect::Refused)
    text += " (refused: " + std::string(option.why) + ")";
  else if (option.effect == Effect::None)
    text += " (no effect: " + std::string(option.why) + ")";
  else if (!option.fallback.empty() && option.value != ValueKind::Flag)
    text += " (default " + std::string(option.fallback) + ")";
  return text;
}

std::string two_columns(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t width = 0;
  for (const auto& row : rows) width = std::max(width, row.first.size());
  std::string out;
  for (const auto& [left, right] : rows) out += "  " + left + std::string(width - left.size() + 2, ' ') + right + "\n";
  return out;
}

std::string option_section(std::span<const Option> options) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Option& option : options)
    if (!option.hidden) rows.emplace_back(option_head(option), option_text(option));
  rows.emplace_back("-h, --help", "Show this help");
  return two_columns(rows);
}

}  // namespace

std::string program_help(std::string_view program) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Command& command : commands())
    if (!command.hidden) rows.emplace_back(std::string(command.name), std::string(command.summary));
  const std::string name(program);
  return "Usage: " + name +
         " [GLOBAL OPTIONS] COMMAND [OPTIONS]\n\n"
         "Builds and runs the services of a compose file. No daemon: stacks run by themselves.\n\n"
         "Commands:\n" +
         two_columns(rows) + "\nGlobal options:\n" + option_section(global_options()) + "\nRun `" + name +
         " COMMAND --help` for the options of a command.\n";
}

std::string command_help(std::string_view program, const Command& command) {
  std::string usage =
      "Usage: " + std::string(program) + " [GLOBAL OPTIONS] " + std::string(command.name) + " [OPTIONS]";
  if (!command.operands.empty()) usage += " " + std::string(command.operands);
  std::string out = usage + "\n\n" + std::string(command.summary) + "\n";
  if (!command.alias.empty()) out += "\nAlso called: " + std::string(command.alias) + "\n";
  return out + "\nOptions:\n" + option_section(command.options);
}

}  // namespace berth::cli
