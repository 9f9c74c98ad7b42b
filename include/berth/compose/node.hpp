// The loaded tree: what YAML said, as ordered maps, with a span on every key and value, and later the canonical form of
// it.
//
// `config` prints this tree, so keys that the typed Project does not carry still print; the Project is made from it.
// Values, copied and moved freely; no pointers into one another. Maps keep the order of the file; printing sorts.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "berth/text/source.hpp"

namespace berth::compose {

enum class NodeKind : std::uint8_t { Null, Bool, Int, Float, String, List, Map };

// Set by `!reset` and `!override` in the file.
enum class NodeTag : std::uint8_t { None, Reset, Override };

struct Place {  // a Span without its end of life: small, and shares its file through the tree's SourceFile table
  std::uint32_t file = 0;  // 0: nowhere; otherwise index + 1 into Tree::files
  std::uint32_t line = 0, column = 0, end_line = 0, end_column = 0;
  std::uint32_t origin =
      0;  // how the value came to where it counts: index + 1 into the load's origins; 0: it was written there
};

struct NodeField;

struct Node {
  NodeKind kind = NodeKind::Null;
  NodeTag tag = NodeTag::None;
  bool boolean = false;
  bool plain = false;  // a scalar written without quotes, so that it may become a number after interpolation
  std::int64_t integer = 0;
  double real = 0;
  std::string text;  // String: the value. Int, Float, Bool: as written in the file
  Place place;
  std::vector<Node> items;        // List
  std::vector<NodeField> fields;  // Map, in the order of the file
  std::vector<Place> key_places;  // Map: beside `fields`

  static Node null();
  static Node of(std::string value);
  static Node of(const char* value);
  static Node of(bool value);
  static Node of(std::int64_t value);
  static Node of(double value);
  static Node list();
  static Node map();

  bool is(NodeKind wanted) const noexcept { return kind == wanted; }
  bool is_null() const noexcept { return kind == NodeKind::Null; }
  bool is_map() const noexcept { return kind == NodeKind::Map; }
  bool is_list() const noexcept { return kind == NodeKind::List; }
  bool is_string() const noexcept { return kind == NodeKind::String; }
  bool is_scalar() const noexcept { return kind != NodeKind::List && kind != NodeKind::Map; }

  // Map: null where there is no such field (or this is no map).
  const Node* find(std::string_view key) const noexcept;
  Node* find(std::string_view key) noexcept;
  Node& set(std::string key, Node value);  // replaces, or appends
  Node& set(std::string key, Node value, Place key_place);
  bool erase(std::string_view key);
  // Of those for which `leaves` is true; given to it to move from.
  void erase_fields(const std::function<bool(NodeField& field, const Place& key_place)>& leaves);
  Place key_place(std::string_view key) const noexcept;
  // String, or the number/boolean the way Go prints it ("1000" for 1e3); empty for null, list and map.
  std::string scalar_text() const;
  std::string json_number() const;  // a number's letters in JSON
};

struct NodeField {  // of a map; no std::pair, which asks what a Node can do before there is one
  std::string first;
  Node second;
};

inline Node Node::null() { return {}; }
inline Node Node::of(const char* value) { return of(std::string(value)); }

// Same kinds and values; places, order of fields and spelling of numbers do not count.
bool same(const Node& a, const Node& b);

enum class FieldOrder : std::uint8_t { Compose, Sorted };  // Compose: that of the Compose model, what it names first

// A whole model. Indent 2; ends in a newline.
std::string print_yaml(const Node& tree, FieldOrder order = FieldOrder::Compose);
// Indent 2, fields sorted; ends in a newline.
std::string print_json(const Node& tree);
// One service on one line, as docker compose writes it to hash it.
std::string print_service_json(const Node& service);

}  // namespace berth::compose
