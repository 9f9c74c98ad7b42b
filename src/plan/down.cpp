#include <algorithm>
#include <functional>
#include <set>

#include "berth/plan/plan.hpp"
#include "draft.hpp"

namespace berth::plan {
namespace {

using engine::ContainerState;

// Who must be stopped before a container of each service: those that depend on it, as the containers themselves
// remember.
std::map<std::string, std::set<std::string>> dependents_of(const std::vector<const ContainerState*>& containers) {
  std::map<std::string, std::set<std::string>> dependents;
  for (const auto* state : containers)
    for (const auto& [name, unused] : state->spec.depends_on)
      if (name != state->spec.service.value) dependents[name].insert(state->spec.service.value);
  return dependents;
}

std::map<std::string, std::vector<const ContainerState*>> group(const std::vector<const ContainerState*>& containers) {
  std::map<std::string, std::vector<const ContainerState*>> groups;
  for (const auto* state : containers) groups[state->spec.service.value].push_back(state);
  return groups;
}

// Adds a stop for each container that is alive, dependents first; container -> action. A cycle among recorded
// dependencies (two generations of a file) must not keep anything from being stopped: the edge that would close it is
// left out.
std::map<ContainerId, int> stop_all(Draft& draft, const std::vector<const ContainerState*>& containers,
                                    std::optional<Duration> grace, const std::string& cause,
                                    const std::string& signal = {}) {
  const auto dependents = dependents_of(containers);
  const auto groups = group(containers);
  std::map<ContainerId, int> stops;
  std::set<std::string> open, done;
  const std::function<void(const std::string&)> visit = [&](const std::string& service) {
    if (done.count(service) || !open.insert(service).second) return;
    After after;
    if (const auto found = dependents.find(service); found != dependents.end())
      for (const auto& dependent : found->second) {
        visit(dependent);
        if (const auto members = groups.find(dependent); members != groups.end() && done.count(dependent))
          for (const auto* state : members->second)
            if (const auto stop = stops.find(state->id); stop != stops.end()) after.push_back(stop->second);
      }
    if (const auto members = groups.find(service); members != groups.end())
      for (const auto* state : members->second)
        if (is_alive(state->phase))
          stops[state->id] = draft.add(StopContainer{ref_of(*state), grace, signal}, after, cause);
    done.insert(service);
  };
  for (const auto& [service, unused] : groups) visit(service);
  return stops;
}

std::vector<const ContainerState*> pick(const engine::ObservedState& observed,
                                        const std::function<bool(const ContainerState&)>& wanted) {
  std::vector<const ContainerState*> list;
  for (const auto& state : observed.containers)
    if (wanted(state)) list.push_back(&state);
  return list;
}

// `restart` takes along who depends on a restarted service with `restart: true`, through as many steps as it takes.
void add_restarted_dependents(const engine::ObservedState& observed, std::vector<const ContainerState*>& chosen) {
  std::set<std::string> services;
  for (const auto* state : chosen) services.insert(state->spec.service.value);
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto& state : observed.containers) {
      if (state.spec.one_off || !is_alive(state.phase)) continue;
      if (std::find(chosen.begin(), chosen.end(), &state) != chosen.end()) continue;
      const auto& dependencies = state.spec.depends_on;
      if (std::none_of(dependencies.begin(), dependencies.end(), [&](const auto& dependency) {
            return dependency.second.restart && services.count(dependency.first);
          }))
        continue;
      chosen.push_back(&state);
      services.insert(state.spec.service.value);
      grew = true;
    }
  }
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// What of the names has no container: an error.
Result<void> check_named(const engine::ObservedState& observed, const VerbOptions& options) {
  const auto is_there = [&](auto matches) {
    return std::any_of(observed.containers.begin(), observed.containers.end(), matches);
  };
  for (const auto& id : options.containers)
    if (!is_there([&](const ContainerState& state) { return state.id.value == id; }))
      return Error::make(ErrorKind::NotFound, "container `" + id + "` is not there any more");
  if (!options.containers.empty()) return {};
  for (const auto& name : options.services)
    if (!is_there([&](const ContainerState& state) { return state.spec.service.value == name; }))
      return Error::make(ErrorKind::NotFound, "service `" + name + "` has no container");
  return {};
}

bool is_chosen(const ContainerState& state, const VerbOptions& options) {
  if (!options.containers.empty()) return contains(options.containers, state.id.value);
  return !state.spec.one_off && (options.services.empty() || contains(options.services, state.spec.service.value));
}

}  // namespace

