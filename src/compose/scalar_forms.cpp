#include "scalar_forms.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "berth/text/duration.hpp"

namespace berth::compose {
namespace {

const char* kind_name(const Node& node) {
  switch (node.kind) {
    case NodeKind::Null: return "nothing";
    case NodeKind::Bool: return "a boolean";
    case NodeKind::Int:
    case NodeKind::Float: return "a number";
    case NodeKind::String: return "a string";
    case NodeKind::List: return "a list";
    case NodeKind::Map: return "a map";
  }
  return "";
}

// Go reads "+5"; std::from_chars does not.
std::string_view without_plus(std::string_view text) {
  return text.size() > 1 && text[0] == '+' && text[1] != '-' ? text.substr(1) : text;
}

// Compat: docker compose holds such numbers in 32 bits, so 1.23456789 is 1.2345679.
Node single_precision(double value) {
  char digits[64] = {};
  std::to_chars(digits, digits + sizeof digits - 1, static_cast<float>(value));
  return Node::of(std::strtod(digits, nullptr));
}

}  // namespace

void set_places(Node& node, const Place& place) {
  node.place = place;
  for (auto& item : node.items) set_places(item, place);
  for (auto& [key, value] : node.fields) set_places(value, place);
  for (auto& key : node.key_places) key = place;
}

void ScalarForms::wrong(const Node& node, const std::string& path, const std::string& wanted, std::string hint) const {
  state_.error(node.place, Code::WrongType, "`" + path + "` must be " + wanted + ", not " + kind_name(node),
               std::move(hint));
}

void ScalarForms::replace(Node& value, Node with) {
  const Place place = value.place;
  const NodeTag tag = value.tag;
  set_places(with, place);
  value = std::move(with);
  value.tag = tag;
}

void ScalarForms::text_value(Node& value, const std::string& path) const {
  if (value.is_string()) return;
  std::string hint = value.is_scalar() ? "write it in quotes: \"" + value.text + "\"" : "";
  wrong(value, path, "a string", std::move(hint));
}

void ScalarForms::flag(Node& value, const std::string& path) const {
  if (value.is(NodeKind::Bool)) return;
  std::string lower = value.text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const bool yes = lower == "true" || lower == "yes" || lower == "y" || lower == "on";
  const bool no = lower == "false" || lower == "no" || lower == "n" || lower == "off";
  if (!value.is_string() || (!yes && !no))
    return value.is_string() ? state_.error(value.place, Code::WrongType,
                                            "`" + path + "` must be true or false, not `" + value.text + "`")
                             : wrong(value, path, "true or false");
  replace(value, Node::of(yes));
}

void ScalarForms::integer(Node& value, const std::string& path) const {
  if (value.is(NodeKind::Int)) return;
  if (value.is(NodeKind::Float) && value.real == std::floor(value.real) && std::fabs(value.real) < 9e18)
    return replace(value, Node::of(static_cast<std::int64_t>(value.real)));
  std::int64_t parsed = 0;
  const std::string_view digits = without_plus(value.text);
  const char* end = digits.data() + digits.size();
  const auto [stop, failed] = std::from_chars(digits.data(), end, parsed);
  if (!value.is_string() || value.text.empty() || failed != std::errc() || stop != end) {
    if (value.is_string())
      return state_.error(value.place, Code::BadNumber,
                          "`" + path + "` must be a whole number, not `" + value.text + "`", "write only digits");
    return wrong(value, path, "a whole number");
  }
  replace(value, Node::of(parsed));
}

void ScalarForms::number(Node& value, const std::string& path) const {
  if (value.is(NodeKind::Int)) return replace(value, single_precision(static_cast<double>(value.integer)));
  if (value.is(NodeKind::Float)) return replace(value, single_precision(value.real));
  double parsed = 0;
  const std::string_view digits = without_plus(value.text);
  const char* end = digits.data() + digits.size();
  const auto [stop, failed] = std::from_chars(digits.data(), end, parsed);
  if (!value.is_string() || value.text.empty() || failed != std::errc() || stop != end)
    return value.is_string()
               ? state_.error(value.place, Code::BadNumber, "`" + path + "` must be a number, not `" + value.text + "`",
                              "for example 1.5")
               : wrong(value, path, "a number");
  replace(value, single_precision(parsed));
}

void ScalarForms::bytes(Node& value, const std::string& path) const {
  if (value.is(NodeKind::Int)) return replace(value, Node::of(std::to_string(value.integer)));
  if (value.is(NodeKind::Float) && std::fabs(value.real) < 9e18)
    return replace(value, Node::of(std::to_string(static_cast<std::int64_t>(value.real))));
  if (!value.is_string()) return wrong(value, path, "a size as `512m`");
  if (value.text == "-1") return;
  const auto size = text::parse_byte_size(without_plus(value.text));
  if (!size)
    return state_.error(value.place, Code::BadSize, "`" + path + "`: `" + value.text + "` is not a size",
                        "sizes are written as 512m, 1g, 64kb");
  replace(value, Node::of(std::to_string(size->bytes)));
}

void ScalarForms::duration(Node& value, const std::string& path) const {
  if (!value.is_string())
    return wrong(value, path, "a duration as `1m30s`",
                 value.is(NodeKind::Int) ? "add a unit: " + value.text + "s" : "");
  const auto parsed = text::parse_long_duration(value.text);
  if (!parsed)
    return state_.error(value.place, Code::BadDuration, "`" + path + "`: `" + value.text + "` is not a duration",
                        "durations are written as 10s, 1m30s, 500ms");
  replace(value, Node::of(text::format_duration(*parsed)));
}

void ScalarForms::file_mode(Node& value, const std::string& path) const {
  std::int64_t mode = value.integer;
  if (value.is_string()) {
    const auto [end, failed] = std::from_chars(value.text.data(), value.text.data() + value.text.size(), mode, 8);
    if (failed != std::errc() || end != value.text.data() + value.text.size())
      return state_.error(value.place, Code::BadFileMode, "`" + path + "`: `" + value.text + "` is not an octal mode",
                          "for example 0440");
  } else if (!value.is(NodeKind::Int)) {
    return wrong(value, path, "an octal mode as 0440");
  }
  char octal[24] = {};
  std::to_chars(octal, octal + sizeof octal - 1, mode, 8);
  replace(value, Node::of(std::string("0") + octal));
}

}  // namespace berth::compose
