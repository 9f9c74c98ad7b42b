// `--format` of compose's lists: Go templates (go_template.hpp) over a row, a line a row. Pure.
//
//   {{.Name}} {{json .}} {{upper .State}}
//   table {{.Name}}\t{{.Status}}     columns with headings
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"
#include "render/go_template.hpp"

namespace berth::cli {

class Template {
 public:
  using Fields = std::map<std::string, std::string>;
  // Invalid, naming what is not understood.
  static Result<Template> parse(std::string_view text);
  bool is_table() const noexcept { return table_; }
  // One line without its newline. `json`: the row as an object; fields that it has not are texts. NotFound for a field
  // that neither has.
  Result<std::string> render(const Fields& fields, const std::string& json) const;
  // Its headings: "NAME\tSTATUS"; `names` where a field's is not its own name.
  std::string heading(const Fields& names = {}) const;

 private:
  std::optional<GoTemplate> text_;
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
