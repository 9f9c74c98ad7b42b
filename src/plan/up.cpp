#include <algorithm>
#include <set>
#include <utility>

#include "berth/model/json.hpp"
#include "berth/model/names.hpp"
#include "berth/plan/plan.hpp"
#include "draft.hpp"
#include "selection.hpp"

namespace berth::plan {
namespace {

using engine::ContainerState;
using engine::Phase;

const char* const kNotThere = "it is not there";

class UpPlanner {
 public:
  UpPlanner(const model::Project& project, const engine::ObservedState& observed, const UpOptions& options)
      : project_(project), observed_(observed), options_(options), existing_(containers_by_service(observed)) {}

  Result<Plan> run() {
    auto selection = select_services(project_, options_);
    if (!selection) return selection.error();
    selection_ = std::move(*selection);
    take_along_users_of_changed_networks();
    std::map<std::string, std::vector<std::string>> dependencies;
    for (const auto& name : selection_.services) dependencies[name] = dependencies_of(project_.services.at(name));
    auto order = dependency_order(dependencies);
    if (!order) return order.error();
    for (const auto& name : *order) BERTH_TRY(check_service(project_.services.at(name)));
    BERTH_TRY(check_fixed_names());
    BERTH_TRY(plan_networks());
    BERTH_TRY(plan_volumes());
    for (const auto& name : *order) BERTH_TRY(plan_service(project_.services.at(name)));
    if (!options_.no_start) BERTH_TRY(plan_dependents());
    plan_orphans();
    if (options_.wait && !options_.no_start) BERTH_TRY(plan_wait());
    return draft_.finish();
  }

 private:
  int replicas(const model::Service& service) const {
    if (service.name.value == options_.around) return 0;
    const auto asked = options_.scale.find(service.name.value);
    return asked != options_.scale.end() ? asked->second : service.scale;
  }

  Result<void> check_service(const model::Service& service) const {
    if (!service.container_name.empty() && replicas(service) > 1)
      return Error::make(ErrorKind::Invalid, "service `" + service.name.value +
                                                 "` has a container_name, so there can be one of it, not " +
                                                 std::to_string(replicas(service)))
          .with_hint("take `container_name` out to scale it")
          .with_key(service.name.value + ".container_name");
    if (replicas(service) > 0 && !observed_.images.count(model::image_name(project_, service)))
      return Error::make(ErrorKind::NotFound, "image `" + model::image_name(project_, service) + "` of service `" +
                                                  service.name.value + "` is not in the store")
          .with_hint(service.build ? "build it: `berth build " + service.name.value + "`"
                                   : "bring it in with `berth pull` or `berth image load`")
          .with_key(service.name.value + ".image");
    return {};
  }

  Result<void> check_fixed_names() const {
    std::map<std::string, std::string> owners;
    for (const auto& [name, service] : project_.services) {
      if (service.container_name.empty()) continue;
      const auto [owner, fresh] = owners.try_emplace(service.container_name, name);
      if (!fresh)
        return Error::make(ErrorKind::Invalid, "services `" + owner->second + "` and `" + name +
                                                   "` have the same container_name `" + service.container_name + "`");
    }
    return {};
  }

  // Containers that the plan must take down before a changed network can be made anew.
  Result<void> plan_networks() {
    for (const auto& [key, network] : project_.networks) {
      if (!is_used(key)) continue;
      const auto found = observed_.networks.find(network.name);
      if (network.external) {
        if (found == observed_.networks.end())
          return Error::make(ErrorKind::NotFound,
                             "network `" + network.name + "` is declared as external, but it is not there")
              .with_hint("create it, or take `external: true` out");
        continue;
      }
      const engine::NetworkSpec spec{project_.name, key, network, model::config_hash(network)};
      if (found == observed_.networks.end()) {
        networks_[key] = draft_.add(CreateNetwork{spec}, {}, kNotThere);
      } else if (found->second.spec.config_hash != spec.config_hash) {
        replace_network(spec);
      }
    }
    return {};
  }

  // A changed network takes its containers down: their services must be among those that come up again.
  void take_along_users_of_changed_networks() {
    std::set<std::string> users;
    for (const auto& [key, network] : project_.networks) {
      const auto found = observed_.networks.find(network.name);
      if (network.external || !is_used(key) || found == observed_.networks.end()) continue;
      if (found->second.spec.config_hash == model::config_hash(network)) continue;
      for (const auto& [name, service] : project_.services)
        if (service.networks.count(key) && existing_.count(name)) users.insert(name);
    }
    selection_.services.insert(users.begin(), users.end());
  }

