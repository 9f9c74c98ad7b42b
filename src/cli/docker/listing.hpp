// `--format` of docker's lists and of `inspect`: tables as docker's, JSON lines, Go templates.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "berth/cli/app.hpp"

namespace berth::cli::docker {

struct Column {
  std::string_view field;
  std::string_view heading;
  bool shown = true;  // in the table that is printed without --format
};

struct Listing {
  std::vector<Column> columns;  // all fields that rows have
  std::string_view quiet;       // field that -q prints
};

// Prints rows (objects of texts) as --format, -q say.
void print_listing(const App& app, const Listing& listing, const std::vector<boost::json::object>& rows);
// The same as text; `format`: table, json, or a template.
Result<std::string> format_listing(const std::string& format, const Listing& listing,
                                   const std::vector<boost::json::object>& rows);

// Columns three blanks apart and at least ten wide.
std::string docker_table(const std::vector<std::vector<std::string>>& rows);

// `inspect`: without a format a list in JSON with four blanks; else each by the template, a line each.
Result<std::string> format_inspection(const std::string& format, const boost::json::array& objects);

std::string pretty_json(const boost::json::value& value);

}  // namespace berth::cli::docker
