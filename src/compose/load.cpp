// The order of the passes, and where the files, the environment and the project's name come from.
#include "berth/compose/load.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>

#include "berth/sys/file.hpp"
#include "berth/text/suggest.hpp"
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

std::vector<Node> read_documents(LoadState& state, const std::string& path, const Place& from) {
  constexpr std::size_t kMaxFiles = 1000;
  if (++state.files_read > kMaxFiles) {
    state.incomplete = true;
    if (state.files_read == kMaxFiles + 1)
      state.error(from, Code::LimitExceeded, "more than 1000 files are included or extended");
    return {};
  }
  const auto content = path == "-" ? Result<std::string>(state.options.stdin_text) : state.files.read(path);
  if (!content) {
    state.incomplete = true;
    state.error(from, Code::FileUnreadable, content.error().to_string());
    return {};
  }
  auto documents = parse_yaml(state, state.shown(path), *content);
  for (const auto& document : documents)
    if (document.is_null())
      state.error(document.place, Code::NotAComposeFile, "a document between `---` is empty",
                  "remove the `---` that begins it");
    else if (!document.is_map())
      state.error(
          document.place, Code::NotAComposeFile, "a compose file must be a map with `services:`, not a list or text",
          document.text.starts_with("FROM ") ? "this looks like a Dockerfile: `build: .` names its folder" : "");
  std::erase_if(documents, [](const Node& node) { return !node.is_map(); });
  return documents;
}

struct Scope {
  std::string path;
  std::string directory;  // relative paths of included files start here
  const Variables& variables;
  const VariablePlaces& places;
  std::vector<std::string> chain;  // files that include this one
  // Files that services extend, by path, with these variables. Their services may be extended already, but for tags and
  // paths.
  std::map<std::string, Node>* extended = nullptr;
};

Node load_documents(LoadState& state, std::vector<Node> documents, const Scope& scope);

std::vector<std::string> include_paths(const Node& entry) {
  std::vector<std::string> paths;
  if (entry.is_string()) return {entry.text};
  const Node* path = entry.find("path");
  if (path && path->is_string()) paths.push_back(path->text);
  if (path)
    for (const auto& item : path->items) paths.push_back(item.scalar_text());
  return paths;
}

void include_entry(LoadState& state, Node& included, const Node& entry, const Scope& scope) {
  const auto paths = include_paths(entry);
  if (paths.empty()) return state.error(entry.place, Code::IncludeForm, "an include needs `path`", "path: ./FILE");
  const std::string first = absolute_path(paths[0], scope.directory);
  std::string directory = parent_path(first);
  if (const Node* given = entry.find("project_directory"))
    directory = absolute_path(given->scalar_text(), scope.directory);
  Variables variables = scope.variables, added;
  VariablePlaces places = scope.places, added_places;
  if (const Node* env = entry.find("env_file")) {
    const auto add = [&](const Node& name) {
      add_env_file(state, absolute_path(name.scalar_text(), scope.directory), name.place, variables, added,
                   added_places, true);
    };
    if (env->is_string()) add(*env);
    for (const auto& item : env->items) add(item);
  } else {
    add_env_file(state, directory + "/.env", {}, variables, added, added_places, false);
  }
  for (const auto& [name, value] : added)
    if (variables.emplace(name, value).second) places[name] = added_places[name];
  Node model = Node::map();
  for (const auto& name : paths) {
    const std::string path = absolute_path(name, scope.directory);
    if (path == scope.path || std::find(scope.chain.begin(), scope.chain.end(), path) != scope.chain.end())
      return state.error(entry.place, Code::IncludeCycle,
                         "include cycle: `" + path + "` includes itself through `" + scope.path + "`");
    constexpr int kMostTimes = 50;
    if (++state.times_included[path] > kMostTimes) {
      state.incomplete = true;
      if (++state.times_included[""] == 1)  // of the first such file only
        state.error(entry.place, Code::LimitExceeded,
                    "`" + path + "` is included more than " + std::to_string(kMostTimes) + " times");
      return;
    }
    Scope inner{.path = path, .directory = directory, .variables = variables, .places = places, .chain = scope.chain};
    inner.chain.push_back(scope.path);
    merge(state, model, load_documents(state, read_documents(state, path, entry.place), inner));
  }
  strip_tags(model);
  state.derive(model, Origin::Kind::Include, entry.place, "`" + state.shown(first) + "` is included here");
  set_defaults(model);
  if (!state.options.no_path_resolution) resolve_paths(state, model, directory);
  // What a file says of itself, and its extensions, are not of the file that includes it.
  Node resources = Node::map();
  for (const char* kind : {"services", "networks", "volumes", "secrets", "configs", "models"})
    if (Node* found = model.find(kind)) resources.set(kind, std::move(*found), model.key_place(kind));
  model = std::move(resources);
  merge(state, included, std::move(model));
}

std::vector<std::string> names_of(const Node& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map.fields) names.push_back(name);
  return names;
}

// The file of `scope`, before any `extends` of its own.
Node& extended_file(LoadState& state, const Scope& scope, const Place& from) {
  const auto [at, fresh] = scope.extended->emplace(scope.path, Node::map());
  if (!fresh) return at->second;
  Node whole = Node::map();
  for (auto& part : read_documents(state, scope.path, from)) {
    if (!state.options.no_interpolate) interpolate(state, part, scope.variables, scope.places);
    canonicalize(state, part);
    merge(state, whole, std::move(part));
  }
  return at->second = std::move(whole);
}

