// A plan in the making: numbers actions and remembers which action makes which container ready.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "berth/plan/plan.hpp"

namespace berth::plan {

using After = std::vector<int>;

class Draft {
 public:
  // Returns the action's number. `after` is sorted and freed of doubles and zeros.
  int add(What what, After after, std::string cause);
  // The start that action `number` is; null where it is something else.
  const StartContainer* find_start(int number) const {
    return std::get_if<StartContainer>(&plan_.actions[static_cast<std::size_t>(number) - 1].what);
  }
  void warn(std::string text) { plan_.warnings.push_back(std::move(text)); }
  Plan finish() { return std::move(plan_); }

 private:
  Plan plan_;
};

engine::Condition condition_of(model::DependencyCondition condition);
ContainerRef ref_of(const engine::ContainerState& state);
inline bool is_alive(engine::Phase phase) {
  return phase == engine::Phase::Running || phase == engine::Phase::Restarting || phase == engine::Phase::Paused;
}

// The project's own containers, one-off ones apart, by service and number.
std::map<std::string, std::vector<const engine::ContainerState*>> containers_by_service(
    const engine::ObservedState& observed);

// "environment.LOG_LEVEL changed": which fields of what a container was made from differ, the first few by name.
std::string difference(const engine::ContainerSpec& before, const engine::ContainerSpec& after);
// Of what they ask for; what `volumes_from` brought follows from that.
bool same_mounts(const engine::ContainerSpec& before, const engine::ContainerSpec& after);
// Whether what `volumes_from` brought from the owner is what that has now.
bool has_mounts_of(const engine::ContainerSpec& spec, const engine::ContainerState& owner);

// Services in an order in which every dependency comes first; the path of a cycle as an error: "a -> b -> a".
Result<std::vector<std::string>> dependency_order(const std::map<std::string, std::vector<std::string>>& dependencies);

// What a service waits for: depends_on, and the service whose namespaces it joins.
std::vector<std::string> dependencies_of(const model::Service& service);
// "db" of "service:db"; empty where the mode is another.
std::string joined_service(const std::string& mode);

// What an entry of `volumes_from` says.
struct VolumesSource {
  std::string name;  // of a service, or of a container
  bool is_service = true;
  bool read_only = false;
};
VolumesSource volumes_source(const std::string& entry);

}  // namespace berth::plan
