// Files are read, and what they include is merged below them.
#include "documents.hpp"

#include <algorithm>

namespace berth::compose {

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

namespace {

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

}  // namespace

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

}  // namespace berth::compose
