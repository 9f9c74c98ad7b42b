#include "yaml_hints.hpp"

#include <algorithm>
#include <vector>

#include "berth/text/suggest.hpp"

namespace berth::compose {

std::size_t indent_of(std::string_view line) { return std::min(line.find_first_not_of(' '), line.size()); }

namespace {

bool is_blank(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t\r");
  return first == std::string_view::npos || line[first] == '#';
}

bool begins_with_tab(std::string_view line) {
  const std::size_t first = indent_of(line);
  return first < line.size() && line[first] == '\t';
}

// "`image:nginx`": what was meant as a key.
std::string unspaced_key(std::string_view line) {
  std::string_view rest = line.substr(indent_of(line));
  if (rest.starts_with("- ")) rest.remove_prefix(2);
  const std::size_t end = std::min(rest.find_first_not_of("abcdefghijklmnopqrstuvwxyz_-0123456789"), rest.size());
  const bool word = rest.substr(0, end).find_first_not_of("-0123456789") != std::string_view::npos;
  if (!word || end == 0 || end + 1 >= rest.size() || rest[end] != ':' || rest[end + 1] == ' ' || rest[end + 1] == '/')
    return {};
  return std::string(rest.substr(0, end));
}

// Whether an odd number of double quotes stands in a line.
bool has_open_quote(std::string_view line) {
  bool open = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (!open && line[i] == '\'') return false;  // inside of '…' they count for nothing
    if (line[i] == '\\')
      ++i;
    else if (line[i] == '"')
      open = !open;
    else if (line[i] == '#' && !open)
      break;
  }
  return open;
}

// Of `*name` or `&name` that begins at `at`.
std::string name_after(std::string_view line, std::size_t at) {
  return std::string(line.substr(at + 1, std::min(line.find_first_of(" \t,]}", at), line.size()) - at - 1));
}

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::string rest_of_value(std::string_view line, std::size_t at) {
  std::string_view rest = line.substr(std::min(at, line.size()));
  rest = rest.substr(0, rest.find(" #"));
  while (rest.ends_with(' ')) rest.remove_suffix(1);
  return std::string(rest.substr(0, 60));
}

std::string hint_for_alias(const text::SourceFile& file, const TextPlace& at) {
  const std::string_view line = file.line(at.line);
  const std::string wanted = name_after(line, at.column - 1);
  std::vector<std::string> anchors;
  for (std::uint32_t number = 1; number <= file.line_count() && anchors.size() < 1000; ++number) {
    const std::string_view text = file.line(number);
    for (std::size_t and_sign = text.find(" &"); and_sign != std::string_view::npos;
         and_sign = text.find(" &", and_sign + 2))
      anchors.push_back(name_after(text, and_sign + 1));
  }
  const auto near = text::nearest(wanted, anchors);
  if (near) return "did you mean `*" + *near + "`?";
  if (std::find(anchors.begin(), anchors.end(), wanted) != anchors.end()) return "an anchor must stand above its uses";
  return "an anchor `&" + wanted + "` stands nowhere; a text that begins with `*` stands in quotes: " +
         quoted(rest_of_value(line, at.column - 1));
}

// The bracket that is still open at a line, outside of quotes; '\0': none.
char open_bracket(const text::SourceFile& file, std::uint32_t before, std::uint32_t& opened) {
  std::vector<std::pair<char, std::uint32_t>> open;
  for (std::uint32_t number = before > 200 ? before - 200 : 1; number <= before; ++number) {
    char quote = '\0';
    const std::string_view line = file.line(number);
    for (std::size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      if (quote != '\0') {
        if (c == quote) quote = '\0';
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '#' && (i == 0 || line[i - 1] == ' ')) {
        break;
      } else if (c == '[' || c == '{') {
        open.emplace_back(c, number);
      } else if ((c == ']' || c == '}') && !open.empty()) {
        open.pop_back();
      }
    }
  }
  if (open.empty()) return '\0';
  opened = open.back().second;
  return open.back().first;
}

// A list where a map began, or the other way round.
std::string hint_for_mixture(const text::SourceFile& file, std::uint32_t line) {
  const std::string_view here = file.line(line);
  const std::size_t own = indent_of(here);
  std::uint32_t above = line - 1;
  while (above > 0 && (is_blank(file.line(above)) || indent_of(file.line(above)) > own)) --above;
  if (above == 0 || indent_of(file.line(above)) != own) return {};
  const std::string_view before = file.line(above).substr(own);
  std::string_view text = here.substr(own);
  const bool item = text.starts_with("- "), item_before = before.starts_with("- ");
  if (item == item_before) return {};
  if (item) {
    text.remove_prefix(2);
    const std::size_t equals = text.find('=');
    return equals == std::string_view::npos
               ? "the lines above are a map, this is an item of a list"
               : "the lines above are a map: write " + std::string(text.substr(0, equals)) + ": " +
                     std::string(text.substr(equals + 1));
  }
  const std::size_t colon = text.find(": ");
  return colon == std::string_view::npos ? "the lines above are a list: begin it with `- `"
                                         : "the lines above are a list: write - " + std::string(text.substr(0, colon)) +
                                               "=" + std::string(text.substr(colon + 2));
}

bool is_conflict_mark(std::string_view line) {
  return line.starts_with("<<<<<<< ") || line == "=======" || line.starts_with(">>>>>>> ");
}

std::string hint_for_indent(const text::SourceFile& file, std::uint32_t line) {
  const std::size_t own = indent_of(file.line(line));
  std::string levels;
  std::size_t inner = std::string_view::npos;
  for (std::uint32_t at = line - 1; at > 0 && inner > 0; --at) {  // the levels that are open above the line
    if (is_blank(file.line(at))) continue;
    const std::size_t indent = indent_of(file.line(at));
    if (indent >= inner) continue;
    if (indent == own) return {};
    levels = std::to_string(indent) + (levels.empty() ? "" : " or ") + levels;
    inner = indent;
  }
  if (levels.empty() || is_blank(file.line(line))) return {};
  return "the line begins with " + std::to_string(own) + " spaces, but those above it with " + levels;
}

}  // namespace

