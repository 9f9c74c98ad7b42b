// What no single value shows: names that must exist, keys that exclude each other, cycles; and the names and
// dependencies that the file implies.
#include <algorithm>

#include "berth/text/suggest.hpp"
#include "passes.hpp"

namespace berth::compose {

namespace {

std::string text_of(const Node& node, const char* key) {
  const Node* value = node.find(key);
  return value ? value->scalar_text() : std::string();
}

bool is_external(const Node& node) {
  const Node* value = node.find("external");
  return value && value->is(NodeKind::Bool) && value->boolean;
}

const Node* reach(const Node& node, std::initializer_list<const char*> keys) {
  const Node* at = &node;
  for (const char* key : keys)
    if (at) at = at->find(key);
  return at;
}

void check_source(LoadState& state, const Node& objects, const std::string& kind,
                  std::initializer_list<const char*> sources) {
  for (std::size_t i = 0; i < objects.fields.size(); ++i) {
    const auto& [key, object] = objects.fields[i];
    if (is_external(object) || key.starts_with("x-")) continue;
    int given = 0;
    std::string names;
    for (const char* source : sources) {
      given += object.find(source) != nullptr;
      names += (names.empty() ? "`" : ", `") + std::string(source) + "`";
    }
    if (given != 1)
      state.error(objects.key_places[i],
                  kind + " `" + key + "` must have " + (given ? "only one" : "one") + " of " + names);
  }
}

void check_external(LoadState& state, const Node& objects, const std::string& kind) {
  for (const auto& [key, object] : objects.fields) {
    if (!is_external(object)) continue;
    for (std::size_t i = 0; i < object.fields.size(); ++i) {
      const std::string& field = object.fields[i].first;
      if (field != "external" && field != "name" && !field.starts_with("x-"))
        state.error(object.key_places[i], kind + " `" + key + "` is external, so `" + field + "` has no meaning",
                    "remove one of the two");
    }
  }
}

// Compat: volumes by target have been merged into one; a tmpfs beside them is a contradiction.
void check_mount_targets(LoadState& state, const std::string& name, const Node& service) {
  std::map<std::string, Place> taken;
  const auto take = [&](const std::string& target, const Place& place) {
    const auto [before, fresh] = taken.emplace(target, place);
    if (fresh) return;
    text::Diagnostic twice;
    twice.span = state.span(place);
    twice.message = "service `" + name + "` mounts two things at `" + target + "`";
    twice.notes.push_back({state.span(before->second), "the other stands here"});
    state.diagnostics.add(std::move(twice));
  };
  if (const Node* tmpfs = service.find("tmpfs"))
    for (const auto& item : tmpfs->items) take(item.text.substr(0, item.text.find(':')), item.place);
  if (const Node* mounts = service.find("volumes"))
    for (const auto& mount : mounts->items)
      if (const Node* target = mount.find("target")) take(target->text, target->place);
}

}  // namespace

void validate(LoadState& state, const Node& model) {
  if (const Node* secrets = model.find("secrets")) check_source(state, *secrets, "secret", {"file", "environment"});
  if (const Node* configs = model.find("configs"))
    check_source(state, *configs, "config", {"file", "environment", "content"});
  if (const Node* volumes = model.find("volumes")) check_external(state, *volumes, "volume");
  const Node& services = *model.find("services");
  for (std::size_t i = 0; i < services.fields.size(); ++i) {
    const auto& [name, service] = services.fields[i];
    if (!service.is_map()) {
      state.error(services.key_places[i], "service `" + name + "` is empty", "give it an `image` or a `build`");
      continue;
    }
    check_mount_targets(state, name, service);
    if (const Node* test = reach(service, {"healthcheck", "test"}); test && !test->items.empty()) {
      const std::string& first = test->items[0].text;
      if (first != "CMD" && first != "CMD-SHELL" && first != "NONE")
        state.error(test->place, "`test` of service `" + name + "` must begin with CMD, CMD-SHELL or NONE");
    }
    if (const std::string restart = text_of(service, "restart"); !restart.empty() && restart != "no" &&
                                                                 restart != "always" && restart != "unless-stopped" &&
                                                                 !restart.starts_with("on-failure")) {
      const auto near = text::nearest(restart, {"no", "always", "unless-stopped", "on-failure"});
      state.warning(service.find("restart")->place, "`" + restart + "` is no restart policy, continuing with `no`",
                    near ? "did you mean `" + *near + "`?" : "one of no, always, on-failure, unless-stopped");
    }
  }
}

namespace {

void imply(Node& service, const std::string& other, bool restart) {
  Node* needs = service.find("depends_on");
  if (!needs) needs = &service.set("depends_on", Node::map());
  if (needs->find(other)) return;
  Node how = Node::map();
  how.set("condition", Node::of("service_started"));
  if (restart) how.set("restart", Node::of(true));
  how.set("required", Node::of(true));
  how.place = service.place;
  needs->set(other, std::move(how));
}

void imply_dependencies(Node& service) {
  if (const Node* links = service.find("links")) {
    const Node copy = *links;
    for (const auto& link : copy.items) imply(service, link.text.substr(0, link.text.find(':')), true);
  }
  for (const char* key : {"network_mode", "ipc", "pid", "uts", "cgroup"})
    if (const std::string mode = text_of(service, key); mode.starts_with("service:"))
      imply(service, mode.substr(8), true);
  if (const Node* from = service.find("volumes_from")) {
    const Node copy = *from;
    for (const auto& item : copy.items)
      if (!item.text.starts_with("container:")) imply(service, item.text.substr(0, item.text.find(':')), false);
  }
}

void normalize_service(LoadState& state, Node& service) {
  const Node* networks = service.find("networks");
  if (!service.find("network_mode") && (!networks || networks->fields.empty()) && !service.find("provider"))
    service.set("networks", Node::map()).set("default", Node::null());
  if (Node* build = service.find("build")) {
    if (!build->find("context")) build->set("context", Node::of(state.options.working_dir));
    if (!build->find("dockerfile") && !build->find("dockerfile_inline"))
      build->set("dockerfile", Node::of("Dockerfile"));
    if (Node* args = build->find("args"))
      for (std::size_t i = args->fields.size(); i-- > 0;) {
        auto& [name, value] = args->fields[i];
        if (!value.is_null()) continue;
        const auto found = state.variables.find(name);
        if (found != state.variables.end())
          value = Node::of(found->second);
        else
          args->erase(name);
      }
  }
  if (Node* policy = service.find("pull_policy"); policy && policy->text == "if_not_present") policy->text = "missing";
  if (Node* deploy = service.find("deploy"); deploy && service.find("scale") && !deploy->find("replicas"))
    deploy->set("replicas", Node(*service.find("scale")));
  imply_dependencies(service);
}

}  // namespace

void normalize(LoadState& state, Node& model, const std::string& project_name) {
  bool default_used = false;
  for (auto& [name, service] : model.find("services")->fields) {
    normalize_service(state, service);
    if (const Node* networks = service.find("networks")) default_used = default_used || networks->find("default");
  }
  if (default_used) {
    Node* networks = model.find("networks");
    if (!networks) networks = &model.set("networks", Node::map());
    if (!networks->find("default")) networks->set("default", Node::map());
  }
  for (const char* kind : {"networks", "volumes", "secrets", "configs"}) {
    Node* objects = model.find(kind);
    if (!objects) continue;
    for (auto& [key, object] : objects->fields) {
      if (object.is_null()) object = Node::map();
      if (!object.find("name")) object.set("name", Node::of(is_external(object) ? key : project_name + "_" + key));
    }
  }
}

namespace {

struct Consistency {
  LoadState& state;
  const Node& model;
  const std::set<std::string>& disabled;

