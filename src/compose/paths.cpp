#include <algorithm>

#include "passes.hpp"

namespace berth::compose {

std::string absolute_path(std::string_view path, const std::string& directory, const std::string& home) {
  std::string whole(path);
  if (!home.empty() && (path == "~" || path.starts_with("~/")))
    whole = home + whole.substr(1);
  else if (!path.starts_with('/'))
    whole = directory + "/" + whole;
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= whole.size();) {
    const std::size_t end = std::min(whole.find('/', at), whole.size());
    const std::string part = whole.substr(at, end - at);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    at = end + 1;
  }
  std::string result;
  for (const auto& part : parts) result += "/" + part;
  return result.empty() ? "/" : result;
}

std::string clean_path(const std::string& path) {
  if (path.starts_with('/')) return absolute_path(path, "/");
  // Below a folder that no path leaves: what climbs out of it is kept.
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, end - at);
    at = end + 1;
    if (part == ".." && !parts.empty() && parts.back() != "..")
      parts.pop_back();
    else if (!part.empty() && part != ".")
      parts.push_back(part);
  }
  std::string result;
  for (const auto& part : parts) result += (result.empty() ? "" : "/") + part;
  return result.empty() ? "." : result;
}

std::string parent_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

namespace {

bool is_remote(std::string_view context) {
  return context.find("://") != std::string_view::npos || context.starts_with("git@") ||
         context.starts_with("github.com/") || context.starts_with("service:");
}

class PathResolver {
 public:
  PathResolver(const std::string& directory, std::string home) : directory_(directory), home_(std::move(home)) {}

  void service(Node& node) {
    if (Node* build = node.find("build")) {
      remote_or_local(build->find("context"));
      if (Node* contexts = build->find("additional_contexts"))
        for (auto& [key, value] : contexts->fields) remote_or_local(&value);
    }
    if (Node* volumes = node.find("volumes"))
      for (auto& mount : volumes->items)
        if (const Node* type = mount.find("type"); type && type->text == "bind")
          if (Node* source = mount.find("source"); source) local(source);
    if (Node* files = node.find("env_file"))
      for (auto& file : files->items) local(file.find("path"));
    if (Node* files = node.find("label_file"))
      for (auto& file : files->items) local(&file);
    if (Node* develop = node.find("develop"))
      if (Node* watch = develop->find("watch"))
        for (auto& rule : watch->items) local(rule.find("path"));
  }

  void local(Node* path) {
    if (path && path->is_string() && !path->text.empty() && !path->text.starts_with('/') && !is_windows(path->text))
      path->text = absolute_path(path->text, directory_, home_);
  }

 private:
  static bool is_windows(std::string_view path) {
    return path.size() > 2 && path[1] == ':' && (path[2] == '\\' || path[2] == '/');
  }
  void remote_or_local(Node* path) {
    if (path && path->is_string() && !is_remote(path->text)) local(path);
  }

  const std::string& directory_;
  std::string home_;
};

}  // namespace

void resolve_paths(LoadState& state, Node& document, const std::string& directory) {
  const auto home = state.variables.find("HOME");
  PathResolver resolver(directory, home == state.variables.end() ? "" : home->second);
  if (Node* services = document.find("services"))
    for (auto& [name, service] : services->fields) resolver.service(service);
  for (const char* kind : {"secrets", "configs"})
    if (Node* objects = document.find(kind))
      for (auto& [key, object] : objects->fields) resolver.local(object.find("file"));
  if (Node* volumes = document.find("volumes"))
    for (auto& [key, volume] : volumes->fields)
      if (Node* options = volume.find("driver_opts"))
        if (const Node* kind = options->find("o"); kind && kind->text.find("bind") != std::string::npos)
          resolver.local(options->find("device"));
}

}  // namespace berth::compose
