#include "berth/compose/node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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
    if (name == key) return &value;
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
  return fields.emplace_back(std::move(key), std::move(value)).second;
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

Place Node::key_place(std::string_view key) const noexcept {
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (fields[i].first == key) return key_places[i];
  return {};
}

namespace {

// Go's %v of a float64: shortest digits, an exponent below 1e-4 and from 1e21.
std::string go_float(double value) {
  if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
  if (std::isnan(value)) return "NaN";
  const double size = std::fabs(value);
  if (size != 0 && (size < 1e-4 || size >= 1e21)) return fmt::format("{:e}", value);
  if (value == std::floor(value) && size < 1e15) return fmt::format("{:.0f}", value);
  return fmt::format("{}", value);
}

}  // namespace

std::string Node::scalar_text() const {
  switch (kind) {
    case NodeKind::String: return text;
    case NodeKind::Bool: return boolean ? "true" : "false";
    case NodeKind::Int: return std::to_string(integer);
    case NodeKind::Float: return go_float(real);
    case NodeKind::Null:
    case NodeKind::List:
    case NodeKind::Map: return {};
  }
  return {};
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