  bool is_used(const std::string& key) const {
    return std::any_of(selection_.services.begin(), selection_.services.end(),
                       [&](const auto& name) { return project_.services.at(name).networks.count(key) != 0; });
  }

  void replace_network(const engine::NetworkSpec& spec) {
    const std::string cause = "network " + spec.key + " changed";
    After gone;
    for (const auto& state : observed_.containers) {
      const auto& endpoints = state.spec.endpoints;
      if (std::none_of(endpoints.begin(), endpoints.end(),
                       [&](const auto& e) { return e.network == spec.network.name; }))
        continue;
      gone.push_back(take_down(state, cause));
    }
    const int removed = draft_.add(RemoveNetwork{spec.network.name}, gone, "its definition changed");
    networks_[spec.key] = draft_.add(CreateNetwork{spec}, {removed}, "its definition changed");
  }

  // Stops and removes a container; the number of the last action. Once for each container.
  int take_down(const ContainerState& state, const std::string& cause, After after = {}) {
    if (const auto known = taken_down_.find(state.id); known != taken_down_.end()) return known->second;
    if (is_alive(state.phase)) after = {draft_.add(StopContainer{ref_of(state), options_.timeout}, after, cause)};
    return taken_down_[state.id] = draft_.add(RemoveContainer{ref_of(state), false}, after, cause);
  }

  Result<void> plan_volumes() {
    for (const auto& [key, volume] : project_.volumes) {
      const auto found = observed_.volumes.find(volume.name);
      if (volume.external) {
        if (found == observed_.volumes.end())
          return Error::make(ErrorKind::NotFound,
                             "volume `" + volume.name + "` is declared as external, but it is not there")
              .with_hint("create it, or take `external: true` out");
        continue;
      }
      const engine::VolumeSpec spec{project_.name, key, volume, model::config_hash(volume)};
      if (found == observed_.volumes.end())
        volumes_[key] = draft_.add(CreateVolume{spec}, {}, kNotThere);
      else if (found->second.spec.config_hash != spec.config_hash)
        draft_.warn("volume `" + volume.name + "` was created with another definition; keeping it and its data");
    }
    return {};
  }

  // Why this container must be made anew; nothing where it may stay.
  std::optional<std::string> divergence(const ContainerState& state, const engine::ContainerSpec& wanted,
                                        bool named) const {
    if (const auto gone = taken_down_.find(state.id); gone != taken_down_.end()) return "its network changed";
    const Recreate mode = named ? options_.recreate : options_.recreate_dependencies;
    if (mode == Recreate::Never) return std::nullopt;
    if (mode == Recreate::Force) return "recreation was asked for";
    if (state.spec.config_hash != wanted.config_hash) return difference(state.spec, wanted);
    if (state.spec.image_digest != wanted.image_digest) return "its image changed";
    if (state.spec.network_mode != wanted.network_mode || state.spec.endpoints != wanted.endpoints)
      return "its networks changed";
    if (!same_mounts(state.spec, wanted)) return "its mounts changed";
    if (state.spec.files != wanted.files) return "its secrets or configs changed";
    for (const auto& mode_text : {wanted.network_mode, wanted.confinement.ipc, wanted.confinement.pid})
      if (renewed_names_.count(mode_text)) return "the container whose namespace it joins is made anew";
    if (volumes_renewed(state.spec)) return "the container whose volumes it mounts is made anew";
    return std::nullopt;
  }

  // Now, or since this one was made.
  bool volumes_renewed(const engine::ContainerSpec& spec) const {
    return std::any_of(spec.volumes_from.begin(), spec.volumes_from.end(), [&](const engine::VolumesFrom& from) {
      if (renewed_names_.count("container:" + from.container)) return true;
      const auto owner = std::find_if(observed_.containers.begin(), observed_.containers.end(),
                                      [&](const auto& other) { return other.name == from.container; });
      return owner != observed_.containers.end() && !has_mounts_of(spec, *owner);
    });
  }

  After created_after(const model::Service& service) const {
    After after;
    for (const auto& [key, unused] : service.networks)
      if (const auto made = networks_.find(key); made != networks_.end()) after.push_back(made->second);
    for (const auto& mount : service.volumes)
      if (mount.type == model::MountType::Volume)
        if (const auto made = volumes_.find(mount.source); made != volumes_.end()) after.push_back(made->second);
    for (const auto& entry : service.volumes_from)
      if (const auto named = named_.find(volumes_source(entry).name); named != named_.end())
        after.insert(after.end(), named->second.begin(), named->second.end());
    return after;
  }

