// What no single value shows: names that must exist, keys that exclude each other, cycles; and the names and
// dependencies that the file implies.
#include <algorithm>
#include <unordered_map>

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
    if (is_external(object) || key.starts_with("x-") || state.unclear.count(kind + "s." + key)) continue;
    int given = 0;
    std::string names;
    for (const char* source : sources) {
      given += object.find(source) != nullptr;
      names += (names.empty() ? "`" : ", `") + std::string(source) + "`";
    }
    // Compat: of a config, any word on `external` will do.
    if (given == 0 && kind == "config" && object.find("external")) continue;
    if (given != 1)
      state.error(objects.key_places[i], Code::OneSource,
                  kind + " `" + key + "` must have " + (given ? "only one" : "one") + " of " + names,
                  given ? "remove all but one" : std::string(*sources.begin()) + ": …");
  }
}

void check_external(LoadState& state, const Node& objects, const std::string& kind) {
  for (const auto& [key, object] : objects.fields) {
    if (!is_external(object)) continue;
    for (std::size_t i = 0; i < object.fields.size(); ++i) {
      const std::string& field = object.fields[i].first;
      if (field != "external" && field != "name" && !field.starts_with("x-"))
        state.error(object.key_places[i], Code::ExternalKeys,
                    kind + " `" + key + "` is external, so `" + field + "` has no meaning", "remove one of the two");
    }
  }
}

// Compat: volumes by target have been merged into one; a tmpfs beside them is a contradiction.
void check_mount_targets(LoadState& state, const std::string& name, const Node& service) {
  std::map<std::string, Place> taken;
  const auto take = [&](const std::string& target, const Place& place) {
    const auto [before, fresh] = taken.emplace(target, place);
    if (fresh) return;
    state.error_beside(place, Code::MountTwice, "service `" + name + "` mounts two things at `" + target + "`",
                       "remove one, or change its target", before->second, "the other stands here");
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
      if (!service.is_null() || state.unclear.count("services")) continue;  // said already
      state.error(services.key_places[i], Code::EmptyService, "service `" + name + "` is empty",
                  "give it an `image` or a `build`");
      continue;
    }
    check_mount_targets(state, name, service);
    if (const Node* test = reach(service, {"healthcheck", "test"}); test && !test->items.empty()) {
      const std::string& first = test->items[0].text;
      if (first != "CMD" && first != "CMD-SHELL" && first != "NONE")
        state.error(test->place, Code::HealthTest,
                    "`test` of service `" + name + "` must begin with CMD, CMD-SHELL or NONE",
                    "as [\"CMD\", \"" + first + "\", …], or as one string for the shell");
    }
    if (const std::string restart = text_of(service, "restart"); !restart.empty() && restart != "no" &&
                                                                 restart != "always" && restart != "unless-stopped" &&
                                                                 !restart.starts_with("on-failure")) {
      const auto near = text::nearest(restart, {"no", "always", "unless-stopped", "on-failure"});
      state.warning(service.find("restart")->place, Code::RestartPolicy,
                    "`" + restart + "` is no restart policy, continuing with `no`",
                    near ? "did you mean `" + *near + "`?" : "one of no, always, on-failure, unless-stopped");
    }
  }
}

