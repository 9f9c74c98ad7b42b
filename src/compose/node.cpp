#include "berth/compose/node.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace berth::compose {

Node Node::of(std::string value) {
  Node node;
  node.kind = NodeKind::String;
  node.text = std::move(value);
  return node;
}
Node Node::of(bool value) {
  Node node;
  node.kind = NodeKind::Bool;
  node.boolean = value;
  return node;
}
Node Node::of(std::int64_t value) {
  Node node;
  node.kind = NodeKind::Int;
  node.integer = value;
  return node;
}
Node Node::of(double value) {
  Node node;
  node.kind = NodeKind::Float;
  node.real = value;
  return node;
}
Node Node::list() {
  Node node;
  node.kind = NodeKind::List;
  return node;
}
Node Node::map() {
  Node node;
  node.kind = NodeKind::Map;
  return node;
}

const Node* Node::find(std::string_view key) const noexcept {
  for (const auto& [name, value] : fields)
    if (name.size() == key.size() && (key.empty() || (name.front() == key.front() && name.back() == key.back())) &&
        name == key)
      return &value;
  return nullptr;
}
Node* Node::find(std::string_view key) noexcept { return const_cast<Node*>(std::as_const(*this).find(key)); }

Node& Node::set(std::string key, Node value) {
  const Place at = value.place;
  return set(std::move(key), std::move(value), at);
}

Node& Node::set(std::string key, Node value, Place key_place) {
  kind = NodeKind::Map;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].first != key) continue;
    key_places[i] = key_place;
    return fields[i].second = std::move(value);
  }
  key_places.push_back(key_place);
  fields.push_back({std::move(key), std::move(value)});
  return fields.back().second;
}

bool Node::erase(std::string_view key) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].first != key) continue;
    fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(i));
    key_places.erase(key_places.begin() + static_cast<std::ptrdiff_t>(i));
    return true;
  }
  return false;
}

void Node::erase_fields(const std::function<bool(NodeField& field, const Place& key_place)>& leaves) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (leaves(fields[i], key_places[i])) continue;
    if (kept != i) {
      fields[kept] = std::move(fields[i]);
      key_places[kept] = key_places[i];
    }
    ++kept;
  }
  fields.resize(kept);
  key_places.resize(kept);
}

Place Node::key_place(std::string_view key) const noexcept {
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (fields[i].first == key) return key_places[i];
  return {};
}

namespace {

// Shortest digits; with an exponent where it is below `least` or from `most` on.
std::string shortest(double value, int least, int most) {
  char text[40] = {};
  std::to_chars(text, text + sizeof text - 1, value, std::chars_format::scientific);
  const int exponent = std::atoi(std::strchr(text, 'e') + 1);
  if (exponent < least || exponent >= most) return text;
  char plain[400] = {};
  std::to_chars(plain, plain + sizeof plain - 1, value, std::chars_format::fixed);
  return plain;
}

// Go's %v of a float64.
std::string go_float(double value) {
  if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
  if (std::isnan(value)) return "NaN";
  return shortest(value, -4, 6);
}

// A whole number beyond the 63 bits of `integer`, and within 64: its digits say it exactly.
bool is_wide_integer(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc() && end == text.data() + text.size() && value > INT64_MAX;
}

}  // namespace

std::string Node::scalar_text() const {
  switch (kind) {
    case NodeKind::String: return text;
    case NodeKind::Bool: return boolean ? "true" : "false";
    case NodeKind::Int: return std::to_string(integer);
    case NodeKind::Float: return is_wide_integer(text) ? text : go_float(real);
    case NodeKind::Null:
    case NodeKind::List:
    case NodeKind::Map: return {};
  }
  return {};
}

std::string Node::json_number() const {
  if (!is(NodeKind::Float) || is_wide_integer(text)) return scalar_text();
  return std::isfinite(real) ? shortest(real, -6, 21) : "null";
}

bool same(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.items.size() != b.items.size() || a.fields.size() != b.fields.size()) return false;
  if (a.is_scalar()) return a.scalar_text() == b.scalar_text();
  for (std::size_t i = 0; i < a.items.size(); ++i)
    if (!same(a.items[i], b.items[i])) return false;
  for (const auto& [key, value] : a.fields) {
    const Node* other = b.find(key);
    if (!other || !same(value, *other)) return false;
  }
  return true;
}

}  // namespace berth::compose
