// Control groups, v1 (one directory per hierarchy) and v2 (one directory) behind one face.
//
// A CgroupSet is the place of one container (or of the keeper): "berth/<project>/<id>". It owns nothing but names and
// descriptors of cgroup.procs; remove() deletes the directories. Limits are written by `runtime`, which knows what they
// mean.
//
// Traps: a v1 cpuset takes no process before cpuset.cpus and cpuset.mems are written (done here); with RT_GROUP_SCHED a
// SCHED_RR/FIFO process cannot join a v1 cpu group; v2 forbids processes in groups whose subtree_control is set, so
// only leaves hold any; `0` written to cgroup.procs moves the writer.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::sys {

enum class CgroupVersion { V1, V2 };

// What this machine has; read once.
struct CgroupLayout {
  CgroupVersion version = CgroupVersion::V2;
  std::map<std::string, std::string> controllers;  // controller -> mount point (v2: all the same)
  std::string unified;                             // mount point of v2, also where v1 rules (hybrid); empty: none
  bool has(const std::string& controller) const { return controllers.count(controller) != 0; }
};
const CgroupLayout& cgroup_layout();

class CgroupSet {
 public:
  CgroupSet() = default;
  // Makes (or finds) the directories for these controllers; those that the machine lacks are left out, see has().
  // v1 always has memory, pids, freezer and devices where they exist, because kill, pause and stats need them.
  static Result<CgroupSet> create(const std::string& name, const std::vector<std::string>& controllers);
  // For a container that already exists: whatever directories are there.
  static CgroupSet find(const std::string& name);

  // This group, but for one hierarchy (v1: pids, else freezer; v2: the only one), where it is `child` below it: limits
  // stay this group's, and find(name() + "/" + child) has just the processes that joined through the result.
  Result<CgroupSet> with_subgroup(const std::string& child) const;

  const std::string& name() const noexcept { return name_; }
  bool empty() const noexcept { return directories_.empty(); }
  bool has(const std::string& controller) const;
  // Directories on the host, one each: v1 by controller, v2 under the key "".
  const std::map<std::string, std::string>& directories() const noexcept { return directories_; }

  // write("memory", "memory.limit_in_bytes", "…"): the file of that controller.
  Result<void> write(const std::string& controller, const std::string& file, const std::string& value) const;
  Result<std::string> read(const std::string& controller, const std::string& file) const;
  // cgroup.procs of each directory, opened for writing: a process that writes "0" to each has joined.
  Result<std::vector<UniqueFd>> open_procs() const;
  Result<void> add(int pid) const;
  std::vector<int> processes() const;  // those of groups below it, too

  Result<void> freeze() const;  // asks; is_frozen() tells when it has come true
  Result<void> thaw() const;
  bool is_frozen() const;
  // SIGKILL to every process (cgroup.kill, or one by one).
  Result<void> kill() const;
  // Removes the directories and those below them; Busy while processes are in them.
  Result<void> remove() const;
  // For a parent that others may use: goes where nothing is in it, neither process nor group; else Busy, untouched.
  Result<void> remove_if_empty() const;
  // Blocks until those that are in it now have ended, at most that long: false where one has not. A process gives its
  // files (and locks) back a moment before it leaves its groups.
  bool await_end(std::chrono::milliseconds limit) const;

 private:
  std::string directory(const std::string& controller) const;
  std::string name_;
  std::map<std::string, std::string> directories_;
};

struct CgroupStats {
  std::uint64_t memory = 0;        // bytes in use, without the inactive file cache (as docker stats counts)
  std::uint64_t memory_limit = 0;  // 0: none
  std::uint64_t pids = 0;
  std::uint64_t pids_limit = 0;
  std::uint64_t cpu_nanoseconds = 0;
  std::uint64_t oom_kills = 0;
  std::uint64_t read_bytes = 0, written_bytes = 0;
};
CgroupStats read_stats(const CgroupSet& group);

struct DeviceAccess {
  bool allow = false;
  char type = 'a';
  std::optional<std::uint32_t> major, minor;
  std::string access = "rwm";
};
// In the listed order. v1: devices.deny/allow; v2: one BPF program that replaces an earlier one.
Result<void> set_device_rules(const CgroupSet& group, const std::vector<DeviceAccess>& rules);

// Takes this process out of the caller's cgroups (an ssh session's, say), so that it outlives them: v2 into the leaf
// `name`, v1 into the root of each hierarchy. What the kernel refuses is left as it is.
void leave_callers_cgroups(int pid, const std::string& name);

}  // namespace berth::sys