// A service that another file is to use.
Node alone(LoadState& state, const Scope& scope, const std::string& name, const Node& service) {
  if (service.tag == NodeTag::Reset) return {};
  Node document = Node::map();
  document.set("services", Node::map()).set(name, service);
  strip_tags(document);
  if (!state.options.no_path_resolution) resolve_paths(state, document, scope.directory);
  return std::move(*document.find("services")->find(name));
}

// One service's `extends`, followed to its end. `chain` holds "service in file".
void extend_service(LoadState& state, Node& document, const std::string& name, const Scope& scope,
                    std::vector<std::string> chain) {
  Node* services = document.find("services");
  Node* service = services ? services->find(name) : nullptr;
  const Node* found = service ? service->find("extends") : nullptr;
  if (!found || found->tag == NodeTag::Reset) return;
  const Node extends = *found;
  service->erase("extends");
  const auto wrong = [&](const Place& place, Code code, std::string message, std::string hint = {}) {
    state.unclear.insert("services." + name);
    state.error(place, code, std::move(message), std::move(hint));
  };
  const Node* base_name_node = extends.find("service");
  if (!base_name_node || !base_name_node->is_string())
    return wrong(head_of(extends), Code::ExtendsForm, "`extends` needs `service`", "service: NAME");
  const std::string base_service = base_name_node->text;
  const std::string here = name + " in " + scope.path;
  if (std::find(chain.begin(), chain.end(), here) != chain.end())
    return wrong(base_name_node->place, Code::ExtendsCycle,
                 "service `" + name + "` extends itself: " + chain.front() + " -> ... -> " + here);
  constexpr std::size_t kMostLinks = 500;
  if (chain.size() >= kMostLinks)
    return wrong(base_name_node->place, Code::LimitExceeded,
                 "more than " + std::to_string(kMostLinks) + " services extend each other in a row");
  chain.push_back(here);
  Node base;
  const Node* wanted = nullptr;
  std::vector<std::string> known;
  if (const Node* file = extends.find("file"); file && !file->is_null()) {
    const std::string path = absolute_path(file->text, scope.directory);
    if (std::find(chain.begin(), chain.end(), base_service + " in " + path) != chain.end())
      return wrong(
          base_name_node->place, Code::ExtendsCycle,
          "service `" + name + "` extends itself: " + chain.front() + " -> ... -> " + base_service + " in " + path);
    const Scope inner{.path = path,
                      .directory = parent_path(path),
                      .variables = scope.variables,
                      .places = scope.places,
                      .chain = {},
                      .extended = scope.extended};
    Node& other = extended_file(state, inner, file->place);
    extend_service(state, other, base_service, inner, chain);
    const Node* all = other.find("services");
    if (all) wanted = all->find(base_service);
    if (all && !wanted) known = names_of(*all);
    if (wanted && state.afford(base_name_node->place, count_nodes(*wanted), 0))
      base = alone(state, inner, base_service, *wanted);
  } else {
    if (base_service == name)
      return wrong(base_name_node->place, Code::ExtendsCycle, "service `" + name + "` extends itself");
    extend_service(state, document, base_service, scope, chain);
    if (std::find_if(chain.begin(), chain.end(),
                     [&](const auto& link) { return link == base_service + " in " + scope.path; }) != chain.end())
      return wrong(base_name_node->place, Code::ExtendsCycle,
                   "services `" + name + "` and `" + base_service + "` extend each other");
    wanted = document.find("services")->find(base_service);
    if (!wanted) known = names_of(*document.find("services"));
    if (wanted && state.afford(base_name_node->place, count_nodes(*wanted), 0)) base = *wanted;
  }
  if (!base.is_map() && state.incomplete) return;
  if (!base.is_map()) {
    const auto near = text::nearest(base_service, known);
    return wrong(base_name_node->place, Code::ExtendsMissing,
                 "service `" + name + "` extends `" + base_service + "`, which does not exist there",
                 near ? "did you mean `" + *near + "`?" : "");
  }
  state.derive(base, Origin::Kind::Extends, base_name_node->place,
               "service `" + name + "` extends `" + base_service + "` here");
  service = document.find("services")->find(name);
  Node holder = Node::map(), over = Node::map();
  holder.set("services", Node::map()).set(name, std::move(base));
  over.set("services", Node::map()).set(name, std::move(*service));
  merge(state, holder, std::move(over));
  *service = std::move(*holder.find("services")->find(name));
}

Node load_documents(LoadState& state, std::vector<Node> documents, const Scope& of_file) {
  std::map<std::string, Node> extended;
  Scope scope = of_file;
  scope.extended = &extended;
  Node model = Node::map();
  for (auto& document : documents) {
    if (!state.options.no_interpolate) interpolate(state, document, scope.variables, scope.places);
    Node included = Node::map();
    if (const Node* list = document.find("include")) {
      if (!list->is_list() && !list->is_null())
        state.error(list->place, Code::IncludeForm, "`include` must be a list of files",
                    list->is_string() ? "write it as a list: [" + list->text + "]" : "");
      for (const auto& entry : list->items) include_entry(state, included, entry, scope);
    }
    document.erase("include");
    if (document.find("version"))
      state.warning(document.key_place("version"), Code::VersionObsolete,
                    "the attribute `version` is obsolete and ignored", "remove the line");
    canonicalize(state, document);
    document.erase("version");
    merge(state, included, std::move(document));
    if (const Node* services = included.find("services"))
      for (std::size_t i = 0; i < services->fields.size(); ++i)  // extending adds and removes none of them
        if (services->fields[i].second.find("extends"))
          extend_service(state, included, std::string(services->fields[i].first), scope, {});
    merge(state, model, std::move(included));
  }
  return model;
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
