#include "structures.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>
#include <unordered_map>

namespace berth::compose {

namespace {

struct Row {
  const char* name;
  const char* fields;
};

// From schemas/compose.schema.json, where fields stand in the order in which `config` prints them. The letters are
// those of structures.hpp.
constexpr Row kRows[] = {
#include "structure_rows.inc"
};

Shape shape_of(char letter) {
  switch (letter) {
    case 's': return Shape::Text;
    case 'b': return Shape::Flag;
    case 'B': return Shape::FlagOrNone;
    case 'g': return Shape::StrictFlag;
    case 'G': return Shape::StrictOrNone;
    case 'i': return Shape::Integer;
    case 'I': return Shape::IntegerOrNone;
    case 'w': return Shape::WholePart;
    case 'W': return Shape::WholeNumber;
    case 'f': return Shape::Number;
    case 'y': return Shape::Bytes;
    case 'Y': return Shape::WholeBytes;
    case 'z': return Shape::BytesText;
    case 'D': return Shape::Duration;
    case 'd': return Shape::Pause;
    case 'S': return Shape::Texts;
    case 'L': return Shape::TextOrTexts;
    case 'K': return Shape::Scalars;
    case 'P': return Shape::Pairs;
    case 'E': return Shape::PairsOrNone;
    case 'N': return Shape::NamedTexts;
    case 'T': return Shape::TextMap;
    case 'm': return Shape::OptionMap;
    case 'M': return Shape::LooseOptions;
    case 'H': return Shape::Hosts;
    case 'C': return Shape::Command;
    case 'n': return Shape::IntegerText;
    case 'o': return Shape::FlagText;
    case 'O': return Shape::FileMode;
    case '{': return Shape::Struct;
    case '[': return Shape::StructList;
    case '<': return Shape::StructMap;
    default: return Shape::Anything;
  }
}

// "name:shape" and what may follow: ! % ? =words >least <most
Field parse_field(std::string_view word) {
  const std::size_t colon = word.find(':');
  Field field{.name = std::string(word.substr(0, colon)),
              .shape = shape_of(word[colon + 1]),
              .structure = {},
              .words = {},
              .least = {},
              .most = {}};
  std::string_view rest = word.substr(colon + 2);
  if (field.shape == Shape::Struct || field.shape == Shape::StructList || field.shape == Shape::StructMap) {
    const std::size_t end = rest.find_first_of("}]>");
    field.structure = std::string(rest.substr(0, end));
    rest = rest.substr(end + 1);
  }
  while (!rest.empty()) {
    const char mark = rest[0];
    const std::size_t next = std::min(rest.find_first_of("!%?=><", 1), rest.size());
    const std::string_view value = rest.substr(1, next - 1);
    rest = rest.substr(next);
    field.required = field.required || mark == '!';
    field.unique = field.unique || mark == '%';
    field.nullable = field.nullable || mark == '?';
    if (mark == '>' || mark == '<') {
      std::int64_t& bound = (mark == '>' ? field.least : field.most).emplace();
      std::from_chars(value.data(), value.data() + value.size(), bound);
    }
    for (std::size_t at = 0; mark == '=' && at < value.size();) {
      const std::size_t end = std::min(value.find('|', at), value.size());
      field.words.emplace_back(value.substr(at, end - at));
      at = end + 1;
    }
  }
  return field;
}

std::map<std::string, std::vector<Field>> build_table() {
  std::map<std::string, std::vector<Field>> table;
  for (const auto& row : kRows) {
    std::istringstream words(row.fields);
    for (std::string word; words >> word;) table[row.name].push_back(parse_field(word));
  }
  return table;
}

const std::map<std::string, std::vector<Field>>& the_table() {
  static const auto table = build_table();
  return table;
}

using FieldsByName = std::unordered_map<std::string_view, const Field*>;

std::unordered_map<const std::vector<Field>*, FieldsByName> index_table() {
  std::unordered_map<const std::vector<Field>*, FieldsByName> index;
  for (const auto& [name, fields] : the_table())
    for (const auto& field : fields) index[&fields].emplace(field.name, &field);
  return index;
}

}  // namespace

const std::vector<Field>* find_structure(const std::string& name) {
  const auto found = the_table().find(name);
  return found == the_table().end() ? nullptr : &found->second;
}

const Field* find_field(const std::vector<Field>& structure, std::string_view key) {
  static const auto index = index_table();
  const FieldsByName& fields = index.at(&structure);
  const auto found = fields.find(key);
  return found == fields.end() ? nullptr : found->second;
}

const Field* Layout::find(const std::string& key) const { return find_field(*structure, key); }

Layout Layout::below(const std::string& key) const {
  if (holds == Holds::Each) return {Holds::One, structure};
  const Field* field = holds == Holds::One ? find(key) : nullptr;
  if (!field || field->structure.empty()) return {};
  return {field->shape == Shape::Struct ? Holds::One : Holds::Each, find_structure(field->structure)};
}

bool is_single(Shape shape) {
  switch (shape) {
    case Shape::Texts:
    case Shape::TextOrTexts:
    case Shape::Scalars:
    case Shape::Pairs:
    case Shape::PairsOrNone:
    case Shape::NamedTexts:
    case Shape::TextMap:
    case Shape::OptionMap:
    case Shape::LooseOptions:
    case Shape::Hosts:
    case Shape::Struct:
    case Shape::StructList:
    case Shape::StructMap: return false;
    default: return true;
  }
}

}  // namespace berth::compose
