#include <algorithm>
#include <array>
#include <cstdio>

#include "berth/compose/node.hpp"

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

using FieldRefs = std::vector<const std::pair<std::string, Node>*>;

FieldRefs ordered_fields(const Node& map, bool top) {
  static constexpr std::array<std::string_view, 7> kTop = {"name",    "services", "networks", "volumes",
                                                           "secrets", "configs",  "models"};
  FieldRefs refs;
  for (const auto& field : map.fields) refs.push_back(&field);
  const auto rank = [&](const std::string& key) {
    return top ? std::find(kTop.begin(), kTop.end(), key) - kTop.begin() : 0;
  };
  std::sort(refs.begin(), refs.end(), [&](auto* a, auto* b) {
    return rank(a->first) != rank(b->first) ? rank(a->first) < rank(b->first) : a->first < b->first;
  });
  return refs;
}

void json_node(std::string& out, const Node& node, std::size_t indent) {
  const std::string pad(indent + 2, ' ');
  if (node.is_map() && !node.fields.empty()) {
    out += "{\n";
    bool first = true;
    for (const auto* field : ordered_fields(node, false)) {
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
                              : node.scalar_text();
  }
}

bool looks_like_number(std::string_view text) {
  return text.find_first_not_of("0123456789+-.eE_xXoOaAbBcCdDfF:") == std::string_view::npos &&
         text.find_first_of("0123456789") != std::string_view::npos;
}

// Would a YAML 1.1 or 1.2 reader take these letters, unquoted, for something else than this string?
bool needs_quotes(std::string_view text) {
  static constexpr std::array<std::string_view, 12> kWords = {"true", "false", "null", "~", "yes",  "no",
                                                              "on",   "off",   "y",    "n", ".inf", ".nan"};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (text.empty() || std::find(kWords.begin(), kWords.end(), lower) != kWords.end() || looks_like_number(text))
    return true;
  if (std::string_view("!&*|>'\"%@`#,[]{}<=").find(text.front()) != std::string_view::npos) return true;
  if (std::string_view("-?:").find(text.front()) != std::string_view::npos &&
      (text.size() == 1 || text[1] == ' ' || text.front() != '-'))
    return true;
  return text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos || text.back() == ':' ||
         text.back() == ' ' || text.front() == ' ' || text.starts_with("---") || text.starts_with("...");
}

std::string yaml_scalar(const Node& node) {
  if (node.is_null()) return "null";
  if (!node.is_string()) return node.scalar_text();
  const bool plain =
      std::all_of(node.text.begin(), node.text.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
  if (!plain) return json_quoted(node.text);
  if (!needs_quotes(node.text)) return node.text;
  return node.text.find_first_of("\"\\") == std::string::npos ? "\"" + node.text + "\"" : json_quoted(node.text);
}

void yaml_node(std::string& out, const Node& node, std::size_t indent, bool top);

// After "key:" or "-": a scalar on the same line, else a block below.
void yaml_value(std::string& out, const Node& value, std::size_t indent) {
  if (value.is_map() && !value.fields.empty()) {
    out += "\n";
    yaml_node(out, value, indent + 2, false);
  } else if (value.is_list() && !value.items.empty()) {
    out += "\n";
    yaml_node(out, value, indent + 2, false);
  } else {
    out += " " + (value.is_map() ? "{}" : value.is_list() ? "[]" : yaml_scalar(value)) + "\n";
  }
}

void yaml_node(std::string& out, const Node& node, std::size_t indent, bool top) {
  const std::string pad(indent, ' ');
  for (const auto* field : ordered_fields(node, top)) {
    out += pad + yaml_scalar(Node::of(field->first)) + ":";
    yaml_value(out, field->second, indent);
  }
  for (const auto& item : node.items) {
    if (item.is_map() && !item.fields.empty()) {  // the first field beside the dash
      std::string block;
      yaml_node(block, item, indent + 2, false);
      block[indent] = '-';
      out += block;
    } else {
      out += pad + "-";
      yaml_value(out, item, indent);
    }
  }
}

}  // namespace

std::string print_yaml(const Node& tree) {
  std::string out;
  if (tree.is_map()) yaml_node(out, tree, 0, true);
  return out.empty() ? "{}\n" : out;
}

std::string print_json(const Node& tree) {
  std::string out;
  json_node(out, tree, 0);
  return out + "\n";
}

}  // namespace berth::compose
