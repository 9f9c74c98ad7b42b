// The table of the Compose language: every key, in which structure it stands, and what it holds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace berth::compose {

enum class Shape {
  Text,           // s   string; empty is as good as absent
  Flag,           // b   boolean; false is as good as absent
  FlagOrNone,     // B   boolean that is also printed when false
  Integer,        // i   0 is as good as absent
  IntegerOrNone,  // I
  Number,         // f
  Bytes,          // y   number or "512m"; canonical: digits in a string
  Duration,       // D   canonical: the way Go prints it
  Texts,          // S   list of strings
  TextOrTexts,    // L   string or list of strings; canonical: list
  Scalars,        // K   list of strings and numbers; canonical: strings
  Pairs,          // P   list K=V or map; canonical: map of strings
  PairsOrNone,    // E   as Pairs, but a key may have no value
  TextMap,        // M   map of scalars; canonical: map of strings
  Hosts,          // H   extra_hosts; canonical: list "host=address"
  Command,        // C   string (split into words) or list
  ScalarText,     // n   string or number; canonical: string
  FileMode,       // O   octal; canonical: "0440"
  Anything,       // X
  Struct,         // {x}
  StructList,     // [x]
  StructMap,      // <x>
};

struct Field {
  std::string name;
  Shape shape;
  std::string structure;  // of Struct, StructList, StructMap
};

// Null where there is no such structure.
const std::vector<Field>* find_structure(const std::string& name);

// How the table sees a node: as one structure, as a map or list of them, or (Unknown) not at all.
struct Layout {
  enum class Holds : std::uint8_t { Unknown, One, Each } holds = Holds::Unknown;
  const std::vector<Field>* structure = nullptr;

  static Layout file() { return {Holds::One, find_structure("file")}; }
  bool is_structure() const { return holds == Holds::One; }
  const Field* find(const std::string& key) const;  // is_structure(): null where the key is not its own
  Layout below(const std::string& key) const;       // of a field; of any item, where there are many
};

}  // namespace berth::compose
