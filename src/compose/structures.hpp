// The table of the Compose language: every key, in which structure it stands, and what it holds. Its source is
// schemas/compose.schema.json; generate_structures.py makes structure_rows.inc of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::compose {

enum class Shape {
  Text,           // s   string; empty is as good as absent
  Flag,           // b   boolean, or a word for it; false is as good as absent
  FlagOrNone,     // B   boolean, or a word for it; also printed when false
  StrictFlag,     // g   boolean; false is as good as absent
  StrictOrNone,   // G   boolean; also printed when false
  Integer,        // i   0 is as good as absent
  IntegerOrNone,  // I
  WholePart,      // w   number, of which the whole part counts; 0 is as good as absent
  WholeNumber,    // W   as WholePart, but no string
  Number,         // f
  Bytes,          // y   number or "512m"; canonical: digits in a string
  WholeBytes,     // Y   as Bytes, but no fraction
  BytesText,      // z   "512m"
  Duration,       // D   canonical: the way Go prints it
  Pause,          // d   as Duration; 0 is as good as absent
  Texts,          // S   list of strings
  TextOrTexts,    // L   string or list of strings; canonical: list
  Scalars,        // K   list of strings and whole numbers; canonical: strings
  Pairs,          // P   list K=V or map; canonical: map of strings
  PairsOrNone,    // E   as Pairs, but a key may have no value
  NamedTexts,     // N   list K=V or map of strings
  TextMap,        // T   map of strings
  OptionMap,      // m   map of strings and numbers; canonical: map of strings
  LooseOptions,   // M   as OptionMap, but a key may have no value
  Hosts,          // H   extra_hosts; canonical: list "host=address"
  Command,        // C   string (split into words) or list
  IntegerText,    // n   string or whole number; canonical: string; empty is as good as absent
  FlagText,       // o   string or boolean; canonical: string; empty is as good as absent
  FileMode,       // O   octal; canonical: "0440"
  Anything,       // X
  Struct,         // {x}
  StructList,     // [x]
  StructMap,      // <x>
};

struct Field {
  std::string name;
  Shape shape;
  std::string structure;                    // of Struct, StructList, StructMap
  bool required = false;                    // !
  bool unique = false;                      // %     items of a list (of Pairs: in their list form)
  bool nullable = false;                    // ?     a key without a value is as good as absent
  std::vector<std::string> words;           // =a|b  one of these
  std::optional<std::int64_t> least, most;  // >N <N
};

const char* wanted(Shape shape);  // "a list of strings"

// Null where there is no such structure.
const std::vector<Field>* find_structure(const std::string& name);

// Null where the structure has no such key.
const Field* find_field(const std::vector<Field>& structure, std::string_view key);

// How the table sees a node: as one structure, as a map or list of them, or (Unknown) not at all.
struct Layout {
  enum class Holds : std::uint8_t { Unknown, One, Each } holds = Holds::Unknown;
  const std::vector<Field>* structure = nullptr;

  static Layout file() { return {Holds::One, find_structure("file")}; }
  bool is_structure() const { return holds == Holds::One; }
  const Field* find(const std::string& key) const;  // is_structure(): null where the key is not its own
  Layout below(const std::string& key) const;       // of a field; of any item, where there are many
};

// What is one value in every form of the key.
bool is_single(Shape shape);

}  // namespace berth::compose
