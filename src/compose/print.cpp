#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <initializer_list>

#include "passes.hpp"
#include "structures.hpp"

namespace berth::compose {

namespace {

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          char escaped[8];
          std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned char>(c));
          out += escaped;
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

using FieldRefs = std::vector<const NodeField*>;

FieldRefs sorted_fields(const Node& map) {
  FieldRefs refs;
  for (const auto& field : map.fields) refs.push_back(&field);
  std::sort(refs.begin(), refs.end(), [](auto* a, auto* b) { return a->first < b->first; });
  return refs;
}

// Fields of a structure in the table's order, then what it does not know by name.
FieldRefs ordered_fields(const Node& map, const Layout& layout) {
  FieldRefs refs = sorted_fields(map);
  if (!layout.is_structure()) return refs;
  const auto rank = [&](const auto* ref) {
    const Field* field = layout.find(ref->first);
    return field ? field - layout.structure->data() : static_cast<std::ptrdiff_t>(layout.structure->size());
  };
  std::stable_sort(refs.begin(), refs.end(), [&](auto* a, auto* b) { return rank(a) < rank(b); });
  return refs;
}

void json_node(std::string& out, const Node& node, std::size_t indent) {
  const std::string pad(indent + 2, ' ');
  if (node.is_map() && !node.fields.empty()) {
    out += "{\n";
    bool first = true;
    for (const auto* field : sorted_fields(node)) {
      out += (first ? "" : ",\n") + pad + json_quoted(field->first) + ": ";
      json_node(out, field->second, indent + 2);
      first = false;
    }
    out += "\n" + std::string(indent, ' ') + "}";
  } else if (node.is_list() && !node.items.empty()) {
    out += "[\n";
    bool first = true;
    for (const auto& item : node.items) {
      out += (first ? "" : ",\n") + pad;
      json_node(out, item, indent + 2);
      first = false;
    }
    out += "\n" + std::string(indent, ' ') + "]";
  } else {
    out += node.is_map()      ? "{}"
           : node.is_list()   ? "[]"
           : node.is_null()   ? "null"
           : node.is_string() ? json_quoted(node.text)
                              : node.json_number();
  }
}

enum class ScalarStyle { Plain, SingleQuoted, DoubleQuoted, Literal };

bool is_one_of_words(std::string_view text, std::initializer_list<std::string_view> words) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(words.begin(), words.end(), lower) != words.end();
}

// "12:30", which YAML 1.1 counts in sixties, and "2001-01-01", a date.
bool looks_like_time(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789+-_:.TtZz ") != std::string_view::npos) return false;
  const std::size_t digits = text.find_first_not_of("0123456789_", text[0] == '-' || text[0] == '+');
  return digits != std::string_view::npos && digits > 0 &&
         (text[digits] == ':' || (digits == 4 && text[digits] == '-' && text.size() >= 8));
}

// Would a YAML 1.1 or 1.2 reader take these letters, unquoted, for something else than this string?
bool reads_as_another_kind(const std::string& text) {
  if (text.empty()) return true;
  if (std::string_view("~nNtTfFyYoO0123456789+-._").find(text[0]) == std::string_view::npos) return false;
  if (looks_like_time(text)) return true;
  if (is_one_of_words(text, {"true", "false", "null", "~", "yes", "no", "on", "off", "y", "n"})) return true;
  if (is_one_of_words(text, {".inf", "+.inf", "-.inf", ".nan"})) return true;
  return plain_scalar(text).kind != NodeKind::String;
}

// Would they end the scalar early, or begin something else?
bool breaks_plain(std::string_view text) {
  const auto space_at = [&](std::size_t at) { return at >= text.size() || text[at] == ' ' || text[at] == '\t'; };
  if (std::string_view("#,[]{}&*!|>'\"%@`").find(text[0]) != std::string_view::npos) return true;
  if ((text[0] == '?' || text[0] == '-') && space_at(1)) return true;
  if (text.starts_with("---") || text.starts_with("...")) return true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':' && space_at(i + 1)) return true;
    if (text[i] == '#' && i > 0 && space_at(i - 1)) return true;
  }
  return space_at(0) || text.back() == ' ';
}

bool has_control_letters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7f; });
}

