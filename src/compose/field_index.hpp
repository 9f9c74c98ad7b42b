// Finds the fields of a map that may be large, in constant time. The map must not lose fields meanwhile; it may get new
// ones through `add`. Small maps are searched as they are.
#pragma once

#include <string>
#include <unordered_map>

#include "berth/compose/node.hpp"

namespace berth::compose {

class FieldIndex {
 public:
  explicit FieldIndex(Node& map) : map_(map) { take_in_new_fields(); }

  Node* find(const std::string& key) {
    if (map_.fields.size() <= kFewFields) return map_.find(key);
    take_in_new_fields();
    const auto found = at_.find(key);
    return found == at_.end() ? nullptr : &map_.fields[found->second].second;
  }
  bool empty() const { return map_.fields.empty(); }
  // Of a key that is not there.
  Node& add(std::string key, Node value, const Place& key_place) {
    map_.kind = NodeKind::Map;
    map_.key_places.push_back(key_place);
    map_.fields.push_back({std::move(key), std::move(value)});
    return map_.fields.back().second;
  }

 private:
  static constexpr std::size_t kFewFields = 16;

  void take_in_new_fields() {
    if (map_.fields.size() <= kFewFields) return;
    at_.reserve(map_.fields.size());
    for (std::size_t i = at_.size(); i < map_.fields.size(); ++i) at_.emplace(map_.fields[i].first, i);
  }

  Node& map_;
  std::unordered_map<std::string, std::size_t> at_;
};

}  // namespace berth::compose