  std::vector<std::string> names(const char* kind) const {
    std::vector<std::string> keys;
    if (const Node* objects = model.find(kind))
      for (const auto& [key, value] : objects->fields) keys.push_back(key);
    return keys;
  }

  void known(const std::string& service, const char* kind, const std::string& what, const std::string& key,
             const Place& place) const {
    const Node* objects = model.find(kind);
    if (objects && objects->find(key)) return;
    const auto near = text::nearest(key, names(kind));
    state.error(place, "service `" + service + "` uses " + what + " `" + key + "`, which the file does not declare",
                near ? "did you mean `" + *near + "`?" : "add it below top-level `" + std::string(kind) + ":`");
  }

  void dependencies(const std::string& name, const Node& service) const {
    const Node* needs = service.find("depends_on");
    if (!needs) return;
    for (std::size_t i = 0; i < needs->fields.size(); ++i) {
      const auto& [other, how] = needs->fields[i];
      const Node* required = how.find("required");
      const bool optional = required && required->is(NodeKind::Bool) && !required->boolean;
      if (disabled.count(other)) {
        if (!optional)
          state.error(needs->key_places[i],
                      "service `" + name + "` depends on `" + other + "`, whose profile is not active",
                      "give --profile, or `required: false`");
      } else if (!model.find("services")->find(other)) {
        const auto near = text::nearest(other, names("services"));
        state.error(needs->key_places[i], "service `" + name + "` depends on undefined service `" + other + "`",
                    near ? "did you mean `" + *near + "`?" : "");
      }
    }
  }

