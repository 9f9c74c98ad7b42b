#include "docker/env_files.hpp"

#include "berth/logs/entry.hpp"
#include "berth/sys/file.hpp"

namespace berth::cli::docker {
namespace {

constexpr std::size_t kLargestVariableFile = 16u << 20;

std::string_view without_leading_blanks(std::string_view line) {
  while (!line.empty() && (line[0] == ' ' || line[0] == '\t')) line.remove_prefix(1);
  return line;
}

}  // namespace

std::pair<std::string, std::string> split_pair(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) return {text, ""};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

Result<std::vector<std::pair<std::string, std::string>>> parse_variable_file(
    const std::string& path, std::string_view text, const std::map<std::string, std::string>& known) {
  std::vector<std::pair<std::string, std::string>> pairs;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (int number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto wrong = [&](const std::string& what) {
      return Error::make(ErrorKind::Invalid, path + ":" + std::to_string(number) + ": " + what);
    };
    std::string valid;
    logs::append_valid_utf8(valid, line);
    if (valid != line || line.find('\0') != std::string_view::npos) return wrong("it is not UTF-8");
    line = without_leading_blanks(line);
    if (line.empty() || line[0] == '#') continue;
    const auto equals = line.find('=');
    const std::string name(line.substr(0, equals));
    if (name.empty()) return wrong("a name is missing before `=`");
    if (name.find_first_of(" \t") != std::string::npos) return wrong("the name `" + name + "` has blanks in it");
    if (equals != std::string_view::npos)
      pairs.emplace_back(name, line.substr(equals + 1));
    else if (const auto value = known.find(name); value != known.end())
      pairs.emplace_back(name, value->second);
  }
  return pairs;
}

std::map<std::string, std::string> variables_of(const App& app, const std::vector<std::string>& files,
                                                const std::vector<std::string>& given) {
  std::map<std::string, std::string> variables;
  for (const auto& path : files)
    for (auto& [name, value] :
         must(parse_variable_file(path, must(sys::read_file(path, kLargestVariableFile)), app.environment)))
      variables[name] = std::move(value);
  for (const auto& entry : given) {
    const auto [name, value] = split_pair(entry);
    if (name.empty()) throw Failure(Error::make(ErrorKind::Invalid, "invalid environment variable `" + entry + "`"));
    if (entry.find('=') != std::string::npos)
      variables[name] = value;
    else if (const auto own = app.environment.find(name); own != app.environment.end())
      variables[name] = own->second;
    else
      variables.erase(name);
  }
  return variables;
}

std::map<std::string, std::string> labels_of(const std::vector<std::string>& files,
                                             const std::vector<std::string>& given) {
  std::map<std::string, std::string> labels;
  for (const auto& path : files)
    for (auto& [name, value] : must(parse_variable_file(path, must(sys::read_file(path, kLargestVariableFile)), {})))
      labels[name] = std::move(value);
  for (const auto& entry : given) labels.insert_or_assign(split_pair(entry).first, split_pair(entry).second);
  return labels;
}

}  // namespace berth::cli::docker
