// The forms that an instruction's arguments have: flags, JSON lists, words, name=value pairs, heredoc markers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/dockerfile/dockerfile.hpp"

namespace berth::dockerfile {

// A piece of a logical line by its offsets.
struct Piece {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Words at blanks, quotes and escapes kept together (and kept in the text).
std::vector<Piece> split_quoted(std::string_view text, std::size_t from, char escape);
// Words at blanks only.
std::vector<Piece> split_blank(std::string_view text, std::size_t from);

struct Flag {
  std::string name;
  std::optional<std::string> value;  // quotes and escapes processed
  Piece place;
};
// Reads leading --flags; `at` afterwards stands at the first argument. `--` ends them and is dropped.
std::vector<Flag> read_flags(std::string_view text, std::size_t& at, char escape);

enum class JsonForm { NotJson, Strings, WrongTypes };
JsonForm read_json_list(std::string_view text, std::vector<std::string>& out);

// Markers `<<NAME` of a line, in order; bodies still empty.
std::vector<Heredoc> heredocs_in(std::string_view text);
std::optional<Heredoc> heredoc_marker(std::string_view word);

}  // namespace berth::dockerfile
