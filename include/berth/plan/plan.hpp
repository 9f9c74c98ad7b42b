// What is to be done, as data: a graph of actions, each with its cause. Made by plan_up, plan_down and plan_verb from
// values only; run by `execute`; shown by `berth plan`.
//
//   [1,2] -> #3 container web:1 create, because it is not there
//
// An action may start once all that it names in `after` have succeeded. Actions without a path between them are
// independent and run side by side. An empty plan means that everything is as it should be.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/engine/container.hpp"
#include "berth/engine/observed.hpp"
#include "berth/engine/ports.hpp"
#include "berth/model/project.hpp"
#include "berth/plan/options.hpp"

namespace berth::plan {

// A container that an action is about: one that exists (id), or the one that action `created_by` makes.
struct ContainerRef {
  ServiceName service;
  int number = 1;
  std::string name;
  ContainerId id;
  int created_by = 0;  // number of an action; 0: it exists
  bool operator==(const ContainerRef&) const = default;
};

struct CreateNetwork {
  engine::NetworkSpec spec;
};
struct RemoveNetwork {
  std::string name;
  bool if_unused = false;  // somebody else has it: a warning, and it stays
};
struct CreateVolume {
  engine::VolumeSpec spec;
};
struct RemoveVolume {
  std::string name;
  bool if_unused = false;
};
struct CreateContainer {
  engine::ContainerSpec spec;
  std::string temporary_name;        // empty: spec.name at once
  ContainerId inherit_volumes_from;  // of the container it takes the place of
};
struct StartContainer {
  ContainerRef container;
};
struct StopContainer {
  ContainerRef container;
  std::optional<Duration> grace;
  std::string signal{};  // empty: the container's own
};
struct KillContainer {
  ContainerRef container;
  std::string signal;
};
struct PauseContainer {
  ContainerRef container;
};
struct UnpauseContainer {
  ContainerRef container;
};
struct RemoveContainer {
  ContainerRef container;
  bool anonymous_volumes = false;
};
struct RenameContainer {
  ContainerRef container;
};  // to container.name
struct AwaitCondition {
  ContainerRef container;
  engine::Condition condition;
  bool required = true;  // false: a failure, also of what comes before it, is a warning, and what comes after goes on
};

using What = std::variant<CreateNetwork, RemoveNetwork, CreateVolume, RemoveVolume, CreateContainer, StartContainer,
                          StopContainer, KillContainer, PauseContainer, UnpauseContainer, RemoveContainer,
                          RenameContainer, AwaitCondition>;

struct Action {
  int number = 0;  // from 1, in the order of the plan; every `after` is smaller
  What what;
  std::vector<int> after;
  std::string cause;
};

// An image that must be built before the plan can be executed: by the CLI, which owns the terminal and the build.
struct ImageBuild {
  std::string reference;
  std::string service;
  std::string cause;
};
// An image that a registry will be asked for.
struct ImagePull {
  std::string reference;
  std::string service;
  std::string cause;
};

struct Plan {
  std::vector<Action> actions;
  std::vector<std::string> warnings;
  std::vector<ImageBuild> builds;  // shown, not executed
  std::vector<ImagePull> pulls;    // likewise

  bool empty() const noexcept { return actions.empty(); }
  // One line an action, in order; "nothing to do" for an empty plan. For people and golden files.
  std::string to_text() const;
  std::string to_json() const;  // schemas/plan.schema.json
};

// Fails where the project cannot be brought up as it is: a dependency cycle (with its path), an image that is not in
// the store, a missing external network or volume, a container name that another project or another replica holds.
Result<Plan> plan_up(const model::Project& project, const engine::ObservedState& observed, const UpOptions& options);

// The services that such an `up` is about: those that were named (or all) and, where wanted, what they depend on.
Result<std::set<std::string>> selected_services(const model::Project& project, const UpOptions& options);

// Whether an action is about the container that exists with this id.
bool touches(const Plan& plan, const ContainerId& id);

// Works without the project's file too: `project` then holds the name only. Only what belongs to the project is
// touched.
Plan plan_down(const model::Project& project, const engine::ObservedState& observed, const DownOptions& options);

// Over the containers that exist. A service name that nothing has is an error.
Result<Plan> plan_verb(const engine::ObservedState& observed, const VerbOptions& options);

// The container that replica `number` of a service is to be: service over image, names, labels, endpoints.
Result<engine::ContainerSpec> container_spec(const model::Project& project, const model::Service& service, int number,
                                             const engine::ImageFacts& image);

}  // namespace berth::plan
