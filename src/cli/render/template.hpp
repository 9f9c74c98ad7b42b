// `--format` templates: the part of Go's that people use for tables. Pure.
//
//   {{.Name}}            a field
//   {{json .}}           all fields as one JSON object; {{json .Labels}} one as a JSON string
//   {{upper .Name}} {{lower .State}}
//   table {{.Name}}\t{{.Status}}     columns with headings
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"

namespace berth::cli {

class Template {
 public:
  using Fields = std::map<std::string, std::string>;
  // Invalid, naming what is not understood.
  static Result<Template> parse(std::string_view text);
  bool is_table() const noexcept { return table_; }
  // One line without its newline. `json`: what {{json .}} stands for. NotFound for a field that is not there.
  Result<std::string> render(const Fields& fields, const std::string& json) const;
  // Its headings: "NAME\tSTATUS".
  std::string heading() const;

 private:
  enum class Kind { Text, Field, Json, JsonField, Upper, Lower };
  struct Piece {
    Kind kind = Kind::Text;
    std::string text;  // literal, or the field's name
  };
  std::vector<Piece> pieces_;
  bool table_ = false;
};

}  // namespace berth::cli