namespace {

void imply(Node& service, const std::string& other, bool restart, Place where) {
  Node* needs = service.find("depends_on");
  if (!needs) needs = &service.set("depends_on", Node::map());
  if (needs->find(other)) return;
  Node how = Node::map();
  how.set("condition", Node::of("service_started"));
  if (restart) how.set("restart", Node::of(true));
  how.set("required", Node::of(true));
  how.place = where;
  needs->set(other, std::move(how));
}

void imply_dependencies(Node& service) {
  if (const Node* links = service.find("links")) {
    const Node copy = *links;
    for (const auto& link : copy.items) imply(service, link.text.substr(0, link.text.find(':')), true, link.place);
  }
  for (const char* key : {"network_mode", "ipc", "pid", "uts", "cgroup"})
    if (const std::string mode = text_of(service, key); mode.starts_with("service:"))
      imply(service, mode.substr(8), true, service.find(key)->place);
  if (const Node* from = service.find("volumes_from")) {
    const Node copy = *from;
    for (const auto& item : copy.items)
      if (!item.text.starts_with("container:"))
        imply(service, item.text.substr(0, item.text.find(':')), false, item.place);
  }
}

void normalize_service(LoadState& state, Node& service) {
  const Node* networks = service.find("networks");
  if (!service.find("network_mode") && (!networks || networks->fields.empty()) && !service.find("provider"))
    service.set("networks", Node::map()).set("default", Node::null());
  if (Node* build = service.find("build")) {
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

void set_defaults(Node& model) {
  Node* services = model.find("services");
  if (!services) return;
  for (auto& [name, service] : services->fields)
    if (Node* build = service.find("build"); build && build->is_map() && !build->find("context"))
      build->set("context", Node::of("."));
}

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

// Of few enough to be read.
std::string listed(const std::vector<std::string>& names) {
  if (names.empty() || names.size() > 8) return "`berth config --services` lists the services";
  std::string all;
  for (const auto& name : names) all += (all.empty() ? "the services are `" : ", `") + name + "`";
  return all;
}

enum class Visit : std::uint8_t { None, Open, Done };

struct Consistency {
  Consistency(LoadState& with, const Node& of, const std::set<std::string>& without)
      : state(with), model(of), disabled(without) {
    for (const auto& [kind, objects] : model.fields)
      for (const auto& [key, object] : objects.fields) by_name[kind].emplace(key, &object);
  }

  LoadState& state;
  const Node& model;
  const std::set<std::string>& disabled;
  std::unordered_map<std::string, std::unordered_map<std::string_view, const Node*>> by_name;  // by kind: "services"

  const Node* object(const char* kind, const std::string& name) const {
    const auto objects = by_name.find(kind);
    if (objects == by_name.end()) return nullptr;
    const auto found = objects->second.find(name);
    return found == objects->second.end() ? nullptr : found->second;
  }
  const Node* service_of(const std::string& name) const { return object("services", name); }

  std::vector<std::string> names(const char* kind) const {
    std::vector<std::string> keys;
    if (const Node* objects = model.find(kind))
      for (const auto& [key, value] : objects->fields) keys.push_back(key);
    return keys;
  }

  void known(const std::string& service, const char* kind, const std::string& what, const std::string& key,
             const Place& place) const {
    const Node* objects = model.find(kind);
    if (object(kind, key) || (objects && !objects->is_map()) || state.unclear.count("")) return;
    const auto near = text::nearest(key, names(kind));
    state.error(place, Code::UndefinedResource,
                "service `" + service + "` uses " + what + " `" + key + "`, which the file does not declare",
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
          state.error_beside(needs->key_places[i], Code::InactiveProfile,
                             "service `" + name + "` depends on `" + other + "`, whose profile is not active",
                             "give --profile, or `required: false`", service_of(other)->key_place("profiles"),
                             "the profiles of `" + other + "` stand here");
      } else if (!service_of(other)) {
        const auto near = text::nearest(other, names("services"));
        state.error(needs->key_places[i], Code::UndefinedService,
                    "service `" + name + "` depends on undefined service `" + other + "`",
                    near ? "did you mean `" + *near + "`?" : listed(names("services")));
      }
    }
  }

  void exclusive(const std::string& name, const Node& service) const {
    if (text_of(service, "image").empty() && !service.find("build") && !service.find("provider") &&
        !state.unclear.count("services." + name))
      state.error(model.find("services")->key_place(name), Code::NoImage,
                  "service `" + name + "` has neither `image` nor `build`", "image: NAME, or build: ./DIRECTORY");
    if (const Node* networks = service.find("networks");
        networks && !networks->fields.empty() && service.find("network_mode"))
      state.error_beside(service.key_place("network_mode"), Code::ExclusiveKeys,
                         "service `" + name + "` has both `network_mode` and `networks`", "remove one of the two",
                         service.key_place("networks"), "`networks` is given here");
    if (const Node* build = service.find("build");
        build && build->find("dockerfile_inline") && build->find("dockerfile"))
      state.error_beside(build->key_place("dockerfile"), Code::ExclusiveKeys,
                         "service `" + name + "` has both `dockerfile` and `dockerfile_inline`",
                         "remove one of the two", build->key_place("dockerfile_inline"),
                         "`dockerfile_inline` is given here");
    const Node* scale = service.find("scale");
    const Node* replicas = reach(service, {"deploy", "replicas"});
    if (scale && replicas && scale->integer != replicas->integer)
      state.error_beside(scale->place, Code::DifferentValues,
                         "service `" + name + "`: `scale` and `deploy.replicas` differ", "write the number once",
                         replicas->place, "`deploy.replicas` is given here");
    const Node* count = scale ? scale : replicas;
    if (count && count->integer > 1 && service.find("container_name"))
      state.error_beside(service.find("container_name")->place, Code::ContainerNameTaken,
                         "service `" + name + "` has a `container_name`, so it cannot have " +
                             std::to_string(count->integer) + " containers",
                         "remove the name: containers are then numbered", count->place, "their number is given here");
    limits(name, service);
    const Node* platform = service.find("platform");
    const Node* platforms = reach(service, {"build", "platforms"});
    if (platform && platforms && !platforms->items.empty() &&
        std::none_of(platforms->items.begin(), platforms->items.end(),
                     [&](const Node& item) { return item.text == platform->text; }))
      state.error_beside(
          head_of(*platforms), Code::DifferentValues,
          "service `" + name + "`: `build.platforms` must include its `platform` `" + platform->text + "`",
          "add it there", platform->place, "`platform` is given here");
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
      const Node* other = group->find(pair.limit);
      state.error_beside(own->place, Code::DifferentValues,
                         "service `" + name + "`: `" + pair.key + "` and `" + path + "` differ",
                         "write the limit once, or twice the same", other ? other->place : head_of(*group),
                         other ? "`" + path + "` is given here" : "`" + path + "` is missing here");
    }
  }

  // A build context `service:X` is the image that X builds.
  void contexts(const std::string& name, const Node& service) const {
    const Node* contexts = reach(service, {"build", "additional_contexts"});
    if (!contexts) return;
    for (const auto& [key, context] : contexts->fields) {
      if (!context.text.starts_with("service:")) continue;
      const std::string other = context.text.substr(8);
      const Node* base = service_of(other);
      const auto near = text::nearest(other, names("services"));
      if (!base)
        state.error(context.place, Code::UndefinedService,
                    "service `" + name + "` builds on undefined service `" + other + "`",
                    near ? "did you mean `" + *near + "`?" : listed(names("services")));
      else if (!base->find("build"))
        state.error_beside(context.place, Code::NoBuild,
                           "service `" + name + "` builds on `" + other + "`, which has no `build`",
                           "name its image: docker-image://" + text_of(*base, "image"),
                           model.find("services")->key_place(other), "`" + other + "` stands here");
    }
  }

  void references(const std::string& name, const Node& service) const {
    if (const Node* networks = service.find("networks"))
      for (std::size_t i = 0; i < networks->fields.size(); ++i)
        if (networks->fields[i].first != "default")
          known(name, "networks", "network", networks->fields[i].first, networks->key_places[i]);
    if (const Node* mounts = service.find("volumes"))
      for (const auto& mount : mounts->items)
        if (const Node* source = mount.find("source");
            source && !source->text.empty() && text_of(mount, "type") == "volume")
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

  // `circle` begins and ends with the same service.
  void say_cycle(const std::vector<std::string>& circle) const {
    const Node& services = *model.find("services");
    std::string text;
    constexpr std::size_t kShown = 10;
    for (std::size_t i = 0; i < circle.size(); ++i) {
      if (i == kShown && circle.size() > kShown + 2) text += " -> ...", i = circle.size() - 1;
      text += (text.empty() ? "`" : " -> `") + circle[i] + "`";
    }
    auto cycle = state.diagnostic(text::Severity::Error, services.key_place(circle[0]), Code::DependencyCycle,
                                  circle.size() == 2 ? "service `" + circle[0] + "` depends on itself"
                                                     : "the services depend on each other in a circle: " + text,
                                  circle.size() == 2 ? "remove that" : "one of them must start without the other");
    for (std::size_t i = 0; i + 1 < circle.size() && i < 2 * kShown; ++i) {
      const Node* needs = service_of(circle[i])->find("depends_on");
      if (const Place place = needs ? needs->key_place(circle[i + 1]) : Place{}; place.file)
        cycle.notes.push_back({state.span(place), "`" + circle[i] + "` depends on `" + circle[i + 1] + "` here"});
    }
    state.diagnostics.add(std::move(cycle));
  }

  // Says a circle that is reached from `name`, if it has not been said.
  void visit(const std::string& name, std::map<std::string, Visit>& visits) const {
    struct Open {
      std::string name;
      const Node* needs;
      std::size_t next = 0;
    };
    std::vector<Open> path;
    const auto enter = [&](const std::string& service) {
      visits[service] = Visit::Open;
      const Node* found = service_of(service);
      path.push_back({service, found ? found->find("depends_on") : nullptr});
    };
    if (visits[name] == Visit::None) enter(name);
    while (!path.empty()) {
      Open& top = path.back();
      if (!top.needs || top.next == top.needs->fields.size()) {
        visits[top.name] = Visit::Done;
        path.pop_back();
        continue;
      }
      const std::string& other = top.needs->fields[top.next++].first;
      const Visit visit = visits[other];
      if (visit == Visit::None) enter(other);
      if (visit != Visit::Open) continue;
      std::vector<std::string> circle;
      for (const auto& open : path)
        if (!circle.empty() || open.name == other) circle.push_back(open.name);
      circle.push_back(other);
      say_cycle(circle);
      for (const auto& open : path) visits[open.name] = Visit::Done;
      return;
    }
  }
};

}  // namespace

void check_consistency(LoadState& state, const Node& model, const std::set<std::string>& disabled) {
  const Consistency check{state, model, disabled};
  std::map<std::string, Visit> visits;
  std::map<std::string, std::pair<std::string, Place>> container_names;
  for (const auto& [name, service] : model.find("services")->fields) {
    if (disabled.count(name) || !service.is_map()) continue;
    check.exclusive(name, service);
    check.dependencies(name, service);
    check.references(name, service);
    check.contexts(name, service);
    if (const Node* taken = service.find("container_name"))
      if (const auto [at, fresh] = container_names.try_emplace(taken->text, name, taken->place); !fresh)
        state.error_beside(taken->place, Code::ContainerNameTaken,
                           "services `" + at->second.first + "` and `" + name + "` have the same `container_name`",
                           "remove it from one of them", at->second.second, "`" + at->second.first + "` has it here");
    check.visit(name, visits);
  }
}

}  // namespace berth::compose
