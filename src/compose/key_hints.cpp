#include <algorithm>
#include <cctype>

#include "berth/text/suggest.hpp"
#include "passes.hpp"
#include "structures.hpp"

namespace berth::compose {

namespace {

struct Synonym {
  std::string_view structure, word, hint;
};

// Words of other tools, of the command line and of other levels, that no small slip explains.
constexpr Synonym kSynonyms[] = {
    {"service", "memory", "write `mem_limit`, or `memory` below `deploy: resources: limits:`"},
    {"service", "mem", "write `mem_limit`"},
    {"service", "env", "write `environment`"},
    {"service", "envs", "write `environment`"},
    {"service", "env_vars", "write `environment`"},
    {"service", "variables", "write `environment`"},
    {"service", "cmd", "write `command`"},
    {"service", "args", "write `command`; arguments of a build stand below `build: args:`"},
    {"service", "run", "write `command`"},
    {"service", "mounts", "write `volumes`"},
    {"service", "name", "write `container_name`"},
    {"service", "gpu", "write `gpus`"},
    {"service", "host", "write `hostname`, or `extra_hosts`"},
    {"service", "workdir", "write `working_dir`"},
    {"service", "interactive", "write `stdin_open`"},
    {"service", "detach", "that is `up -d`"},
    {"service", "rm", "that is `run --rm`"},
    {"healthcheck", "retry", "write `retries`"},
    {"healthcheck", "command", "write `test`"},
    {"healthcheck", "cmd", "write `test`"},
    {"logging", "opts", "write `options`"},
    {"build", "arguments", "write `args`"},
    {"build", "path", "write `context`"},
    {"build", "file", "write `dockerfile`"},
    {"port", "container", "write `target`"},
    {"port", "container_port", "write `target`"},
    {"port", "host", "write `published`"},
    {"port", "host_port", "write `published`"},
    {"mount", "src", "write `source`"},
    {"mount", "host", "write `source`"},
    {"mount", "dst", "write `target`"},
    {"mount", "dest", "write `target`"},
    {"mount", "destination", "write `target`"},
    {"mount", "container", "write `target`"},
    {"limits", "mem", "write `memory`"},
    {"limits", "cpu", "write `cpus`"},
    {"reservations", "mem", "write `memory`"},
    {"reservations", "cpu", "write `cpus`"},
    {"file", "apiVersion", "this is a manifest of Kubernetes, no compose file"},
    {"file", "kind", "this is a manifest of Kubernetes, no compose file"},
    {"file", "include_files", "write `include`"},
};

bool has(const std::string& structure, const std::string& key) {
  const auto* fields = find_structure(structure);
  return fields && find_field(*fields, key);
}

// "`deploy`", where the key stands below a structure of this one.
std::string owner_below(const std::string& structure, const std::string& key, int depth) {
  std::string found;
  for (const auto& field : *find_structure(structure)) {
    if (field.shape != Shape::Struct || field.structure == structure) continue;
    std::string at = has(field.structure, key) ? field.name + ":"
                     : depth > 0               ? owner_below(field.structure, key, depth - 1)
                                               : "";
    if (at.empty()) continue;
    if (!has(field.structure, key)) at = field.name + ": " + at;
    if (!found.empty()) return {};  // it may be several
    found = at;
  }
  return found;
}

// The only known key that begins with the word, or with which the word begins.
std::string longer_or_shorter(const std::string& key, const std::vector<std::string>& known) {
  std::string found;
  for (const auto& one : known) {
    if (key.size() < 3 || one.size() < 3 || !(one.starts_with(key) || key.starts_with(one))) continue;
    if (!found.empty()) return {};
    found = one;
  }
  return found;
}

bool is_service(const Node& value) { return value.is_map() && (value.find("image") || value.find("build")); }

}  // namespace

std::string hint_for_key(const std::string& key, const Node& value, const std::string& structure,
                         const std::string& path) {
  if (key.starts_with("\xc2\xa0")) return "the line begins with no-break spaces: indent with ordinary ones";
  for (const auto& synonym : kSynonyms)
    if (synonym.structure == structure && synonym.word == key) return std::string(synonym.hint);
  const auto& known = known_keys(structure);
  if (const auto near = text::nearest(key, known)) return "did you mean `" + *near + "`?";
  if (path.empty() && is_service(value)) return "a service stands indented below `services:`";
  if (structure == "service" && is_service(value))
    return "it looks like a service of its own: indent it as `" + path.substr(path.find('.') + 1) + "`";
  if (structure == "service" && has("file", key))
    return "`" + key + "` stands at the top level of the file: indent it less";
  if (path.empty() && has("service", key)) return "`" + key + "` belongs to a service: indent it more";
  if (!path.empty())
    if (const std::string owner = owner_below(structure, key, 1); !owner.empty())
      return "`" + key + "` stands below `" + owner + "`";
  if (structure != "service" && !path.empty() && path.starts_with("services.") && has("service", key))
    return "`" + key + "` is a key of the service: indent it less";
  if (const std::string other = longer_or_shorter(key, known); !other.empty()) return "did you mean `" + other + "`?";
  return {};
}

}  // namespace berth::compose
