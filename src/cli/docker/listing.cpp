#include "docker/listing.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "render/columns.hpp"
#include "render/go_template.hpp"

namespace berth::cli::docker {
namespace {

namespace bj = boost::json;

// Compat: also where the shell has left them as they are.
std::string with_escapes(std::string text) {
  for (const auto& [from, to] : {std::pair{"\\t", "\t"}, std::pair{"\\n", "\n"}})
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at)) text.replace(at, 2, to);
  return text;
}

std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  for (std::size_t at = 0;;) {
    const auto tab = line.find('\t', at);
    cells.push_back(line.substr(at, tab == std::string::npos ? tab : tab - at));
    if (tab == std::string::npos) return cells;
    at = tab + 1;
  }
}

std::string text_at(const bj::object& row, std::string_view field) {
  const auto* value = row.if_contains(bj::string_view(field.data(), field.size()));
  return value && value->is_string() ? std::string(value->get_string()) : value ? bj::serialize(*value) : "";
}

std::string plain_table(const Listing& listing, const std::vector<bj::object>& rows) {
  std::vector<std::vector<std::string>> table(1);
  for (const auto& column : listing.columns)
    if (column.shown) table[0].emplace_back(column.heading);
  for (const auto& row : rows) {
    auto& cells = table.emplace_back();
    for (const auto& column : listing.columns)
      if (column.shown) cells.push_back(text_at(row, column.field));
  }
  return docker_table(table);
}

void write_pretty(const bj::value& value, std::size_t indent, std::string& out) {
  const std::string gap(indent + 4, ' ');
  const auto* object = value.if_object();
  const auto* array = value.if_array();
  if ((object && object->empty()) || (array && array->empty()) || (!object && !array)) {
    out += object ? "{}" : array ? "[]" : bj::serialize(value);
    return;
  }
  out += object ? "{\n" : "[\n";
  std::size_t left = object ? object->size() : array->size();
  if (object)
    for (const auto& [key, member] : *object) {
      out += gap + bj::serialize(bj::string(key)) + ": ";
      write_pretty(member, indent + 4, out);
      out += --left ? ",\n" : "\n";
    }
  else
    for (const auto& element : *array) {
      out += gap;
      write_pretty(element, indent + 4, out);
      out += --left ? ",\n" : "\n";
    }
  out += std::string(indent, ' ') + (object ? "}" : "]");
}

}  // namespace

std::string docker_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 10);
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columns_of(row[i]) + 3);
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 < row.size()) out.append(widths[i] - columns_of(row[i]), ' ');
    }
    out += '\n';
  }
  return out;
}

std::string pretty_json(const bj::value& value) {
  std::string out;
  write_pretty(value, 0, out);
  return out;
}

Result<std::string> format_listing(const std::string& format, const Listing& listing,
                                   const std::vector<bj::object>& rows) {
  if (format == "table" || format.empty()) return plain_table(listing, rows);
  std::string out;
  if (format == "json") {
    for (const auto& row : rows) out += bj::serialize(row) + "\n";
    return out;
  }
  const bool table = format.starts_with("table ");
  const auto parsed = GoTemplate::parse(with_escapes(table ? format.substr(6) : format));
  if (!parsed) return parsed.error();
  std::vector<std::vector<std::string>> lines;
  const auto add = [&](const Result<std::string>& line) -> Result<void> {
    if (!line) return line.error();
    if (table)
      lines.push_back(cells_of(*line));
    else
      out += *line + "\n";
    return {};
  };
  if (table) {
    bj::object headings;
    for (const auto& column : listing.columns)
      headings[bj::string_view(column.field.data(), column.field.size())] = column.heading;
    BERTH_TRY(add(parsed->render_headings(headings)));
  }
  for (const auto& row : rows) BERTH_TRY(add(parsed->render(bj::value(row))));
  return table ? docker_table(lines) : out;
}

void print_listing(const App& app, const Listing& listing, const std::vector<bj::object>& rows) {
  const std::string format = app.line.options.text("format");
  if (app.line.options.flag("quiet") && (format == "table" || format.empty())) {
    for (const auto& row : rows) print(text_at(row, listing.quiet) + "\n");
    return;
  }
  print(must(format_listing(format, listing, rows)));
}

Result<std::string> format_inspection(const std::string& format, const bj::array& objects) {
  if (format.empty()) return pretty_json(objects) + "\n";
  if (format == "json") return bj::serialize(objects) + "\n";
  const auto parsed = GoTemplate::parse(format);
  if (!parsed) return parsed.error();
  std::string out;
  for (const auto& object : objects) {
    auto line = parsed->render(object);
    if (!line) return line.error();
    out += *line + "\n";
  }
  return out;
}

}  // namespace berth::cli::docker