  // What must have happened before a container of the service may start: its dependencies' conditions.
  Result<After> started_after(const model::Service& service) {
    After after;
    if (options_.no_start) return after;
    for (const auto& name : dependencies_of(service)) {
      const auto known = service.depends_on.find(name);
      const model::Dependency dependency = known == service.depends_on.end() ? model::Dependency{} : known->second;
      auto numbers = ready(name, condition_of(dependency.condition), dependency.required, service.name.value);
      if (!numbers) return numbers.error();
      after.insert(after.end(), numbers->begin(), numbers->end());
    }
    return after;
  }

  // The actions after which the condition holds for all replicas of a service.
  Result<After> ready(const std::string& name, engine::Condition condition, bool required, const std::string& waiter) {
    const auto placed = placed_.find(name);
    if (placed == placed_.end()) return After{};
    After after;
    for (auto& replica : placed->second) {
      if (condition == engine::Condition::Started && required) {
        after.push_back(replica.start);
        continue;
      }
      if (condition == engine::Condition::Healthy && !replica.has_health) {
        if (required)
          return Error::make(ErrorKind::Invalid, "service `" + waiter + "` waits for `" + name +
                                                     "` to be healthy, but `" + name + "` has no health check")
              .with_hint("give `" + name + "` a `healthcheck:`, or wait for `service_started`");
        draft_.warn("service `" + waiter + "` is not waiting for `" + name + "`, which has no health check");
        continue;
      }
      const bool holds = condition == engine::Condition::Healthy   ? replica.healthy
                         : condition == engine::Condition::Settled ? replica.healthy || !replica.has_health
                                                                   : condition == engine::Condition::Started;
      if (!replica.start && holds) continue;
      int& wait = replica.waits[{condition, required}];
      if (!wait)
        wait = draft_.add(AwaitCondition{replica.container, condition, required}, {replica.start},
                          waiter.empty() ? "--wait was given" : waiter + " depends on it");
      after.push_back(wait);
    }
    return after;
  }

  Result<void> check_name(const engine::ContainerSpec& spec) const {
    const auto taken = observed_.taken_names.find(spec.name);
    if (taken == observed_.taken_names.end()) return {};
    return Error::make(ErrorKind::AlreadyExists, "the container name `" + spec.name + "` of service `" +
                                                     spec.service.value + "` is in use by project `" + taken->second +
                                                     "`")
        .with_hint("choose another `container_name`, or take that project down: `berth -p " + taken->second + " down`")
        .with_key(spec.service.value + ".container_name");
  }

  Result<void> plan_service(const model::Service& service) {
    const std::string& name = service.name.value;
    const bool named = selection_.named.count(name) != 0;
    const int wanted = replicas(service);
    const auto ready_after = started_after(service);
    if (!ready_after) return ready_after.error();
    if (name == options_.around) return {};  // its conditions are waited for all the same
    const After& after = *ready_after;
    std::vector<const ContainerState*> present =
        existing_.count(name) ? existing_.at(name) : std::vector<const ContainerState*>{};
    settle_interrupted(present);
    while (static_cast<int>(present.size()) > wanted) {
      take_down(*present.back(), "scaled to " + std::to_string(wanted));
      present.pop_back();
    }
    std::set<int> numbers;
    for (const auto* state : present) numbers.insert(state->spec.number);
    for (const auto* state : present) BERTH_TRY(plan_present(service, *state, after, named));
    for (int number = 1; static_cast<int>(placed_[name].size()) < wanted; ++number)
      if (!numbers.count(number)) BERTH_TRY(plan_new(service, number, after));
    return {};
  }

  // A recreation that was interrupted left a new container beside the old one: the new one goes and is made again.
  // Where the old one is gone already, the new one gets its name.
  void settle_interrupted(std::vector<const ContainerState*>& present) {
    for (std::size_t i = 0; i < present.size();) {
      const ContainerState& state = *present[i];
      const bool unnamed = state.name != state.spec.name;
      const bool has_older = std::any_of(present.begin(), present.end(), [&](const auto* other) {
        return other != &state && other->spec.number == state.spec.number && other->name == other->spec.name;
      });
      if (unnamed && has_older) {
        leftovers_[state.spec.name] = take_down(state, "it is left over from an interrupted recreation");
        present.erase(present.begin() + static_cast<long>(i));
        continue;
      }
      if (unnamed)
        renames_[state.id] = draft_.add(RenameContainer{ref_of(state)}, {}, "the one that it replaces is gone");
      ++i;
    }
  }

  Result<engine::ContainerSpec> wanted_spec(const model::Service& service, int number) const {
    return container_spec(project_, service, number, observed_.images.at(model::image_name(project_, service)));
  }

