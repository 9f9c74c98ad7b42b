// The canonical form of each kind of scalar, and the error of what is none of that kind.
#pragma once

#include <string>

#include "passes.hpp"

namespace berth::compose {

// Gives a node and all below it one place: what was written short stands where the short form stood.
void set_places(Node& node, const Place& place);

// Each member turns `value` into its canonical form in place, or reports an error at its place; `path` names it there.
class ScalarForms {
 protected:
  explicit ScalarForms(LoadState& state) : state_(state) {}

  void wrong(const Node& node, const std::string& path, const std::string& wanted, std::string hint = {}) const;
  static void replace(Node& value, Node with);  // place and tag stay

  void text_value(Node& value, const std::string& path) const;
  void flag(Node& value, const std::string& path) const;
  void integer(Node& value, const std::string& path) const;
  void number(Node& value, const std::string& path) const;
  void bytes(Node& value, const std::string& path) const;      // decimal digits, as a string
  void duration(Node& value, const std::string& path) const;   // as Go prints it: "1m30s"
  void file_mode(Node& value, const std::string& path) const;  // octal with a leading zero, as a string

  LoadState& state_;
};

}  // namespace berth::compose