// The line or, where the reader noticed only later, one of those just before it.
std::uint32_t line_with_tab(const text::SourceFile& file, std::uint32_t line) {
  for (std::uint32_t at = line; at > 0 && at + 3 > line; --at)
    if (begins_with_tab(file.line(at))) return at;
  return 0;
}

std::string other_tabs(const text::SourceFile& file, std::uint32_t line) {
  std::vector<std::string> lines;
  for (std::uint32_t at = line + 1; at <= file.line_count() && lines.size() < 6; ++at)
    if (file.line(at).starts_with('\t')) lines.push_back(std::to_string(at));
  if (lines.empty()) return {};
  std::string text = lines.size() == 1 ? "; so is line " : "; so are lines ";
  for (std::size_t i = 0; i < lines.size() && i < 5; ++i) text += (i ? ", " : "") + lines[i];
  return text + (lines.size() > 5 ? " and more" : "");
}

std::string hint_for_line(const text::SourceFile& file, const TextPlace& at, const std::string& message) {
  const auto says = [&](std::string_view what) { return message.find(what) != std::string::npos; };
  const std::string_view line = file.line(at.line);
  for (std::uint32_t near = at.line; near > 0 && near + 3 > at.line; --near)
    if (is_conflict_mark(file.line(near)))
      return "line " + std::to_string(near) + " is what git left of a merge conflict: settle it first";
  if (says("anchor is not defined")) return hint_for_alias(file, at);
  if (says("unknown token") && at.column <= line.size())
    return "a text that begins with `" + std::string(1, line[at.column - 1]) +
           "` stands in quotes: " + quoted(rest_of_value(line, at.column - 1));
  if (std::string indent = hint_for_indent(file, at.line); !indent.empty()) return indent;
  if (says("end of map not found"))
    if (std::string mixed = hint_for_mixture(file, at.line); !mixed.empty()) return mixed;
  for (std::uint32_t near = at.line; near > 0 && near + 2 > at.line; --near)
    if (const std::string key = unspaced_key(file.line(near)); !key.empty())
      return (near < at.line ? "in the line above, a" : "a") + std::string(" space is missing after `") + key + ":`";
  for (std::uint32_t near = at.line; near > 0 && near + 2 > at.line; --near)
    if (has_open_quote(file.line(near))) return "a quote is not closed in line " + std::to_string(near);
  std::uint32_t opened = 0;
  if (says("flow not found") || says("flow"))
    if (const char bracket = open_bracket(file, at.line, opened); bracket != '\0')
      return "a `" + std::string(1, bracket) + "` is not closed in line " + std::to_string(opened);
  if (says("illegal map value")) {
    const std::size_t first = line.find(": ");
    if (first != std::string_view::npos && first + 1 < at.column)
      return "a text with `: ` in it stands in quotes: " + quoted(rest_of_value(line, first + 2));
  }
  return {};
}

}  // namespace berth::compose
