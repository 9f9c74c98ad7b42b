#include "render/template.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>

#include "render/table.hpp"

namespace berth::cli {
namespace {

std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] == '\\' && (next == 't' || next == 'n')) {
      out += next == 't' ? '\t' : '\n';
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string in_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

Result<Template> Template::parse(std::string_view text) {
  Template made;
  if (text.starts_with("table ") || text == "table") {
    made.table_ = true;
    text.remove_prefix(std::min<std::size_t>(6, text.size()));
  }
  auto parsed = GoTemplate::parse(unescaped(text));
  if (!parsed) return parsed.error();
  made.text_ = std::move(*parsed);
  return made;
}

Result<std::string> Template::render(const Fields& fields, const std::string& json) const {
  boost::system::error_code failed;
  boost::json::value row = boost::json::parse(json, failed);
  if (failed || !row.is_object()) row = boost::json::object();
  for (const auto& [name, value] : fields) row.get_object().emplace(name, value);  // unless it has it
  return text_->render(row);
}

std::string Template::heading(const Fields& names) const {
  boost::json::object headings;
  for (const auto& field : text_->root_fields()) {
    const auto named = names.find(field);
    headings[field] = named != names.end() ? named->second : in_case(field);
  }
  const auto text = text_->render_headings(headings);
  return text ? *text : "";  // a heading never keeps rows from being shown
}

Result<std::string> format_rows(const Template& rows, const std::vector<TemplateRow>& lines,
                                const Template::Fields& names) {
  std::string text = rows.is_table() ? rows.heading(names) + "\n" : "";
  for (const auto& line : lines) {
    auto rendered = rows.render(line.fields, line.json);
    if (!rendered) return rendered.error();
    text += *rendered + "\n";
  }
  if (!rows.is_table()) return text;
  std::vector<std::vector<std::string>> table;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    std::vector<std::string> cells;
    for (std::size_t cell = at; cell <= end;) {
      const auto tab = std::min(text.find('\t', cell), end);
      cells.push_back(text.substr(cell, tab - cell));
      cell = tab + 1;
    }
    table.push_back(std::move(cells));
    at = end + 1;
  }
  return format_table(table);
}

Result<std::optional<Template>> parse_format(std::string_view format) {
  if (format == "table" || format == "json" || format == "pretty") return std::optional<Template>();
  if (format.find("{{") == std::string_view::npos)
    return Error::make(ErrorKind::Invalid, "invalid value `" + std::string(format) + "` for --format")
        .with_hint("table, json, or a template as '{{.Name}} {{.Status}}'");
  auto parsed = Template::parse(format);
  if (!parsed) return parsed.error();
  return std::optional<Template>(std::move(*parsed));
}

}  // namespace berth::cli
