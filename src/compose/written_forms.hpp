// What values looked like before they had their canonical form, by where they stand.
#pragma once

#include <cstdint>
#include <map>
#include <tuple>

#include "berth/compose/node.hpp"
#include "structures.hpp"

namespace berth::compose {

// Compat: keys that `config --no-interpolate` shows as they are written; others it shows in their long form.
bool keeps_written_form(const Field& field);

class WrittenForms {
 public:
  void note(const Node& written, const Node& canonical, Shape shape);
  // What the passes have left as it was is as it was written; maps that two files gave become lists of `NAME=value`.
  void restore(Node& node) const;

 private:
  struct Form {
    Node written, canonical;
    bool pairs = false;
  };
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, Form> forms_;
};

}  // namespace berth::compose
