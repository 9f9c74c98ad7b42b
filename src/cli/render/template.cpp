#include "render/template.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>

#include "render/table.hpp"

namespace berth::cli {
namespace {

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

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

std::string in_case(std::string text, bool upper) {
  for (char& c : text)
    c = static_cast<char>(upper ? std::toupper(static_cast<unsigned char>(c))
                                : std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

Result<Template> Template::parse(std::string_view text) {
  Template made;
  if (text.starts_with("table ") || text == "table") {
    made.table_ = true;
    text.remove_prefix(std::min<std::size_t>(6, text.size()));
  }
  while (!text.empty()) {
    const auto open = text.find("{{");
    if (open != 0) made.pieces_.push_back({Kind::Text, unescaped(text.substr(0, open))});
    if (open == std::string_view::npos) break;
    text.remove_prefix(open + 2);
    const auto close = text.find("}}");
    if (close == std::string_view::npos) return Error::make(ErrorKind::Invalid, "invalid --format: `{{` without `}}`");
    const std::string_view inside = trimmed(text.substr(0, close));
    text.remove_prefix(close + 2);
    const auto blank = inside.find(' ');
    const std::string_view word = blank == std::string_view::npos ? "" : inside.substr(0, blank);
    const std::string_view operand = blank == std::string_view::npos ? inside : trimmed(inside.substr(blank));
    const bool is_field = operand.size() > 1 && operand[0] == '.' &&
                          std::all_of(operand.begin() + 1, operand.end(),
                                      [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; });
    if (word == "json" && operand == ".")
      made.pieces_.push_back({Kind::Json, ""});
    else if (is_field && (word.empty() || word == "json" || word == "upper" || word == "lower"))
      made.pieces_.push_back({word.empty()      ? Kind::Field
                              : word == "json"  ? Kind::JsonField
                              : word == "upper" ? Kind::Upper
                                                : Kind::Lower,
                              std::string(operand.substr(1))});
    else
      return Error::make(ErrorKind::Invalid, "invalid --format: `{{" + std::string(inside) + "}}` is not understood")
          .with_hint("{{.Field}}, {{json .}}, {{json .Field}}, {{upper .Field}} and {{lower .Field}} are");
  }
  return made;
}

Result<std::string> Template::render(const Fields& fields, const std::string& json) const {
  std::string out;
  for (const Piece& piece : pieces_) {
    if (piece.kind == Kind::Text || piece.kind == Kind::Json) {
      out += piece.kind == Kind::Text ? piece.text : json;
      continue;
    }
    const auto field = fields.find(piece.text);
    if (field == fields.end()) {
      std::string known;
      for (const auto& [name, unused] : fields) known += (known.empty() ? "" : ", ") + name;
      return Error::make(ErrorKind::NotFound, "invalid --format: there is no field `" + piece.text + "`")
          .with_hint("fields are " + known);
    }
    out += piece.kind == Kind::JsonField ? boost::json::serialize(boost::json::string(field->second))
           : piece.kind == Kind::Field   ? field->second
                                         : in_case(field->second, piece.kind == Kind::Upper);
  }
  return out;
}

std::string Template::heading(const Fields& names) const {
  std::string out;
  for (const Piece& piece : pieces_) {
    const auto named = names.find(piece.text);
    out += piece.kind == Kind::Text ? piece.text : named != names.end() ? named->second : in_case(piece.text, true);
  }
  return out;
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