Plan plan_down(const model::Project& project, const engine::ObservedState& observed, const DownOptions& options) {
  Draft draft;
  const bool knows_services = !project.services.empty() || !project.disabled_services.empty();
  const auto containers = pick(observed, [&](const ContainerState& state) {
    const std::string& service = state.spec.service.value;
    if (!options.services.empty()) return contains(options.services, service);
    const bool declared = project.services.count(service) || project.disabled_services.count(service);
    return !knows_services || declared || options.remove_orphans;
  });
  const std::string cause = "down was asked for";
  const auto stops = stop_all(draft, containers, options.timeout, cause);
  std::map<std::string, After> network_users;
  After removed;
  for (const auto* state : containers) {
    const auto stop = stops.find(state->id);
    const int gone =
        draft.add(RemoveContainer{ref_of(*state), options.volumes}, {stop == stops.end() ? 0 : stop->second}, cause);
    removed.push_back(gone);
    for (const auto& endpoint : state->spec.endpoints) network_users[endpoint.network].push_back(gone);
  }
  if (!options.services.empty()) return draft.finish();

  const auto still_used = [&](const std::string& network) {
    return std::any_of(observed.containers.begin(), observed.containers.end(), [&](const ContainerState& state) {
      if (std::find(containers.begin(), containers.end(), &state) != containers.end()) return false;
      return std::any_of(state.spec.endpoints.begin(), state.spec.endpoints.end(),
                         [&](const auto& endpoint) { return endpoint.network == network; });
    });
  };
  for (const auto& [name, state] : observed.networks) {
    if (state.spec.project != project.name || state.spec.network.external) continue;
    if (still_used(name))
      draft.warn("network `" + name + "` is still in use, so it stays");
    else
      draft.add(RemoveNetwork{name, true}, network_users[name], cause);
  }
  if (!options.volumes) return draft.finish();
  std::set<std::string> of_containers;  // those of the ones that go are removed with them
  for (const auto& state : observed.containers)
    of_containers.insert(state.anonymous_volumes.begin(), state.anonymous_volumes.end());
  for (const auto& [name, state] : observed.volumes) {
    if (state.spec.project != project.name || state.spec.volume.external) continue;
    // Anonymous ones without a container: it was made anew with --renew-anon-volumes, or scaled down.
    const bool goes = state.spec.key.empty() ? !of_containers.count(name)
                                             // Compat: what the file does not declare stays
                                             : !knows_services || project.volumes.count(state.spec.key);
    if (goes) draft.add(RemoveVolume{name, true}, removed, "down -v was asked for");
  }
  return draft.finish();
}