  Result<void> plan_new(const model::Service& service, int number, const After& after) {
    auto spec = wanted_spec(service, number);
    if (!spec) return spec.error();
    BERTH_TRY(check_name(*spec));
    const int created = draft_.add(CreateContainer{*spec, {}, {}}, created_after(service), kNotThere);
    place(*spec, {service.name, number, spec->name, {}, created}, created, after, "it was created");
    return {};
  }

  Result<void> plan_present(const model::Service& service, const ContainerState& state, const After& after,
                            bool named) {
    auto spec = wanted_spec(service, state.spec.number);
    if (!spec) return spec.error();
    const auto renamed = renames_.find(state.id);
    if (const auto cause = divergence(state, *spec, named)) {
      recreate(service, state, *spec, *cause, after);
    } else if (state.phase == Phase::Paused) {
      place_unpaused(service, state);
    } else if (!is_alive(state.phase)) {
      place(state.spec, ref_of(state), renamed == renames_.end() ? 0 : renamed->second, after,
            state.phase == Phase::Created ? "it was never started" : "it has ended");
    } else if (restarts_with_dependency(service.depends_on)) {
      const int stopped =
          draft_.add(StopContainer{ref_of(state), options_.timeout}, {}, "a service that it depends on is made anew");
      place(state.spec, ref_of(state), stopped, after, "a service that it depends on was made anew");
    } else if (!options_.no_start && joins_started(state.spec)) {
      const int stopped = draft_.add(StopContainer{ref_of(state), options_.timeout}, {},
                                     "the container whose namespace it joins starts");
      place(state.spec, ref_of(state), stopped, after, "the container whose namespace it joins was started");
    } else {
      placed_[service.name.value].push_back(
          {ref_of(state), 0, state.spec.health.has_value(), state.health == engine::Health::Healthy, {}});
    }
    return {};
  }

  bool restarts_with_dependency(const std::map<std::string, model::Dependency>& depends_on) const {
    return std::any_of(depends_on.begin(), depends_on.end(), [&](const auto& dependency) {
      return dependency.second.restart && renewed_services_.count(dependency.first);
    });
  }

  // It would stay in the namespaces of a process that has ended.
  bool joins_started(const engine::ContainerSpec& spec) const {
    return started_names_.count(spec.network_mode) || started_names_.count(spec.confinement.ipc) ||
           started_names_.count(spec.confinement.pid);
  }

  // Containers of services that were not selected, but cannot do without what is made anew or started.
  Result<void> plan_dependents() {
    bool more = true;
    while (std::exchange(more, false))
      for (const auto& state : observed_.containers) {
        const std::string& name = state.spec.service.value;
        if (state.spec.one_off || selection_.services.count(name) || !is_alive(state.phase)) continue;
        if (taken_down_.count(state.id) || restarted_.count(state.id)) continue;
        const bool asks = !options_.no_dependencies && restarts_with_dependency(state.spec.depends_on);
        if (!asks && !joins_started(state.spec)) continue;
        After after;
        for (const auto& [needed, dependency] : state.spec.depends_on) {
          auto numbers = ready(needed, condition_of(dependency.condition), dependency.required, name);
          if (!numbers) return numbers.error();
          after.insert(after.end(), numbers->begin(), numbers->end());
        }
        const std::string cause =
            asks ? "a service that it depends on was made anew" : "the container whose namespace it joins was started";
        const int stopped = draft_.add(StopContainer{ref_of(state), options_.timeout}, std::move(after), cause);
        place(state.spec, ref_of(state), stopped, {}, cause);
        restarted_.insert(state.id);
        more = true;
      }
    return {};
  }

  // Beside the old one, so that a failing creation leaves that running: create, stop old, remove old, rename, start.
  void recreate(const model::Service& service, const ContainerState& state, const engine::ContainerSpec& spec,
                const std::string& cause, const After& after) {
    renewed_services_.insert(service.name.value);
    renewed_names_.insert("container:" + spec.name);
    const ContainerId inherit = options_.renew_anonymous_volumes ? ContainerId{} : state.id;
    const auto gone = taken_down_.find(state.id);
    if (gone != taken_down_.end()) {
      After create_after = created_after(service);
      create_after.push_back(gone->second);
      const int created = draft_.add(CreateContainer{spec, {}, {}}, create_after, cause);
      place(spec, {service.name, spec.number, spec.name, {}, created}, created, after, "it was created");
      return;
    }
    const std::string temporary = short_id(state.id) + "_" + spec.name;
    After create_after = created_after(service);
    // A leftover holds the temporary name.
    if (const auto leftover = leftovers_.find(spec.name); leftover != leftovers_.end())
      create_after.push_back(leftover->second);
    const int created = draft_.add(CreateContainer{spec, temporary, inherit}, std::move(create_after), cause);
    const auto pending = renames_.find(state.id);
    // Not before its dependencies are ready: where one of them fails, the old one runs on.
    After stop_after = after;
    stop_after.insert(stop_after.end(), {created, pending == renames_.end() ? 0 : pending->second});
    const int removed = take_down(state, cause, std::move(stop_after));
    const ContainerRef made{service.name, spec.number, spec.name, {}, created};
    const int renamed = draft_.add(RenameContainer{made}, {removed}, "the old one is gone");
    place(spec, made, renamed, after, "it was created");
  }

