// Which services are enabled by their profiles, and which are selected with what they need.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "berth/text/suggest.hpp"
#include "passes.hpp"

namespace berth::compose {
namespace {

std::set<std::string> active_profiles(const LoadState& state) {
  std::set<std::string> active(state.options.profiles.begin(), state.options.profiles.end());
  if (!active.empty()) return active;
  const auto listed = state.variables.find("COMPOSE_PROFILES");
  const std::string names = listed == state.variables.end() ? "" : listed->second;
  for (const auto& name : split_list(names, ',')) active.insert(trimmed(name));
  // Compat: without a name there is the profile of the name "", which `profiles: ["${UNSET}"]` asks for.
  if (names.empty() || names.ends_with(',')) active.insert("");
  return active;
}

// Adds a service, and what it needs, to `wanted`.
void need(const std::unordered_map<std::string_view, const Node*>& services, const std::string& name,
          bool with_dependencies, std::set<std::string>& wanted) {
  std::vector<std::string> open{name};
  while (!open.empty()) {
    const std::string next = std::move(open.back());
    open.pop_back();
    const auto service = services.find(next);
    if (service == services.end() || !wanted.insert(next).second || !with_dependencies) continue;
    if (const Node* needs = service->second->find("depends_on"))
      for (const auto& [dependency, how] : needs->fields) open.push_back(dependency);
  }
}

}  // namespace

std::set<std::string> disabled_services(const LoadState& state, const Node& model,
                                        std::set<std::string>& all_profiles) {
  const auto active = active_profiles(state);
  std::set<std::string> disabled;
  for (const auto& [name, service] : model.find("services")->fields) {
    const Node* profiles = service.find("profiles");
    if (!profiles || profiles->items.empty()) continue;
    bool enabled = active.count("*") || std::find(state.options.services.begin(), state.options.services.end(), name) !=
                                            state.options.services.end();
    for (const auto& profile : profiles->items) {
      all_profiles.insert(profile.text);
      enabled = enabled || active.count(profile.text);
    }
    if (!enabled) disabled.insert(name);
  }
  return disabled;
}

void set_aside(Node& aside, NodeField& field, const Place& key_place) {
  aside.key_places.push_back(key_place);
  aside.fields.push_back(std::move(field));
}

void select_services(LoadState& state, Node& model, Node& aside) {
  Node& services = *model.find("services");
  if (!state.options.services.empty()) {
    std::set<std::string> wanted;
    std::vector<std::string> known;
    std::unordered_map<std::string_view, const Node*> by_name;
    for (const auto& [name, service] : services.fields) known.push_back(name), by_name.emplace(name, &service);
    for (const auto& name : state.options.services) {
      const auto near = text::nearest(name, known);
      if (!by_name.count(name))
        state.error({}, Code::NoSuchService, "no such service: `" + name + "`",
                    near ? "did you mean `" + *near + "`?" : "`berth config --services` lists the services");
      need(by_name, name, !state.options.no_dependencies, wanted);
    }
    services.erase_fields([&](NodeField& field, const Place& place) {
      if (wanted.count(field.first)) return false;
      set_aside(aside, field, place);
      return true;
    });
  }
  if (state.options.all_resources) return;
  std::map<std::string, std::set<std::string>> used;
  for (const auto& [name, service] : services.fields) {
    if (const Node* networks = service.find("networks"))
      for (const auto& [key, attachment] : networks->fields) used["networks"].insert(key);
    if (const Node* mounts = service.find("volumes"))
      for (const auto& mount : mounts->items)
        if (const Node* source = mount.find("source"); source && mount.find("type")->text == "volume")
          used["volumes"].insert(source->text);
    const Node* build = service.find("build");
    for (const char* kind : {"secrets", "configs"})
      for (const Node* owner : {&service, build})
        if (const Node* grants = owner ? owner->find(kind) : nullptr)
          for (const auto& grant : grants->items)
            if (const Node* source = grant.find("source")) used[kind].insert(source->text);
    if (const Node* models = service.find("models"))
      for (const auto& [key, value] : models->fields) used["models"].insert(key);
  }
  for (const char* kind : {"networks", "volumes", "secrets", "configs", "models"}) {
    Node* objects = model.find(kind);
    if (!objects) continue;
    objects->erase_fields([&](const NodeField& field, const Place&) { return !used[kind].count(field.first); });
    if (objects->fields.empty()) model.erase(kind);
  }
}

}  // namespace berth::compose