  void exclusive(const std::string& name, const Node& service) const {
    if (!service.find("image") && !service.find("build") && !service.find("provider"))
      state.error(service.place, "service `" + name + "` has neither `image` nor `build`");
    if (const Node* networks = service.find("networks");
        networks && !networks->fields.empty() && service.find("network_mode"))
      state.error(service.find("network_mode")->place, "service `" + name + "` has both `network_mode` and `networks`",
                  "remove one of the two");
    if (const Node* build = service.find("build");
        build && build->find("dockerfile_inline") && build->find("dockerfile"))
      state.error(build->find("dockerfile")->place,
                  "service `" + name + "` has both `dockerfile` and `dockerfile_inline`", "remove one of the two");
    const Node* scale = service.find("scale");
    const Node* replicas = reach(service, {"deploy", "replicas"});
    if (scale && replicas && scale->integer != replicas->integer)
      state.error(scale->place, "service `" + name + "`: `scale` and `deploy.replicas` differ");
    const Node* count = scale ? scale : replicas;
    if (count && count->integer > 1 && service.find("container_name"))
      state.error(service.find("container_name")->place, "service `" + name +
                                                             "` has a `container_name`, so it cannot have " +
                                                             std::to_string(count->integer) + " containers");
    limits(name, service);
    const Node* platform = service.find("platform");
    const Node* platforms = reach(service, {"build", "platforms"});
    if (platform && platforms && !platforms->items.empty() &&
        std::none_of(platforms->items.begin(), platforms->items.end(),
                     [&](const Node& item) { return item.text == platform->text; }))
      state.error(platforms->place,
                  "service `" + name + "`: `build.platforms` must include its `platform` `" + platform->text + "`");
  }

  // Compat: where `deploy` has limits at all, it must repeat what the service says beside it.
  void limits(const std::string& name, const Node& service) const {
    static constexpr struct {
      const char* key;
      const char* group;
      const char* limit;
    } kPairs[] = {{"cpus", "limits", "cpus"},
                  {"mem_limit", "limits", "memory"},
                  {"pids_limit", "limits", "pids"},
                  {"mem_reservation", "reservations", "memory"}};
    for (const auto& pair : kPairs) {
      const Node* own = service.find(pair.key);
      const Node* group = reach(service, {"deploy", "resources", pair.group});
      if (!own || !group || text_of(*group, pair.limit) == own->scalar_text()) continue;
      const std::string path = std::string("deploy.resources.") + pair.group + "." + pair.limit;
      text::Diagnostic differ{.severity = text::Severity::Error,
                              .code = {},
                              .span = state.span(own->place),
                              .message = "service `" + name + "`: `" + pair.key + "` and `" + path + "` differ",
                              .notes = {},
                              .hint = "write the limit once, or twice the same"};
      const Node* other = group->find(pair.limit);
      differ.notes.push_back({state.span(other ? other->place : group->place),
                              other ? "`" + path + "` is given here" : "`" + path + "` is missing here"});
      state.diagnostics.add(std::move(differ));
    }
  }

