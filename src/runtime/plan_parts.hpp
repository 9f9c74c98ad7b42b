// The parts of a plan, in the order in which they are put together (launch_plan.hpp says why in this order).
#pragma once

#include <sys/mount.h>

#include "berth/runtime/default_spec.hpp"
#include "plan_builder.hpp"

namespace berth::runtime {

// The two channels and stdio become slots 0 to 4; both ends of the channels go into the plan.
Result<void> add_channels(PlanBuilder& plan, LaunchPlan& launch, const Stdio& stdio, const oci::User& user);

// Slots of mounts that come with a joined namespace; -1: our own.
struct JoinedMounts {
  int proc = -1;
  int shm = -1;
};

// Root: overlay or bind, pivot. Needs an own mount namespace.
Result<void> add_root(PlanBuilder& plan, const oci::RuntimeSpec& spec);
// Mounts of /proc, /dev …, nodes, links, sysctls, masks, then the user's mounts, then the cgroup view.
Result<void> add_mounts(PlanBuilder& plan, const oci::RuntimeSpec& spec, const sys::CgroupSet* cgroup,
                        const JoinedMounts& joined);

// What a mount's options say.
struct MountOptions {
  unsigned long flags = 0;        // MS_RDONLY, MS_NOSUID, …
  unsigned long propagation = 0;  // MS_PRIVATE, MS_SLAVE, MS_SHARED
  bool recursive = true;          // rbind
  std::string data;               // the rest, comma-separated
};
MountOptions parse_mount_options(const std::vector<std::string>& options);

// Stdio or terminal.
void add_stdio(PlanBuilder& plan, const oci::Process& process, bool fresh_devpts);
void add_cgroup_join(PlanBuilder& plan, const std::vector<sys::UniqueFd>& procs);
// Limits, rights, directory, gate, exec.
struct ProcessOptions {
  std::string seccomp;
  ParentDeath parent_death = ParentDeath::Survive;
  bool set_oom_score = false;     // own memory: writes the value itself
  bool fork_before_exec = false;  // joins a pid namespace: the program is a sibling of this child
};
Result<void> add_process(PlanBuilder& plan, const oci::Process& process, const ProcessOptions& options);

// The compiled filter; null: unconfined. Cached by profile and capabilities.
Result<const std::vector<std::byte>*> seccomp_filter(const std::string& seccomp, std::uint64_t capabilities);

}  // namespace berth::runtime