// As go-yaml chooses.
ScalarStyle style_of(const std::string& text) {
  const bool lines = text.find('\n') != std::string::npos;
  if (has_control_letters(text)) return ScalarStyle::DoubleQuoted;
  if (lines)
    return text.back() == ' ' || text.find_first_not_of("\n ") == std::string::npos ? ScalarStyle::DoubleQuoted
                                                                                    : ScalarStyle::Literal;
  if (reads_as_another_kind(text)) return ScalarStyle::DoubleQuoted;
  return breaks_plain(text) ? ScalarStyle::SingleQuoted : ScalarStyle::Plain;
}

std::string single_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
  return out + "'";
}

// A block below its key: `|`, what the end and the first line ask for, and the lines at `indent`.
std::string literal(const std::string& text, std::size_t indent) {
  std::string out = "|";
  if (text[0] == ' ' || text[0] == '\n') out += '2';
  if (text.back() != '\n')
    out += '-';
  else if (text.size() == 1 || text[text.size() - 2] == '\n')
    out += '+';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out += '\n';
    if (end > at) out += std::string(indent, ' ') + text.substr(at, end - at);
    at = end + 1;
  }
  return out;
}

std::string yaml_scalar(const Node& node, std::size_t indent, bool is_key = false) {
  if (node.is_null()) return "null";
  if (!node.is_string()) return node.scalar_text();
  switch (style_of(node.text)) {
    case ScalarStyle::Plain: return node.text;
    case ScalarStyle::SingleQuoted: return single_quoted(node.text);
    case ScalarStyle::DoubleQuoted: return json_quoted(node.text);
    case ScalarStyle::Literal: return is_key ? json_quoted(node.text) : literal(node.text, indent);
  }
  return {};
}

void yaml_node(std::string& out, const Node& node, std::size_t indent, const Layout& layout);

// After "key:" or "-": a scalar on the same line, else a block below.
void yaml_value(std::string& out, const Node& value, std::size_t indent, const Layout& layout) {
  if ((value.is_map() && !value.fields.empty()) || (value.is_list() && !value.items.empty())) {
    out += "\n";
    yaml_node(out, value, indent + 2, layout);
  } else {
    out += " " + (value.is_map() ? "{}" : value.is_list() ? "[]" : yaml_scalar(value, indent + 2)) + "\n";
  }
}

void yaml_node(std::string& out, const Node& node, std::size_t indent, const Layout& layout) {
  const std::string pad(indent, ' ');
  for (const auto* field : ordered_fields(node, layout)) {
    out += pad + yaml_scalar(Node::of(field->first), indent, true) + ":";
    yaml_value(out, field->second, indent, layout.below(field->first));
  }
  for (const auto& item : node.items) {
    if (item.is_map() && !item.fields.empty()) {  // the first field beside the dash
      std::string block;
      yaml_node(block, item, indent + 2, layout.below({}));
      block[indent] = '-';
      out += block;
    } else {
      out += pad + "-";
      yaml_value(out, item, indent, {});
    }
  }
}

// Go's encoding/json: no spaces, and the letters that matter in HTML are escaped.
void compact_json(std::string& out, const Node& node, const Layout& layout) {
  if (node.is_map()) {
    out += '{';
    for (const auto* field : ordered_fields(node, layout)) {
      if (out.back() != '{') out += ',';
      compact_json(out, Node::of(field->first), {});
      out += ':';
      compact_json(out, field->second, layout.below(field->first));
    }
    out += '}';
  } else if (node.is_list()) {
    out += '[';
    for (const auto& item : node.items) {
      if (out.back() != '[') out += ',';
      compact_json(out, item, layout.below({}));
    }
    out += ']';
  } else if (node.is_string()) {
    for (const char c : json_quoted(node.text)) {
      if (c == '<' || c == '>' || c == '&')
        out += c == '<' ? "\\u003c" : c == '>' ? "\\u003e" : "\\u0026";
      else
        out += c;
    }
  } else {
    out += node.is_null() ? "null" : node.json_number();
  }
}

}  // namespace

std::string print_yaml(const Node& tree, FieldOrder order) {
  std::string out;
  if (tree.is_map()) yaml_node(out, tree, 0, order == FieldOrder::Sorted ? Layout{} : Layout::file());
  return out.empty() ? "{}\n" : out;
}

std::string print_json(const Node& tree) {
  std::string out;
  json_node(out, tree, 0);
  return out + "\n";
}

std::string print_service_json(const Node& service) {
  std::string out;
  compact_json(out, service, Layout::file().below("services").below({}));
  return out;
}

}  // namespace berth::compose
