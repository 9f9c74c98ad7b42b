// `--format` templates: the part of Go's that people use for tables. Pure.
//
//   {{.Name}}            a field
//   {{json .}}           all fields as one JSON object; {{json .Labels}} one as a JSON string
//   {{upper .Name}} {{lower .State}}
//   table {{.Name}}\t{{.Status}}     columns with headings
#pragma once

#include <map>
#include <optional>
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
  // Its headings: "NAME\tSTATUS"; `names` where a field's is not its own name.
  std::string heading(const Fields& names = {}) const;

 private:
  enum class Kind { Text, Field, Json, JsonField, Upper, Lower };
  struct Piece {
    Kind kind = Kind::Text;
    std::string text;  // literal, or the field's name
  };
  std::vector<Piece> pieces_;
  bool table_ = false;
};

struct TemplateRow {
  Template::Fields fields;
  std::string json;
};
// All rows, each with its newline; of a table the columns aligned below their headings.
Result<std::string> format_rows(const Template& rows, const std::vector<TemplateRow>& lines,
                                const Template::Fields& names = {});

// `--format` of a command that knows "table" and "json" (and "pretty"): nothing for these.
Result<std::optional<Template>> parse_format(std::string_view format);

}  // namespace berth::cli
