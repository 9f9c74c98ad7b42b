// Without interpolation, values are shown as they are written: their canonical form is for the passes alone.
#include "written_forms.hpp"

#include <algorithm>

#include "passes.hpp"

namespace berth::compose {

namespace {

bool is_same(const Node& one, const Node& other) {
  const auto same_fields = [](const NodeField& a, const NodeField& b) {
    return a.first == b.first && is_same(a.second, b.second);
  };
  return one.kind == other.kind && one.boolean == other.boolean && one.integer == other.integer &&
         one.real == other.real && one.text == other.text &&
         std::equal(one.items.begin(), one.items.end(), other.items.begin(), other.items.end(), is_same) &&
         std::equal(one.fields.begin(), one.fields.end(), other.fields.begin(), other.fields.end(), same_fields);
}

std::tuple<std::uint32_t, std::uint32_t, std::uint32_t> key_of(const Place& place) {
  return {place.file, place.line, place.column};
}

// Of what two files say together.
Node list_of_pairs(const Node& map) {
  Node list = Node::list();
  for (const auto& [key, value] : map.fields)
    list.items.push_back(Node::of(value.is_null() ? key : key + "=" + value.scalar_text()));
  return list;
}

}  // namespace

bool keeps_written_form(const Field& field) {
  switch (field.shape) {
    case Shape::Struct:
    case Shape::StructList:
    case Shape::StructMap: return false;
    case Shape::Anything: return field.name == "test";
    default: return field.name != "dns" && field.name != "ssh" && field.name != "additional_contexts";
  }
}

void WrittenForms::note(const Node& written, const Node& canonical, Shape shape) {
  const bool pairs = shape == Shape::Pairs || shape == Shape::PairsOrNone || shape == Shape::NamedTexts;
  if (written.place.file && (pairs || !is_same(written, canonical)))
    forms_.insert_or_assign(key_of(written.place), Form{written, canonical, pairs});
}

void WrittenForms::restore(Node& node) const {
  if (const auto found = forms_.find(key_of(node.place)); found != forms_.end()) {
    const auto& [written, canonical, pairs] = found->second;
    if (is_same(node, canonical)) {
      node = written;
      return;
    }
    if (pairs && node.is_map()) {
      node = list_of_pairs(node);
      return;
    }
  }
  for (auto& item : node.items) restore(item);
  for (auto& [key, value] : node.fields) restore(value);
}

}  // namespace berth::compose
