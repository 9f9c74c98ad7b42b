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

// A section for each group, in the order of their first member; those without a group under `heading`.
std::string option_sections(std::span<const Option> options, std::string_view heading) {
  using Rows = std::vector<std::pair<std::string, std::string>>;
  std::vector<std::pair<std::string_view, Rows>> groups;
  for (const Option& option : options) {
    if (option.hidden) continue;
    const std::string_view title = option.group.empty() ? heading : option.group;
    auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& known) { return known.first == title; });
    if (group == groups.end()) group = groups.insert(groups.end(), {title, Rows()});
    group->second.emplace_back(option_head(option), option_text(option));
  }
  auto plain = std::find_if(groups.begin(), groups.end(), [&](const auto& known) { return known.first == heading; });
  if (plain == groups.end()) plain = groups.insert(groups.end(), {heading, Rows()});
  plain->second.emplace_back("-h, --help", "Show this help");
  std::string out;
  for (const auto& [title, rows] : groups) out += "\n" + std::string(title) + ":\n" + two_columns(rows);
  return out;
}

std::string example_section(std::string_view program, std::string_view examples) {
  std::vector<std::pair<std::string, std::string>> rows;
  while (!examples.empty()) {
    const auto end = examples.find('\n');
    const std::string_view line = examples.substr(0, end);
    const auto bar = line.rfind(" | ");
    rows.emplace_back(std::string(program) + " " + std::string(line.substr(0, bar)), std::string(line.substr(bar + 3)));
    examples.remove_prefix(end == std::string_view::npos ? examples.size() : end + 1);
  }
  return rows.empty() ? "" : "\nExamples:\n" + two_columns(rows);
}

}  // namespace

std::string program_help(const Grammar& grammar) {
  const std::string name(grammar.program);
  std::string out = "Usage: " + name + " [GLOBAL OPTIONS] COMMAND [OPTIONS]\n\n" + std::string(grammar.summary) + "\n";
  std::vector<std::string_view> groups;
  for (const Command& command : grammar.commands)
    if (!command.hidden && std::find(groups.begin(), groups.end(), command.group) == groups.end())
      groups.push_back(command.group);
  for (const auto group : groups) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const Command& command : grammar.commands)
      if (!command.hidden && command.group == group)
        rows.emplace_back(std::string(command.name), std::string(command.summary));
    out += "\n" + std::string(group) + ":\n" + two_columns(rows);
  }
  return out + option_sections(grammar.globals, "Global options") + "\nRun `" + name +
         " COMMAND --help` for the options of a command.\n";
}

std::string command_help(std::string_view program, const Command& command) {
  std::string usage =
      "Usage: " + std::string(program) + " [GLOBAL OPTIONS] " + std::string(command.name) + " [OPTIONS]";
  if (!command.operands.empty()) usage += " " + std::string(command.operands);
  std::string out = usage + "\n\n" + std::string(command.summary) + "\n";
  if (!command.alias.empty()) out += "\nAlso called: " + std::string(command.alias) + "\n";
  return out + option_sections(command.options, "Options") + example_section(program, command.examples);
}

std::string family_help(const Grammar& grammar, std::string_view family) {
  const std::string prefix = std::string(family) + " ";
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Spelling& spelling : grammar.spellings) {
    const Command* command = spelling.words.starts_with(prefix) ? grammar.find(spelling.command) : nullptr;
    if (command && command->refused.empty()) rows.emplace_back(spelling.words.substr(prefix.size()), command->summary);
  }
  const std::string program = std::string(grammar.program) + " " + std::string(family);
  return "Usage: " + program + " COMMAND [OPTIONS]\n\nCommands:\n" + two_columns(rows) + "\nRun `" + program +
         " COMMAND --help` for the options of a command.\n";
}

}  // namespace berth::cli
