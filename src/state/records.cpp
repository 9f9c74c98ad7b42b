#include "berth/state/records.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>

#include "berth/base/random.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/mount.hpp"
#include "berth/text/json_codec.hpp"

namespace berth::state {
namespace {

constexpr const char* kAside = ".gone-";  // run directories on their way out

// Nothing where the file is not there.
template <class T>
Result<std::optional<T>> read_json(const std::string& path) {
  auto bytes = sys::read_file(path, 16u << 20);
  if (!bytes) {
    if (bytes.error().kind() == ErrorKind::NotFound) return std::optional<T>();
    return bytes.error();
  }
  auto value = json::decode_text<T>(*bytes);
  if (!value) return value.error().while_doing("reading `" + path + "`");
  return std::optional<T>(std::move(*value));
}

std::string state_file(const Paths& paths, const ProjectName& project, const ContainerId& id) {
  return paths.container(project, id) + "/state.json";
}

bool is_running(engine::Phase phase) { return phase == engine::Phase::Running || phase == engine::Phase::Paused; }

RunRecord last_known(const Paths& paths, const ProjectName& project, const ContainerId& id,
                     std::vector<Error>& damaged) {
  for (const auto& path : {paths.run_record(project, id), state_file(paths, project, id)}) {
    auto run = read_json<RunRecord>(path);
    if (!run)
      damaged.push_back(run.error());
    else if (*run)
      return **run;
  }
  return {};
}

// The keeper writes the wait status as decimal digits.
std::optional<int> recorded_exit(const std::string& path) {
  auto text = sys::read_file(path, 64);
  if (!text) return std::nullopt;
  int status = 0;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), status);
  if (parsed.ec != std::errc()) return std::nullopt;
  return sys::exit_code_of_status(status);
}

std::optional<int> pinned_exit(const Paths& paths, const ProjectName& project, const ContainerId& id) {
  const auto pidfd = pinned_process(paths, project, id);
  const auto status = pidfd ? sys::exit_status_of(pidfd.get()) : std::nullopt;
  if (!status) return std::nullopt;
  return sys::exit_code_of_status(*status);
}

}  // namespace

Result<void> write_record(const Paths& paths, const ContainerRecord& record) {
  ContainerRecord stamped = record;
  stamped.schema = kSchema;
  const std::string directory = paths.container(record.spec.project, record.id);
  BERTH_TRY(sys::make_directories(directory, 0700));
  return sys::write_file_atomic(directory + "/config.json", json::encode_text(stamped), sys::Durability::Volatile);
}

Result<void> write_run(const Paths& paths, const ProjectName& project, const ContainerId& id, RunRecord run) {
  run.schema = kSchema;
  run.boot = sys::boot_id();
  const std::string text = json::encode_text(run);
  BERTH_TRY(sys::write_file_atomic(paths.run_record(project, id), text, sys::Durability::Volatile));
  if (is_running(run.phase)) return {};
  return sys::write_file_atomic(state_file(paths, project, id), text, sys::Durability::Volatile);
}

Result<void> write_start(const Paths& paths, const ProjectName& project, const ContainerId& id, RunRecord run) {
  BERTH_TRY(write_run(paths, project, id, run));
  run.schema = kSchema;
  run.boot = sys::boot_id();
  run.addresses.clear();
  run.publications.clear();
  // ext4 writes out at once what is renamed over another file: milliseconds on a busy disk. Until the next reboot the
  // run record counts.
  const std::string path = state_file(paths, project, id);
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) return Error::system(errno, "replace", path);
  return sys::write_file_atomic(path, json::encode_text(run), sys::Durability::Volatile);
}

StoredContainers read_containers(const Paths& paths, const ProjectName& project) {
  StoredContainers result;
  auto names = sys::list_directory(paths.containers(project));
  if (!names) {
    if (names.error().kind() != ErrorKind::NotFound) result.damaged.push_back(names.error());
    return result;
  }
  for (const auto& name : *names) {
    if (!is_container_id(name)) continue;
    const ContainerId id(name);
    auto record = read_json<ContainerRecord>(paths.container(project, id) + "/config.json");
    if (!record) {
      result.damaged.push_back(record.error());
    } else if (!*record) {
      continue;  // created half-way or removed half-way: the intent's business
    } else if ((*record)->schema > kSchema) {
      result.damaged.push_back(Error::make(
          ErrorKind::Unsupported, "the record of container " + short_id(id) + " was written by a newer berth"));
    } else {
      result.containers.push_back({std::move(**record), last_known(paths, project, id, result.damaged)});
    }
  }
  std::sort(result.containers.begin(), result.containers.end(),
            [](const auto& a, const auto& b) { return a.record.name < b.record.name; });
  return result;
}

