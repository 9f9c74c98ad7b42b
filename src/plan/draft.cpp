#include "draft.hpp"

#include <algorithm>
#include <functional>

namespace berth::plan {

int Draft::add(What what, After after, std::string cause) {
  std::sort(after.begin(), after.end());
  after.erase(std::unique(after.begin(), after.end()), after.end());
  std::erase(after, 0);
  const int number = static_cast<int>(plan_.actions.size()) + 1;
  plan_.actions.push_back({number, std::move(what), std::move(after), std::move(cause)});
  return number;
}

engine::Condition condition_of(model::DependencyCondition condition) {
  switch (condition) {
    case model::DependencyCondition::Started: return engine::Condition::Started;
    case model::DependencyCondition::Healthy: return engine::Condition::Healthy;
    case model::DependencyCondition::CompletedSuccessfully: return engine::Condition::Completed;
  }
  return engine::Condition::Started;
}

ContainerRef ref_of(const engine::ContainerState& state) {
  return {state.spec.service, state.spec.number, state.spec.name, state.id, 0};
}

std::map<std::string, std::vector<const engine::ContainerState*>> containers_by_service(
    const engine::ObservedState& observed) {
  std::map<std::string, std::vector<const engine::ContainerState*>> groups;
  for (const auto& state : observed.containers)
    if (!state.spec.one_off) groups[state.spec.service.value].push_back(&state);
  for (auto& [name, group] : groups)
    std::sort(group.begin(), group.end(), [](auto* a, auto* b) { return a->spec.number < b->spec.number; });
  return groups;
}

Result<std::vector<std::string>> dependency_order(const std::map<std::string, std::vector<std::string>>& dependencies) {
  enum class Mark { Open, Done };
  std::map<std::string, Mark> marks;
  std::vector<std::string> order, path;
  std::optional<Error> cycle;
  const std::function<void(const std::string&)> visit = [&](const std::string& name) {
    if (cycle) return;
    if (const auto mark = marks.find(name); mark != marks.end()) {
      if (mark->second == Mark::Done) return;
      std::string text;
      for (auto at = std::find(path.begin(), path.end(), name); at != path.end(); ++at) text += *at + " -> ";
      cycle = Error::make(ErrorKind::Invalid, "dependency cycle: " + text + name)
                  .with_hint("take one of these out of `depends_on`");
      return;
    }
    const auto found = dependencies.find(name);
    if (found == dependencies.end()) return;
    marks[name] = Mark::Open;
    path.push_back(name);
    for (const auto& dependency : found->second) visit(dependency);
    path.pop_back();
    marks[name] = Mark::Done;
    order.push_back(name);
  };
  for (const auto& [name, unused] : dependencies) visit(name);
  if (cycle) return *cycle;
  return order;
}

std::string joined_service(const std::string& mode) {
  static constexpr std::string_view kPrefix = "service:";
  return mode.rfind(kPrefix, 0) == 0 ? mode.substr(kPrefix.size()) : std::string();
}

VolumesSource volumes_source(const std::string& entry) {
  static constexpr std::string_view kContainer = "container:";
  VolumesSource source;
  source.is_service = entry.rfind(kContainer, 0) != 0;
  source.name = source.is_service ? entry : entry.substr(kContainer.size());
  if (const auto colon = source.name.find(':'); colon != std::string::npos) {
    source.read_only = source.name.substr(colon + 1) == "ro";
    source.name.erase(colon);
  }
  return source;
}

std::vector<std::string> dependencies_of(const model::Service& service) {
  std::vector<std::string> names;
  for (const auto& [name, unused] : service.depends_on) names.push_back(name);
  for (const auto& mode : {service.network_mode, service.confinement.ipc, service.confinement.pid})
    if (auto name = joined_service(mode); !name.empty() && !service.depends_on.count(name))
      names.push_back(std::move(name));
  for (const auto& entry : service.volumes_from)
    if (auto source = volumes_source(entry); source.is_service && !service.depends_on.count(source.name))
      names.push_back(std::move(source.name));
  return names;
}

}  // namespace berth::plan
