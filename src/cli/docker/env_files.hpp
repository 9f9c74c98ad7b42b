// Docker's own files of variables and labels: KEY=VALUE lines, nothing quoted, nothing interpolated.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "berth/cli/app.hpp"

namespace berth::cli::docker {

// Pure. A KEY alone takes its value from `known`, and is left out where that has none. Blank lines and those that begin
// with `#` are nothing. Invalid, naming `path` and the line, for a name with blanks and for bytes that are not UTF-8.
Result<std::vector<std::pair<std::string, std::string>>> parse_variable_file(
    const std::string& path, std::string_view text, const std::map<std::string, std::string>& known);

// Of --env-file, and over them of -e.
std::map<std::string, std::string> variables_of(const App& app, const std::vector<std::string>& files,
                                                const std::vector<std::string>& given);
// Of --label-file, and over them of --label.
std::map<std::string, std::string> labels_of(const std::vector<std::string>& files,
                                             const std::vector<std::string>& given);
std::pair<std::string, std::string> split_pair(const std::string& text);  // "a=b" -> a, b; "a" -> a, ""

}  // namespace berth::cli::docker