engine::ContainerState current_state(const Paths& paths, const StoredContainer& stored) {
  const auto& [record, run] = stored;
  engine::ContainerState state;
  state.id = record.id;
  state.name = record.name;
  state.spec = record.spec;
  state.phase = run.phase;
  state.pid = run.pid;
  state.exit_code = run.exit_code;
  state.oom_killed = run.oom_killed;
  state.user_stopped = record.user_stopped;
  state.restart_count = run.restart_count;
  state.health = run.health;
  state.health_log = run.health_log;
  state.error = run.error;
  state.created_at = record.created_at;
  state.started_at = run.started_at;
  state.finished_at = run.finished_at;
  state.addresses = run.addresses;
  state.publications = run.publications;
  for (const auto& [target, volume] : record.anonymous_volumes) state.anonymous_volumes.push_back(volume);
  const bool pending_restart = run.phase == engine::Phase::Restarting;
  if (pending_restart && run.boot != sys::boot_id()) state.phase = engine::Phase::Exited;  // nobody waits any more
  if (!is_running(run.phase)) {
    state.pid = 0;
    return state;
  }
  if (auto process = sys::open_process(run.process()); process && !sys::has_exited(process->get())) return state;
  const bool this_boot = run.boot == sys::boot_id();
  auto code = this_boot ? recorded_exit(paths.exit_record(record.spec.project, record.id)) : std::nullopt;
  if (this_boot && !code) code = pinned_exit(paths, record.spec.project, record.id);
  state.phase = engine::Phase::Exited;
  state.pid = 0;
  state.exit_code = code.value_or(255);
  if (!code) state.error = this_boot ? "exit status lost" : "the machine was restarted";
  state.health = engine::Health::None;
  state.addresses.clear();
  state.publications.clear();
  return state;
}

Result<void> pin_process(const Paths& paths, const ProjectName& project, const ContainerId& id, int pidfd) {
  BERTH_TRY(unpin_process(paths, project, id));
  auto pinned = sys::pin_pidfd(pidfd, paths.pin(project, id));
  if (pinned || pinned.error().errno_value() != EINVAL) return pinned;
  return unpin_process(paths, project, id);
}

sys::UniqueFd pinned_process(const Paths& paths, const ProjectName& project, const ContainerId& id) {
  auto pidfd = sys::open(paths.pin(project, id), O_RDONLY);
  return pidfd ? std::move(*pidfd) : sys::UniqueFd();
}

Result<void> unpin_process(const Paths& paths, const ProjectName& project, const ContainerId& id) {
  const std::string path = paths.pin(project, id);
  BERTH_TRY(sys::unmount(path));
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) return Error::system(errno, "remove", path);
  return {};
}

Result<void> remove_container(const Paths& paths, const ProjectName& project, const ContainerId& id) {
  // The configuration goes first: without it the rest is garbage that any later removal may take.
  const std::string config = paths.container(project, id) + "/config.json";
  if (::unlink(config.c_str()) < 0 && errno != ENOENT) return Error::system(errno, "remove", config);
  for (const auto& path : {paths.run_record(project, id), paths.exit_record(project, id)})
    if (::unlink(path.c_str()) < 0 && errno != ENOENT) return Error::system(errno, "remove", path);
  BERTH_TRY(unpin_process(paths, project, id));
  return sys::remove_tree(paths.container(project, id));
}

std::vector<ProjectName> list_projects(const Paths& paths) {
  std::vector<ProjectName> projects;
  if (auto names = sys::list_directory(paths.below_root("projects")))
    for (auto& name : *names)
      if (is_project_name(name)) projects.emplace_back(std::move(name));
  return projects;
}

Result<void> write_intent(const Paths& paths, const ProjectName& project, const std::string& json) {
  return sys::write_file_atomic(paths.intent_file(project), json, sys::Durability::Synced);
}

Result<std::optional<std::string>> read_intent(const Paths& paths, const ProjectName& project) {
  auto text = sys::read_file(paths.intent_file(project));
  if (text) return std::optional<std::string>(std::move(*text));
  if (text.error().kind() == ErrorKind::NotFound) return std::optional<std::string>();
  return text.error();
}

Result<void> clear_intent(const Paths& paths, const ProjectName& project) {
  const std::string path = paths.intent_file(project);
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) return Error::system(errno, "remove", path);
  return {};
}

Result<std::map<std::string, NameOwner>> read_names(const Paths& paths) {
  auto names = read_json<std::map<std::string, NameOwner>>(paths.global("names.json"));
  if (!names) return names.error();
  return names->value_or(std::map<std::string, NameOwner>{});
}

namespace {

// A damaged registry is made again from the containers' own records.
std::map<std::string, NameOwner> names_of_all_records(const Paths& paths) {
  std::map<std::string, NameOwner> names;
  for (const auto& project : list_projects(paths))
    for (const auto& stored : read_containers(paths, project).containers)
      names[stored.record.name] = {project.value, stored.record.id.value};
  return names;
}

Result<void> change_names(const Paths& paths,
                          const std::function<Result<bool>(std::map<std::string, NameOwner>&)>& change) {
  auto lock = sys::lock_file(paths.global("lock"), sys::LockMode::Exclusive);
  if (!lock) return lock.error();
  auto names = read_names(paths);
  if (!names && names.error().kind() == ErrorKind::Protocol) names = names_of_all_records(paths);
  if (!names) return names.error();
  auto changed = change(*names);
  if (!changed) return changed.error();
  if (!*changed) return {};
  return sys::write_file_atomic(paths.global("names.json"), json::encode_text(*names), sys::Durability::Volatile);
}

}  // namespace