Result<Plan> plan_verb(const engine::ObservedState& observed, const VerbOptions& options) {
  BERTH_TRY(check_named(observed, options));
  auto chosen = pick(observed, [&](const ContainerState& state) { return is_chosen(state, options); });
  if (options.verb == Verb::Restart && !options.no_dependencies) add_restarted_dependents(observed, chosen);
  Draft draft;
  const auto start_all = [&](const std::map<ContainerId, int>& stops, bool alive_too, const std::string& cause) {
    std::map<std::string, std::vector<std::string>> dependencies;
    const auto groups = group(chosen);
    for (const auto& [service, members] : groups) {
      auto& list = dependencies[service];
      for (const auto& [name, unused] : members.front()->spec.depends_on)
        if (groups.count(name)) list.push_back(name);
    }
    auto order = dependency_order(dependencies);
    if (!order) {  // recorded by two generations of a file: start them all at once
      order = std::vector<std::string>{};
      for (const auto& [service, unused] : groups) order->push_back(service);
    }
    std::map<ContainerId, int> starts;
    std::map<std::string, After> started;
    std::map<std::pair<int, model::DependencyCondition>, int> waits;  // one for all that wait for the same thing
    const auto ready_after = [&](const std::string& name, const model::Dependency& dependency,
                                 const std::string& waiter) {
      if (dependency.condition == model::DependencyCondition::Started) return started[name];
      After after;
      for (const int start : started[name]) {
        const auto* action = draft.find_start(start);
        int& wait = waits[{start, dependency.condition}];
        if (!wait)
          wait = draft.add(AwaitCondition{action->container, condition_of(dependency.condition), dependency.required},
                           {start}, waiter + " depends on it");
        after.push_back(wait);
      }
      return after;
    };
    for (const auto& service : *order)
      for (const auto* state : groups.at(service)) {
        if (is_alive(state->phase) && !alive_too) continue;
        After after;
        for (const auto& name : dependencies[service]) {
          const After ready = ready_after(
              name, state->spec.depends_on.count(name) ? state->spec.depends_on.at(name) : model::Dependency{},
              service);
          after.insert(after.end(), ready.begin(), ready.end());
        }
        if (const auto stop = stops.find(state->id); stop != stops.end()) after.push_back(stop->second);
        starts[state->id] = draft.add(StartContainer{ref_of(*state)}, std::move(after), cause);
        started[service].push_back(starts[state->id]);
      }
    return starts;
  };
  switch (options.verb) {
    case Verb::Stop: stop_all(draft, chosen, options.timeout, "stop was asked for", options.signal); break;
    case Verb::Start: {
      const auto starts = start_all({}, false, "start was asked for");
      if (!options.wait) break;
      for (const auto* state : chosen) {
        const auto start = starts.find(state->id);
        if (start == starts.end() && (!state->spec.health || state->health == engine::Health::Healthy)) continue;
        draft.add(AwaitCondition{ref_of(*state), engine::Condition::Settled},
                  {start == starts.end() ? 0 : start->second}, "--wait was given");
      }
      break;
    }
    case Verb::Restart: {
      const auto stops = stop_all(draft, chosen, options.timeout, "restart was asked for", options.signal);
      start_all(stops, true, "restart was asked for");
      break;
    }
    case Verb::Kill:
      for (const auto* state : chosen)
        if (is_alive(state->phase)) draft.add(KillContainer{ref_of(*state), options.signal}, {}, "kill was asked for");
      break;
    case Verb::Remove: {
      std::map<ContainerId, int> stops;
      if (options.stop_first) stops = stop_all(draft, chosen, options.timeout, "rm was asked for", options.signal);
      for (const auto* state : chosen) {
        const auto stop = stops.find(state->id);
        if (is_alive(state->phase) && stop == stops.end()) continue;
        draft.add(RemoveContainer{ref_of(*state), options.anonymous_volumes}, {stop == stops.end() ? 0 : stop->second},
                  "rm was asked for");
      }
      break;
    }
    case Verb::Pause:
      for (const auto* state : chosen)
        if (state->phase == engine::Phase::Running)
          draft.add(PauseContainer{ref_of(*state)}, {}, "pause was asked for");
      break;
    case Verb::Unpause:
      for (const auto* state : chosen)
        if (state->phase == engine::Phase::Paused)
          draft.add(UnpauseContainer{ref_of(*state)}, {}, "unpause was asked for");
      break;
    case Verb::Rename: {
      if (chosen.size() != 1 || options.name.empty())
        return Error::make(ErrorKind::Invalid, "one container gets one new name");
      ContainerRef renamed = ref_of(*chosen.front());
      renamed.name = options.name;
      draft.add(RenameContainer{std::move(renamed)}, {}, "rename was asked for");
      break;
    }
  }
  return draft.finish();
}

}  // namespace berth::plan
