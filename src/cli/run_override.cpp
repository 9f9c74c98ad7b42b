#include "run_override.hpp"

#include <boost/json.hpp>
#include <optional>
#include <utility>

namespace berth::cli {
namespace {

// A JSON string is a YAML one; `$` is doubled, for the shell has been through it already.
std::string quoted(const std::string& text) {
  std::string literal;
  for (const char c : text) literal += c == '$' ? "$$" : std::string(1, c);
  return boost::json::serialize(boost::json::string(literal));
}

std::string source_of(const std::string& mount) {
  const auto colon = mount.find(':');
  return colon == std::string::npos ? std::string() : mount.substr(0, colon);
}

// Compat: relative to where the command is run, not to the project's directory.
std::string absolute_mount(const std::string& mount, const std::string& directory) {
  const std::string source = source_of(mount);
  return source == "." || source == ".." || source.starts_with("./") || source.starts_with("../")
             ? directory + "/" + mount
             : mount;
}

class Document {
 public:
  explicit Document(const std::string& service) : text_("services:\n  " + quoted(service) + ":\n") {}
  void value(const char* key, const std::string& text) { line(4, std::string(key) + ": " + quoted(text)); }
  void list(const char* key, const std::vector<std::string>& items, bool instead = false) {
    if (items.empty()) return;
    line(4, std::string(key) + (instead ? ": !override" : ":"));
    for (const auto& item : items) line(6, "- " + quoted(item));
  }
  void line(std::size_t indent, const std::string& text) { text_.append(indent, ' ').append(text + "\n"); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// K=V, or K alone: of the environment that the files are read in.
void add_environment(Document& document, const RunOverride& run, const std::vector<std::string>& given) {
  std::map<std::string, std::optional<std::string>> all(run.file_variables.begin(), run.file_variables.end());
  for (const auto& entry : given) {
    const auto equals = entry.find('=');
    all[entry.substr(0, equals)] = equals == std::string::npos ? std::nullopt : std::optional(entry.substr(equals + 1));
  }
  if (all.empty()) return;
  document.line(4, "environment:");
  for (const auto& [name, value] : all) document.line(6, quoted(name) + ":" + (value ? " " + quoted(*value) : ""));
}

}  // namespace

std::set<std::string> named_volumes(const std::vector<std::string>& mounts) {
  std::set<std::string> names;
  for (const auto& mount : mounts)
    if (const std::string source = source_of(mount); !source.empty() && source.find_first_of("/.~") != 0)
      names.insert(source);
  return names;
}

std::string run_override(const RunOverride& run, const OptionValues& given) {
  Document document(run.service);
  if (given.given("entrypoint")) {
    const std::string entrypoint = given.text("entrypoint");
    if (entrypoint.empty())
      document.line(4, "entrypoint: []");
    else
      document.value("entrypoint", entrypoint);
    if (run.command.empty()) document.line(4, "command: []");
  }
  document.list("command", run.command);
  if (given.given("user")) document.value("user", given.text("user"));
  if (given.given("workdir")) document.value("working_dir", given.text("workdir"));
  add_environment(document, run, given.all("env"));
  document.list("labels", given.all("label"));
  document.list("cap_add", given.all("cap-add"));
  document.list("cap_drop", given.all("cap-drop"));
  document.list("ports", given.all("publish"), true);
  std::vector<std::string> mounts = given.all("volume");
  const auto names = named_volumes(mounts);
  for (auto& mount : mounts) mount = absolute_mount(mount, run.directory);
  document.list("volumes", mounts);
  document.line(4, "x-run: {}");  // a service is a map, also where no flag was given
  bool first = true;
  for (const auto& name : names) {
    if (run.declared_volumes.count(name)) continue;
    if (std::exchange(first, false)) document.line(0, "volumes:");
    document.line(2, quoted(name) + ": {name: " + quoted(name) + "}");
  }
  return document.take();
}

}  // namespace berth::cli