  // A build context `service:X` is the image that X builds.
  void contexts(const std::string& name, const Node& service) const {
    const Node* contexts = reach(service, {"build", "additional_contexts"});
    if (!contexts) return;
    for (const auto& [key, context] : contexts->fields) {
      if (!context.text.starts_with("service:")) continue;
      const std::string other = context.text.substr(8);
      const Node* base = model.find("services")->find(other);
      const auto near = text::nearest(other, names("services"));
      if (!base)
        state.error(context.place, "service `" + name + "` builds on undefined service `" + other + "`",
                    near ? "did you mean `" + *near + "`?" : "");
      else if (!base->find("build"))
        state.error(context.place, "service `" + name + "` builds on `" + other + "`, which has no `build`",
                    "name its image: docker-image://" + text_of(*base, "image"));
    }
  }

  void references(const std::string& name, const Node& service) const {
    if (const Node* networks = service.find("networks"))
      for (std::size_t i = 0; i < networks->fields.size(); ++i)
        if (networks->fields[i].first != "default")
          known(name, "networks", "network", networks->fields[i].first, networks->key_places[i]);
    if (const Node* mounts = service.find("volumes"))
      for (const auto& mount : mounts->items)
        if (const Node* source = mount.find("source"); source && text_of(mount, "type") == "volume")
          known(name, "volumes", "volume", source->text, source->place);
    const auto granted = [&](const Node* grants, const char* kind) {
      if (!grants) return;
      for (const auto& grant : grants->items)
        known(name, kind, std::string(kind, 6), text_of(grant, "source"), grant.place);
    };
    granted(service.find("secrets"), "secrets");
    granted(reach(service, {"build", "secrets"}), "secrets");
    granted(service.find("configs"), "configs");
    if (const Node* models = service.find("models"))
      for (std::size_t i = 0; i < models->fields.size(); ++i)
        known(name, "models", "model", models->fields[i].first, models->key_places[i]);
  }

