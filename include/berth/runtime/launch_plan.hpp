// From what a container is to be (oci::RuntimeSpec) to the flat plan that a child walks between clone and exec.
//
//   RuntimeSpec ──build_launch_plan──▶ LaunchPlan ──launch()──▶ Launch (launcher.hpp)
//
// Building opens what the child needs (bind sources as detached trees, cgroup.procs, /dev/null, namespaces), so most
// mistakes of a user are found here, with their path, before anything is cloned. It blocks for some 100 µs. A plan is
// used once.
//
// Order that works, and why: namespaces · stdio · session · root, pivot (every later path resolves inside of it, so a
// symbolic link of the image cannot lead out) · default mounts, nodes, sysctls, masks (on file systems nobody else can
// touch yet) · the user's mounts · cgroups late (kernel memory of the set-up is not the container's) · limits, rights,
// directory · gate · exec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/oci/runtime_spec.hpp"
#include "berth/sys/cgroup.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::runtime {

// -1: /dev/null. Borrowed until launch() has returned. Pipes are given to the container's user, so that a program may
// open /dev/stdout again.
struct Stdio {
  int in = -1;
  int out = -1;
  int err = -1;
};

enum class ParentDeath { Survive, Kill };

struct LaunchRequest {
  std::string name;  // [A-Za-z0-9_.-]+, at most 87 bytes: the keeper writes exits/<name>
  oci::RuntimeSpec spec;
  Stdio stdio;
  const sys::CgroupSet* cgroup = nullptr;           // joined before exec; nullptr: stays where the launcher is
  ParentDeath parent_death = ParentDeath::Survive;  // Kill: for children of the calling process (builds)
};

// A process in a running container: exec, probes, hooks. It joins all namespaces of `target` and its cgroup; the caller
// says user, capabilities, environment and filter (by default those of the container's own process).
struct ExecRequest {
  std::string name;
  int target_pidfd = -1;  // borrowed until launch() has returned
  oci::Process process;
  std::string seccomp;  // as in RuntimeSpec
  bool masked = true;   // false: a privileged exec
  Stdio stdio;
  const sys::CgroupSet* cgroup = nullptr;
};

// What a step's failure with this errno means to the user.
struct StepHint {
  std::size_t op = 0;
  int error = 0;
  std::string text;
};

struct LaunchPlan {
  std::string name;
  std::vector<std::byte> bytes;            // PlanHeader, data, ops; addresses counted from 0
  std::vector<std::uint32_t> relocations;  // offsets of the words that hold addresses
  std::vector<std::string> labels;         // one per op: "mount proc on `/proc`"
  std::vector<StepHint> hints;
  std::vector<sys::UniqueFd> owned;  // descriptors opened for this plan
  std::vector<int> fds;              // slot 0, 1, 2, …; some are in `owned`, stdio is borrowed
  sys::UniqueFd status;              // our end of the status socket
  sys::UniqueFd gate;                // write end
  std::uint64_t clone_flags = 0;     // namespaces to clone with
  bool own_memory = false;           // must not share the zygote's memory: the keeper forks
  bool forks = false;                // the program is a sibling of the first child (joins a pid namespace)
  bool terminal = false;             // a terminal's master will arrive
  std::string program;               // args[0], for messages

  // Copies the plan to `memory` (bytes.size() of it) for use at `address`.
  void place(std::byte* memory, std::uint64_t address) const;
};

// What this process may not give (limits above its own, a score that protects) is lowered to what it may; a line for
// each.
std::vector<std::string> lower_to_allowed(oci::Process& process);

Result<LaunchPlan> build_launch_plan(const LaunchRequest& request);
Result<LaunchPlan> build_exec_plan(const ExecRequest& request);

}  // namespace berth::runtime
