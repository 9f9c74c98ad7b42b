// Records of containers on disk. Each is one small JSON file, replaced by rename, so that any reader at any time sees a
// whole one; a damaged record is reported and costs nobody else theirs.
//
// config.json says what a container is to be; it changes with a verb. state.json and the run record say what it is: the
// run record (tmpfs, stamped with the boot id) while it runs, state.json what was last known, so that exit codes
// survive a reboot. Writers hold the project's lock; readers need none.
#pragma once

#include <boost/describe/class.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/engine/container.hpp"
#include "berth/state/paths.hpp"
#include "berth/sys/pidfd.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::state {

inline constexpr int kSchema = 1;

struct ContainerRecord {
  int schema = 0;
  ContainerId id;
  std::string name;  // now; differs from spec.name while an older container holds that
  engine::ContainerSpec spec;
  std::int64_t created_at = 0;
  bool user_stopped = false;
  std::map<std::string, std::string> anonymous_volumes;  // target -> volume
  bool operator==(const ContainerRecord&) const = default;
};

struct RunRecord {
  int schema = 0;
  std::string boot;  // the boot it is of; from another one a running container has ended
  int pid = 0;
  std::uint64_t start_time = 0;  // field 22 of /proc/PID/stat: the same pid with another one is another process
  engine::Phase phase = engine::Phase::Created;
  int exit_code = 0;
  bool oom_killed = false;
  int restart_count = 0;
  engine::Health health = engine::Health::None;
  engine::HealthLog health_log;
  std::string error;
  std::int64_t started_at = 0;
  std::int64_t finished_at = 0;
  std::vector<engine::Address> addresses;
  std::vector<engine::Publication> publications;
  bool operator==(const RunRecord&) const = default;

  sys::ProcessIdentity process() const { return {pid, start_time, boot}; }
};

Result<void> write_record(const Paths& paths, const ContainerRecord& record);
// Stamps the boot id. Also writes state.json, unless the container is running.
Result<void> write_run(const Paths& paths, const ProjectName& project, const ContainerId& id, RunRecord run);
// Of one that begins to run: state.json says so too, or after a reboot it would be one that has never run.
Result<void> write_start(const Paths& paths, const ProjectName& project, const ContainerId& id, RunRecord run);

struct StoredContainer {
  ContainerRecord record;
  RunRecord run;  // as last known; not compared with the kernel
};
struct StoredContainers {
  std::vector<StoredContainer> containers;  // by name
  std::vector<Error> damaged;               // records that could not be read, each with its path
};
StoredContainers read_containers(const Paths& paths, const ProjectName& project);

// What a stored container is now: a record that says "running" is held against the kernel (same pid, start time, boot);
// one that has ended takes its exit code from the keeper's exit record, else from the kernel by its pin, else it is
// lost: 255, not invented.
engine::ContainerState current_state(const Paths& paths, const StoredContainer& stored);

// The container's process by its descriptor, mounted in the run root: the kernel keeps the exit status there even when
// supervisor and keeper are dead (Linux 6.15; older ones refuse, which is success). One pin a container: the last.
Result<void> pin_process(const Paths& paths, const ProjectName& project, const ContainerId& id, int pidfd);
// Its descriptor; invalid where there is none.
sys::UniqueFd pinned_process(const Paths& paths, const ProjectName& project, const ContainerId& id);
Result<void> unpin_process(const Paths& paths, const ProjectName& project, const ContainerId& id);

// Removes the container's directory and run files; what is gone already is success.
Result<void> remove_container(const Paths& paths, const ProjectName& project, const ContainerId& id);

// Both directories of a project, under its lock. Out of sight by rename first: somebody who waits for the lock may be
// making them anew meanwhile.
Result<void> remove_project(const Paths& paths, const ProjectName& project);
// Empties the trash, of all projects: what was on its way out when its process was killed.
Result<void> collect_trash(const Paths& paths);

std::vector<ProjectName> list_projects(const Paths& paths);

// One fsync for a whole plan: what is about to be done, so that the next command can finish or undo it.
Result<void> write_intent(const Paths& paths, const ProjectName& project, const std::string& json);
Result<std::optional<std::string>> read_intent(const Paths& paths, const ProjectName& project);
Result<void> clear_intent(const Paths& paths, const ProjectName& project);

// Container names are unique over all projects. claim_name fails with AlreadyExists and the owner's name. Write the
// record first, then claim: an owner without a record counts as gone, and its name is free. A damaged registry is made
// again from the records.
struct NameOwner {
  std::string project;
  std::string id;
  bool operator==(const NameOwner&) const = default;
};
Result<void> claim_name(const Paths& paths, const std::string& name, const NameOwner& owner);
Result<void> release_name(const Paths& paths, const std::string& name, const NameOwner& owner);
// All of a container that goes: a rename that was killed half-way left it with two.
Result<void> release_names(const Paths& paths, const NameOwner& owner);
Result<std::map<std::string, NameOwner>> read_names(const Paths& paths);

// The project's lock, with a note of who holds it, so that a waiter can say behind whom. Held while a pair is started
// and while the project's directories are removed, so the lock goes with them: these calls make the directories and
// come back with the lock of those that are there. Lock order: project, keeper, global.
struct LockHolder {
  int pid = 0;
  std::string what;  // "up"
  bool operator==(const LockHolder&) const = default;
};
Result<sys::UniqueFd> try_lock_project(const Paths& paths, const ProjectName& project,
                                       const std::string& what);                                              // Busy
Result<sys::UniqueFd> lock_project(const Paths& paths, const ProjectName& project, const std::string& what);  // waits
std::optional<LockHolder> lock_holder(const Paths& paths, const ProjectName& project);

BOOST_DESCRIBE_STRUCT(ContainerRecord, (), (schema, id, name, spec, created_at, user_stopped, anonymous_volumes))
BOOST_DESCRIBE_STRUCT(RunRecord, (),
                      (schema, boot, pid, start_time, phase, exit_code, oom_killed, restart_count, health, health_log,
                       error, started_at, finished_at, addresses, publications))
BOOST_DESCRIBE_STRUCT(NameOwner, (), (project, id))
BOOST_DESCRIBE_STRUCT(LockHolder, (), (pid, what))

}  // namespace berth::state