  bool visit(const std::string& name, std::map<std::string, int>& marks, std::vector<std::string>& path) const {
    int& mark = marks[name];
    const bool closes = std::find(path.begin(), path.end(), name) != path.end();
    if (mark == 2 || (mark == 1 && !closes)) return false;  // known to be sound, or in a circle that has been said
    path.push_back(name);
    if (mark == 1) {
      std::string text;
      for (auto at = std::find(path.begin(), path.end(), name); at != path.end(); ++at)
        text += (text.empty() ? "`" : " -> `") + *at + "`";
      state.error(model.find("services")->key_place(name), "the services depend on each other in a circle: " + text);
      return true;
    }
    mark = 1;
    const Node* service = model.find("services")->find(name);
    if (const Node* needs = service ? service->find("depends_on") : nullptr)
      for (const auto& [other, how] : needs->fields)
        if (visit(other, marks, path)) return true;
    path.pop_back();
    marks[name] = 2;
    return false;
  }
};

}  // namespace

void check_consistency(LoadState& state, const Node& model, const std::set<std::string>& disabled) {
  const Consistency check{state, model, disabled};
  std::map<std::string, int> marks;
  std::map<std::string, std::string> container_names;
  for (const auto& [name, service] : model.find("services")->fields) {
    if (disabled.count(name)) continue;
    check.exclusive(name, service);
    check.dependencies(name, service);
    check.references(name, service);
    check.contexts(name, service);
    if (const Node* taken = service.find("container_name"))
      if (const auto [at, fresh] = container_names.emplace(taken->text, name); !fresh)
        state.error(taken->place, "services `" + at->second + "` and `" + name + "` have the same `container_name`");
    std::vector<std::string> path;
    check.visit(name, marks, path);
  }
}

namespace {

Lookup from_project(const LoadState& state) {
  return [&state](const std::string& name) -> std::optional<std::string> {
    const auto found = state.variables.find(name);
    if (found == state.variables.end()) return std::nullopt;
    return found->second;
  };
}

void read_pairs(LoadState& state, const Node& path, bool raw, bool required, const Lookup& lookup, Node& into) {
  const auto content = state.files.read(path.text);
  if (!content) {
    if (required || content.error().kind() != ErrorKind::NotFound)
      state.error(
          path.place,
          content.error().kind() == ErrorKind::NotFound
              ? "env file `" + path.text + "` does not exist"
              : "env file `" + path.text + "`: " + content.error().to_string(),
          content.error().kind() == ErrorKind::NotFound ? "create it, or write `{path: …, required: false}`" : "");
    return;
  }
  const DotenvResult parsed = raw ? parse_raw_env(*content, lookup) : parse_dotenv(*content, lookup);
  if (!parsed.error.empty()) {
    const auto source = std::make_shared<const text::SourceFile>(path.text, *content);
    text::Diagnostic wrong;  // no braces: GCC 12 takes the span's file for uninitialised then
    wrong.severity = text::Severity::Error;
    wrong.span = {source, parsed.line, 1, parsed.line, 1};
    wrong.message = parsed.error;
    wrong.notes.push_back({state.span(path.place), "the file is named here"});
    state.diagnostics.add(std::move(wrong));
    return;
  }
  for (const auto& [name, value] : parsed.entries) into.set(name, value ? Node::of(*value) : Node::null());
}

}  // namespace

void resolve_service_environment(LoadState& state, Node& model) {
  for (auto& [name, service] : model.find("services")->fields) {
    Node environment = Node::map(), labels = Node::map();
    if (const Node* files = service.find("env_file"))
      for (const auto& file : files->items) {
        const Node* path = file.find("path");
        const std::string format = text_of(file, "format");
        if (!format.empty() && format != "raw")
          state.error(file.find("format")->place, "unsupported env_file format `" + format + "`",
                      "leave it out, or write raw");
        if (path)
          read_pairs(state, *path, format == "raw", text_of(file, "required") != "false", from_project(state),
                     environment);
      }
    if (const Node* given = service.find("environment"))
      for (std::size_t i = 0; i < given->fields.size(); ++i) {
        Node value = given->fields[i].second;
        if (const auto found = state.variables.find(given->fields[i].first);
            value.is_null() && found != state.variables.end())
          value = Node::of(found->second);
        environment.set(given->fields[i].first, std::move(value), given->key_places[i]);
      }
    if (const Node* files = service.find("label_file"))
      for (const auto& file : files->items)  // Compat: only the file's own variables are known in it
        read_pairs(
            state, file, false, true, [](const std::string&) { return std::nullopt; }, labels);
    if (const Node* given = service.find("labels"))
      for (const auto& [key, value] : given->fields) labels.set(key, value);
    service.erase("env_file");
    service.erase("label_file");
    if (!environment.fields.empty()) service.set("environment", std::move(environment));
    if (!labels.fields.empty()) service.set("labels", std::move(labels));
  }
}

// As Docker does, when the container is made: the file may change or go afterwards.
void read_security_profiles(LoadState& state, Node& model, const std::string& directory) {
  for (auto& [name, service] : model.find("services")->fields) {
    Node* options = service.find("security_opt");
    if (!options) continue;
    for (auto& option : options->items) {
      const auto split = option.text.find_first_of(":=");
      if (split == std::string::npos || option.text.substr(0, split) != "seccomp") continue;
      const std::string value = option.text.substr(split + 1);
      if (value == "unconfined" || value == "builtin") continue;
      const auto content = state.files.read(absolute_path(value, directory));
      if (content)
        option.text = "seccomp:" + *content;
      else
        state.error(option.place, "seccomp profile `" + value + "`: " + content.error().to_string());
    }
  }
}

}  // namespace berth::compose