Result<void> claim_name(const Paths& paths, const std::string& name, const NameOwner& owner) {
  return change_names(paths, [&](auto& names) -> Result<bool> {
    const auto [entry, fresh] = names.try_emplace(name, owner);
    if (fresh || entry->second == owner) return fresh;
    // An owner whose record is gone left its name behind when it was killed.
    const ContainerId id(entry->second.id);
    if (!sys::exists(paths.container(ProjectName(entry->second.project), id) + "/config.json")) {
      entry->second = owner;
      return true;
    }
    return Error::make(ErrorKind::AlreadyExists, "the container name `" + name + "` is in use by project `" +
                                                     entry->second.project + "` (container " + short_id(id) + ")");
  });
}

Result<void> release_names(const Paths& paths, const NameOwner& owner) {
  return change_names(paths, [&](auto& names) -> Result<bool> {
    return std::erase_if(names, [&](const auto& entry) { return entry.second == owner; }) > 0;
  });
}

Result<void> remove_project(const Paths& paths, const ProjectName& project) {
  if (const auto pins = sys::list_directory(paths.pins(project)))
    for (const auto& id : *pins) BERTH_TRY(unpin_process(paths, project, ContainerId(id)));
  for (const auto& [directory, aside] : {std::pair{paths.project(project), paths.below_root("trash") + "/"},
                                         std::pair{paths.run(project), paths.run_root + "/" + kAside}}) {
    const std::string gone = aside + random_hex(8);
    if (::rename(directory.c_str(), gone.c_str()) < 0) {
      if (errno == ENOENT) continue;
      return Error::system(errno, "remove", directory);
    }
    BERTH_TRY(sys::remove_tree(gone));
  }
  return {};
}

Result<void> collect_trash(const Paths& paths) {
  for (const auto& directory : {paths.below_root("trash"), paths.run_root}) {
    const auto names = sys::list_directory(directory);
    if (!names) return names.error();
    for (const auto& name : *names)
      if (directory != paths.run_root || name.starts_with(kAside)) BERTH_TRY(sys::remove_tree(directory + "/" + name));
  }
  return {};
}

Result<void> release_name(const Paths& paths, const std::string& name, const NameOwner& owner) {
  return change_names(paths, [&](auto& names) -> Result<bool> {
    const auto entry = names.find(name);
    if (entry == names.end() || entry->second != owner) return false;
    names.erase(entry);
    return true;
  });
}

namespace {

Result<sys::UniqueFd> note_holder(Result<sys::UniqueFd> lock, const std::string& path, const std::string& what) {
  if (!lock) return lock;
  const std::string note = json::encode_text(LockHolder{::getpid(), what});
  if (::ftruncate(lock->get(), 0) < 0) return Error::system(errno, "truncate", path);
  BERTH_TRY(sys::write_all(lock->get(), note, path));
  return lock;
}

}  // namespace

namespace {

// `down` removes the lock with the run directory, under the lock: whoever waited holds a file that is not there any
// more.
bool is_still(int fd, const std::string& path) {
  struct stat held, named;
  return ::fstat(fd, &held) == 0 && ::stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
         held.st_dev == named.st_dev;
}

Result<sys::UniqueFd> lock_at(const Paths& paths, const ProjectName& project, const std::string& what,
                              Result<sys::UniqueFd> (*lock)(const std::string&, sys::LockMode)) {
  const std::string path = paths.lock(project);
  for (;;) {
    BERTH_TRY(make_project_directories(paths, project));
    auto held = lock(path, sys::LockMode::Exclusive);
    if (!held && held.error().kind() == ErrorKind::NotFound) continue;  // removed in between
    if (!held) return held;
    if (!is_still(held->get(), path)) continue;
    BERTH_TRY(make_project_directories(paths, project));  // some of them may have been made in what was removed
    return note_holder(std::move(held), path, what);
  }
}

}  // namespace

Result<sys::UniqueFd> try_lock_project(const Paths& paths, const ProjectName& project, const std::string& what) {
  return lock_at(paths, project, what, sys::try_lock_file);
}

Result<sys::UniqueFd> lock_project(const Paths& paths, const ProjectName& project, const std::string& what) {
  return lock_at(paths, project, what, sys::lock_file);
}

std::optional<LockHolder> lock_holder(const Paths& paths, const ProjectName& project) {
  auto holder = read_json<LockHolder>(paths.lock(project));
  return holder ? *holder : std::nullopt;
}

}  // namespace berth::state
