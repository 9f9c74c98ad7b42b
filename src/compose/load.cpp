// The order of the passes, and where the files, the environment and the project's name come from.
#include "berth/compose/load.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>

#include "berth/sys/file.hpp"
#include "documents.hpp"
#include "passes.hpp"

namespace berth::compose {

Result<std::string> DiskFiles::read(const std::string& path) { return sys::read_file(path, 16u << 20); }
bool DiskFiles::is_directory(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}
bool DiskFiles::exists(const std::string& path) { return sys::exists(path); }

Result<std::string> MemoryFiles::read(const std::string& path) {
  const auto found = files.find(path);
  if (found == files.end()) return Error::make(ErrorKind::NotFound, "open `" + path + "`: no such file or directory");
  return found->second;
}
bool MemoryFiles::is_directory(const std::string& path) {
  const auto below = files.lower_bound(path + "/");
  return below != files.end() && below->first.starts_with(path + "/");
}
bool MemoryFiles::exists(const std::string& path) { return files.count(path) || is_directory(path); }

std::vector<std::string> split_list(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    if (end > at) parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

namespace {

constexpr int kNoComposeFile = 14, kInvalidModel = 15;

struct Located {
  std::vector<std::string> files;
  std::string directory;
  int exit_code = 0;
};

Located find_default_files(LoadState& state, const std::string& start) {
  static const char* const kNames[] = {"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"};
  static const char* const kOverrides[] = {"compose.override.yml", "compose.override.yaml",
                                           "docker-compose.override.yml", "docker-compose.override.yaml"};
  for (std::string directory = start;; directory = parent_path(directory)) {
    for (const char* name : kNames) {
      const std::string path = absolute_path(name, directory);
      if (!state.files.exists(path) || state.files.is_directory(path)) continue;
      Located found{.files = {path}, .directory = directory};
      for (const char* extra : kOverrides)
        if (const std::string over = absolute_path(extra, directory); state.files.exists(over)) {
          found.files.push_back(over);
          break;
        }
      return found;
    }
    if (directory == "/") break;
  }
  state.error({}, Code::NoComposeFile, "no compose file in `" + start + "` or any folder above it",
              "berth looks for compose.yaml, compose.yml, docker-compose.yml and docker-compose.yaml");
  return {.files = {}, .directory = start, .exit_code = kNoComposeFile};
}

Located locate(LoadState& state) {
  const LoadOptions& options = state.options;
  std::vector<std::string> names = options.files;
  if (names.empty()) {
    if (const auto listed = state.variables.find("COMPOSE_FILE");
        listed != state.variables.end() && !listed->second.empty()) {
      const auto separator = state.variables.find("COMPOSE_PATH_SEPARATOR");
      names = split_list(listed->second,
                         separator == state.variables.end() || separator->second.empty() ? ':' : separator->second[0]);
    }
  }
  const std::string project_directory =
      options.project_directory.empty() ? "" : absolute_path(options.project_directory, options.working_dir);
  if (names.empty()) {
    Located found = find_default_files(state, project_directory.empty() ? options.working_dir : project_directory);
    if (!project_directory.empty()) found.directory = project_directory;
    return found;
  }
  Located located;
  for (const auto& name : names) {
    located.files.push_back(name == "-" ? name : absolute_path(name, options.working_dir));
    if (name != "-" && !state.files.exists(located.files.back())) {
      state.error({}, Code::FileUnreadable, "open `" + located.files.back() + "`: no such file or directory");
      located.exit_code = kNoComposeFile;
    }
  }
  located.directory = names[0] == "-" ? options.working_dir : parent_path(located.files[0]);
  if (!project_directory.empty()) located.directory = project_directory;
  return located;
}

std::string normalized_name(const std::string& text) {
  std::string name;
  for (const unsigned char c : text)
    if (const int lower = std::tolower(c); std::isalnum(lower) || ((c == '_' || c == '-') && !name.empty()))
      name += static_cast<char>(lower);
  return name;
}

// -p, COMPOSE_PROJECT_NAME, `name:` of the last file that has one, the folder.
std::string project_name(LoadState& state, const std::vector<std::vector<Node>>& files, const std::string& directory) {
  std::string given = state.options.project_name.value_or("");
  if (given.empty())
    if (const auto variable = state.variables.find("COMPOSE_PROJECT_NAME"); variable != state.variables.end())
      given = variable->second;
  if (!given.empty()) {
    if (normalized_name(given) != given)
      state.error({}, Code::ProjectName,
                  "invalid project name `" + given +
                      "`: lower-case letters, digits, `-` and `_` only, beginning with a letter or digit",
                  "for example `" + normalized_name(given) + "`");
    return given;
  }
  std::string name;
  bool stated = false;
  for (const auto& documents : files)
    for (const auto& document : documents) {
      const Node* node = document.find("name");
      if (!node || !node->is_string() || node->text.empty()) continue;
      stated = true;
      name = normalized_name(substitute(node->text, lookup_in(state.variables)).text);
    }
  if (!stated) name = normalized_name(base_name(directory));
  if (name.empty()) state.error({}, Code::ProjectName, "the project name is empty", "give one with -p or `name:`");
  return name;
}

// Services that the files do not have stay unknown: select_services says so.
void merge_command_line(LoadState& state, Node& model, const std::string& directory) {
  auto documents = parse_yaml(state, state.options.over_name, state.options.over_text);
  std::erase_if(documents, [&](const Node& document) {
    const Node *wanted = document.find("services"), *known = model.find("services");
    if (!wanted) return false;
    return std::any_of(wanted->fields.begin(), wanted->fields.end(),
                       [&](const auto& field) { return !known || !known->find(field.first); });
  });
  merge(state, model,
        load_documents(
            state, std::move(documents),
            {.path = "-", .directory = directory, .variables = state.variables, .places = state.places, .chain = {}}));
  strip_tags(model);
  check_structure(state, model);
}

}  // namespace

Result<Variables> parse_env_file(const std::string& path, std::string_view text, const Variables& known) {
  const DotenvResult parsed = parse_dotenv(text, lookup_in(known));
  if (!parsed.error.empty())
    return Error::make(ErrorKind::Invalid,
                       "env file `" + path + "`, line " + std::to_string(parsed.line) + ": " + parsed.error);
  Variables variables;
  for (const auto& [name, value] : parsed.entries)
    if (value) variables[name] = *value;
  return variables;
}

namespace {

void run_passes(LoadState& state, LoadOutcome& outcome) {
  const LoadOptions& options = state.options;
  const auto failed = [&](int code) {
    if (outcome.diagnostics.has_errors()) outcome.exit_code = code;
    return outcome.diagnostics.has_errors();
  };
  const std::string first_directory = !options.project_directory.empty()
                                          ? absolute_path(options.project_directory, options.working_dir)
                                      : !options.files.empty() && options.files[0] != "-"
                                          ? parent_path(absolute_path(options.files[0], options.working_dir))
                                          : options.working_dir;
  load_environment(state, first_directory);
  if (failed(kInvalidModel)) return;
  const Located located = locate(state);
  if (failed(located.exit_code)) return;
  if (located.directory != first_directory && options.env_files.empty()) load_environment(state, located.directory);

  std::vector<std::vector<Node>> documents;
  std::uint32_t first_source = 0;
  for (const auto& file : located.files) {
    documents.push_back(read_documents(state, file, {}));
    if (first_source == 0) first_source = static_cast<std::uint32_t>(state.sources.size());
  }
  if (failed(kInvalidModel)) return;
  const std::string name = project_name(state, documents, located.directory);
  state.variables.try_emplace("COMPOSE_PROJECT_NAME", name);

  Node model = Node::map();
  for (std::size_t i = 0; i < located.files.size(); ++i) {
    merge(state, model,
          load_documents(state, std::move(documents[i]),
                         {.path = located.files[i],
                          .directory = located.directory,
                          .variables = state.variables,
                          .places = state.places,
                          .chain = {}}));
    strip_tags(model);
    if (state.incomplete) continue;
    check_structure(state, model);  // each file must be sound with those before it, not only with those after it
  }
  if (!options.over_text.empty()) merge_command_line(state, model, located.directory);
  if (model.fields.empty() && !state.incomplete && !outcome.diagnostics.has_errors())
    state.error({first_source, 1, 1, 1, 1, 0}, Code::EmptyFile, "empty compose file",
                "a stack has at least `services:` with one service");
  if (state.incomplete && failed(kInvalidModel)) return;
  if (!model.find("services")) model.set("services", Node::map());
  model.set("name", Node::of(name));
  // From here on, a wrong value ends nothing: the passes leave out what would only follow from it.
  validate(state, model);
  set_defaults(model);
  if (!options.no_path_resolution) resolve_paths(state, model, located.directory);
  if (!options.no_normalize && !outcome.diagnostics.has_errors()) normalize(state, model, name);
  std::set<std::string> profiles;
  Node aside = Node::map();
  if (!options.no_interpolate) {  // without it, names are no names yet: the files are shown as they were merged
    const auto disabled = disabled_services(state, model, profiles);
    if (!options.no_consistency) check_consistency(state, model, disabled);
    model.find("services")->erase_fields([&](NodeField& field, const Place& place) {
      if (!disabled.count(field.first)) return false;
      set_aside(aside, field, place);
      return true;
    });
    if (!outcome.diagnostics.has_errors()) {
      select_services(state, model, aside);
      if (options.purpose != Purpose::Show) check_supported(state, model);
      if (options.purpose == Purpose::Run) read_security_profiles(state, model, located.directory);
    }
    if (!options.no_env_resolution) resolve_service_environment(state, model);
  }
  if (failed(kInvalidModel)) return;
  omit_empty(model);
  std::vector<Explained> explained;
  if (!options.explain.empty()) explained = explain_value(state, model, aside, options.explain);

  Loaded loaded;
  loaded.project = to_project(state, model);
  Node others = Node::map();
  others.set("services", std::move(aside));
  loaded.project.disabled_services = to_project(state, others).services;
  loaded.project.name = ProjectName(name);
  if (options.compatibility || is_switched_on(state, "COMPOSE_COMPATIBILITY")) loaded.project.separator = "_";
  loaded.project.working_dir = located.directory;
  loaded.project.config_files = located.files;
  for (const auto& file : options.env_files)
    loaded.project.environment_files.push_back(absolute_path(file, options.working_dir));
  loaded.explained = std::move(explained);
  if (options.no_interpolate) state.written.restore(model);
  loaded.tree = std::move(model);
  for (const auto& [variable, use] : state.uses) loaded.variables.push_back(use);
  loaded.environment = state.variables;
  loaded.profiles.assign(profiles.begin(), profiles.end());
  if (!failed(kInvalidModel)) outcome.loaded = std::move(loaded);
}

}  // namespace

LoadOutcome load(const LoadOptions& options, const Environment& environment, FileReader& files) {
  LoadOutcome outcome;
  LoadState state{
      .options = options, .files = files, .diagnostics = outcome.diagnostics, .variables = environment.variables};
  run_passes(state, outcome);
  outcome.diagnostics.arrange(state.sources);
  return outcome;
}

}  // namespace berth::compose