  void place_unpaused(const model::Service& service, const ContainerState& state) {
    const int unpaused = draft_.add(UnpauseContainer{ref_of(state)}, {}, "it was paused");
    placed_[service.name.value].push_back({ref_of(state), unpaused, state.spec.health.has_value(), false, {}});
  }

  void place(const engine::ContainerSpec& spec, const ContainerRef& container, int made, After after,
             const std::string& cause) {
    if (made != 0) named_[spec.service.value].push_back(made);
    after.push_back(made);
    const int start = options_.no_start ? made : draft_.add(StartContainer{container}, std::move(after), cause);
    started_names_.insert("container:" + spec.name);
    placed_[spec.service.value].push_back({container, start, spec.health.has_value(), false, {}});
  }

  void plan_orphans() {
    std::vector<std::string> names;
    for (const auto& [name, group] : existing_) {
      if (project_.services.count(name) || project_.disabled_services.count(name)) continue;
      for (const auto* state : group) {
        if (options_.remove_orphans)
          take_down(*state, "service " + name + " is not in the project any more");
        else
          names.push_back(state->spec.name);
      }
    }
    if (names.empty() || options_.ignore_orphans) return;
    std::string list;
    for (const auto& name : names) list += (list.empty() ? "`" : ", `") + name + "`";
    draft_.warn("orphan containers of services that are not in this project: " + list +
                "; remove them with --remove-orphans");
  }

  // Compat: docker compose takes a service that ends for a failure of `--wait`, unless another one waits for its end.
  Result<void> plan_wait() {
    std::set<std::string> to_complete;
    for (const auto& [name, service] : project_.services)
      for (const auto& [on, dependency] : service.depends_on)
        if (dependency.condition == model::DependencyCondition::CompletedSuccessfully) to_complete.insert(on);
    for (const auto& [name, unused] : placed_) {
      const auto condition = to_complete.count(name) ? engine::Condition::Completed : engine::Condition::Settled;
      if (auto waits = ready(name, condition, true, {}); !waits) return waits.error();
    }
    return {};
  }

  struct Replica {
    ContainerRef container;
    int start = 0;  // action after which it runs; 0: it runs
    bool has_health = false, healthy = false;
    std::map<std::pair<engine::Condition, bool>, int> waits;  // (condition, required) -> action
  };

  const model::Project& project_;
  const engine::ObservedState& observed_;
  const UpOptions& options_;
  std::map<std::string, std::vector<const ContainerState*>> existing_;
  Selection selection_;
  Draft draft_;
  std::map<std::string, int> networks_, volumes_;       // key -> action that makes it
  std::map<ContainerId, int> renames_;                  // interrupted recreations -> action that gives the name
  std::map<std::string, int> leftovers_;                // name -> action that removes the interrupted recreation
  std::map<ContainerId, int> taken_down_;               // container -> action that removes it
  std::map<std::string, std::vector<Replica>> placed_;  // service -> what will run
  std::map<std::string, std::vector<int>> named_;  // service -> actions after which its names are its new containers'
  std::set<std::string> renewed_services_, renewed_names_;
  std::set<std::string> started_names_;  // "container:NAME", as those that join it have it
  std::set<ContainerId> restarted_;      // of services that were not selected
};

}  // namespace

bool touches(const Plan& plan, const ContainerId& id) {
  return std::any_of(plan.actions.begin(), plan.actions.end(), [&](const Action& action) {
    return std::visit(
        [&](const auto& what) {
          if constexpr (requires { what.container; })
            return what.container.id == id;
          else
            return false;
        },
        action.what);
  });
}

Result<Plan> plan_up(const model::Project& project, const engine::ObservedState& observed, const UpOptions& options) {
  return UpPlanner(project, observed, options).run();
}

}  // namespace berth::plan
