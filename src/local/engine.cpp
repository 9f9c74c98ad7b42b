#include "berth/local/engine.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>

#include "berth/base/random.hpp"
#include "berth/base/rollback.hpp"
#include "berth/local/observe.hpp"
#include "berth/runtime/start_pair.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/memory.hpp"
#include "berth/sys/pidfd.hpp"
#include "berth/sys/regular_file.hpp"
#include "engine_state.hpp"
#include "volumes_from.hpp"

namespace berth::local {

std::int64_t wall_clock() {
  using std::chrono::system_clock;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(system_clock::now().time_since_epoch()).count();
}

std::shared_ptr<Unit> LocalEngine::State::unit_of(const ContainerId& id) const {
  const auto found = units.find(id);
  return found == units.end() ? nullptr : found->second;
}

void LocalEngine::State::show(Unit& unit) {
  auto& shown = unit.shown;
  shown.id = unit.id();
  shown.name = unit.record.name;
  shown.spec = unit.record.spec;
  shown.phase = unit.run.phase;
  shown.pid = unit.is_running() ? unit.run.pid : 0;
  shown.exit_code = unit.run.exit_code;
  shown.oom_killed = unit.run.oom_killed;
  shown.user_stopped = unit.record.user_stopped;
  shown.restart_count = unit.run.restart_count;
  shown.health = unit.run.health;
  shown.health_log = unit.run.health_log;
  shown.error = unit.run.error;
  shown.created_at = unit.record.created_at;
  shown.started_at = unit.run.started_at;
  shown.finished_at = unit.run.finished_at;
  shown.addresses = unit.run.addresses;
  shown.publications = unit.run.publications;
  shown.anonymous_volumes.clear();
  for (const auto& [target, volume] : unit.record.anonymous_volumes) shown.anonymous_volumes.push_back(volume);
}

Result<void> LocalEngine::State::save(Unit& unit) {
  show(unit);
  return state::write_run(paths, project, unit.id(), unit.run);
}

void LocalEngine::State::watch() {
  keeper_watch = loop.on_readable(keeper.fd(), [this] { on_keeper(); });
  // A new zygote has a new descriptor: watch anew after every event of the keeper.
  zygote_watch = launcher.zygote_fd() < 0 ? async::Watch() : loop.on_readable(launcher.zygote_fd(), [this] {
    on_known(launcher.on_zygote_readable());
    watch();
  });
}

void LocalEngine::State::on_keeper() {
  for (const auto& event : keeper.receive()) {
    if (std::holds_alternative<runtime::KeeperGone>(event)) {
      keeper_watch.cancel();
      return observer.on_keeper_gone();
    }
    on_known(launcher.on_keeper_event(event));
    if (const auto* ended = std::get_if<runtime::ChildExited>(&event)) on_ended(*ended);
  }
  watch();
}

// The pid is known: the record is written first, then the gate opens. A container that nobody recorded never runs.
void LocalEngine::State::on_known(const std::vector<std::shared_ptr<runtime::Launch>>& known) {
  for (const auto& launch : known) {
    if (launch->pid() <= 0) continue;
    for (auto& [id, unit] : units)
      if (unit->launch == launch) {
        auto process = sys::identify_process(launch->pid());
        if (!process) continue;  // it has ended already; its status says why
        unit->run.pid = process->pid;
        unit->run.start_time = process->start_time;
        unit->run.boot = process->boot;
        unit->run.phase = engine::Phase::Running;
        if (auto saved = save(*unit); !saved) warn(saved.error().to_string());
      }
    open_gate(*launch);
  }
}

// Opens once the pid is recorded and the terminal, where there is to be one, has an owner.
void LocalEngine::State::open_gate(runtime::Launch& launch) {
  if (launch.pid() <= 0 || launch.awaits_terminal()) return;
  if (auto opened = launch.open_gate(); !opened) warn(opened.error().to_string());
}

void LocalEngine::State::on_ended(const runtime::ChildExited& exited) {
  const int code = sys::exit_code_of_status(exited.status);
  if (!state::is_container_id(exited.name)) runtime::remove_exit_record(paths.run(project), exited.name);
  if (const auto exec = execs.find(exited.name); exec != execs.end()) {
    if (exec->second.launch) {  // its status is still to be read
      exec->second.ended_early = code;
      return;
    }
    const auto done = std::move(exec->second.ended);
    execs.erase(exec);
    runtime::remove_exit_record(paths.run(project), exited.name);
    return done(code);
  }
  const auto unit = unit_of(ContainerId(exited.name));
  if (!unit) return;
  if (unit->launch) {  // on_status comes: it knows whether the program ever ran
    const int launched = unit->launch->pid();
    if (launched <= 0 || launched == exited.pid) unit->ended_early = code;  // else it is the one of an earlier start
    return;
  }
  if (unit->is_running() && unit->run.pid == exited.pid)  // else recover() had it from the record already
    ended(*unit, code);
  else if (!unit->is_running() && unit->run.phase != engine::Phase::Restarting)
    remove_cgroup(unit->id());  // a start that had failed
}

// Of any project's container.
Result<state::ContainerRecord> LocalEngine::State::record_of(const std::string& name) const {
  for (const auto& [id, unit] : units)
    if (unit->record.name == name && !unit->removing) return unit->record;
  const auto names = state::read_names(paths);
  if (!names) return names.error();
  if (const auto owner = names->find(name); owner != names->end())
    for (const auto& stored : state::read_containers(paths, ProjectName(owner->second.project)).containers)
      if (stored.record.id.value == owner->second.id) return stored.record;
  return Error::make(ErrorKind::NotFound, "there is no container `" + name + "`").with_key("volumes_from");
}

void LocalEngine::State::create(const engine::ContainerSpec& spec, const engine::CreateOptions& options,
                                engine::Done<ContainerId> done) {
  const auto make = [&]() -> Result<ContainerId> {
    auto unit = std::make_shared<Unit>();
    unit->record.id = ContainerId(random_hex(32));
    unit->record.name = options.temporary_name.empty() ? spec.name : options.temporary_name;
    unit->record.spec = spec;
    BERTH_TRY(take_over_mounts(unit->record.spec, [this](const std::string& name) { return record_of(name); }));
    unit->record.created_at = wall_clock();
    const auto old = unit_of(options.inherit_volumes_from);
    for (const auto& mount : unit->spec().mounts) {
      if (!engine::is_anonymous(mount)) continue;
      auto& name = unit->record.anonymous_volumes[mount.target];
      if (old && old->record.anonymous_volumes.count(mount.target))
        name = old->record.anonymous_volumes.at(mount.target);
      else
        name = volume::VolumeStore::anonymous_name();
    }
    // The record first: a name whose owner has no record counts as free, and recover() finds by it what a creation that
    // was interrupted has made.
    Rollback undo;
    undo.push([&] { discard(*unit); });
    BERTH_TRY(state::write_record(paths, unit->record));
    BERTH_TRY(state::claim_name(paths, unit->record.name, {project.value, unit->id().value}));
    for (const auto& [target, name] : unit->record.anonymous_volumes) {
      engine::VolumeSpec anonymous;
      anonymous.project = project;
      anonymous.volume.name = name;
      BERTH_TRY(volumes.ensure(anonymous));
    }
    const std::string directory = paths.container(project, unit->id());
    auto lower = images.lower_directories(spec.image_digest);
    if (!lower) return lower.error();
    struct stat top;
    if (::stat(lower->front().c_str(), &top) < 0) return Error::system(errno, "stat", lower->front());
    for (const char* name : {"/upper", "/work"}) BERTH_TRY(sys::make_directories(directory + name, 0755));
    // Overlay takes the metadata of `/` from the upper directory.
    if (::chmod((directory + "/upper").c_str(), top.st_mode & 07777) < 0)
      return Error::system(errno, "change mode of", directory + "/upper");
    BERTH_TRY(sys::make_directories(directory + "/root", 0755));  // the last step: recover() looks for it
    undo.commit();
    show(*unit);  // no run record yet: that is what Created means on disk
    units[unit->id()] = unit;
    tell(*unit, "create");
    return unit->id();
  };
  done(make());
}

void LocalEngine::State::rename(const ContainerId& id, const std::string& name, engine::Done<> done) {
  const auto unit = unit_of(id);
  if (!unit) return done(no_container(id));
  const state::NameOwner owner{project.value, id.value};
  const std::string old = unit->record.name;
  if (old == name) return done({});
  if (auto claimed = state::claim_name(paths, name, owner); !claimed) return done(claimed.error());
  if (old == unit->record.spec.name)
    unit->record.spec.name = name;  // else the recreation gives it the name it is to have
  unit->record.name = name;
  if (auto written = state::write_record(paths, unit->record); !written) return done(written.error());
  show(*unit);
  if (auto told = network->rename(unit->spec(), id, name, unit->place); !told) warn(told.error().to_string());
  tell(*unit, "rename", {{"oldName", old}});
  done(state::release_name(paths, old, owner));
}

void NetworkPort::ensure(const engine::NetworkSpec& spec, engine::Done<> done) {
  auto made = state.network->bridges().ensure(spec);
  if (!made) return done(made.error());
  done(state.network->refresh_firewall());
}

void NetworkPort::remove(const std::string& name, engine::Done<> done) {
  // The kernel waits for RCU when a bridge goes (30-55 ms): not on the loop.
  state.loop.on_worker<Result<void>>([root = state.paths.root, name] { return network::Bridges(root).remove({name}); },
                                     [this, name, done = std::move(done)](Result<void> removed) {
                                       if (!removed) return done(removed);
                                       done(state.network->network_removed(name));
                                     });
}

void VolumePort::ensure(const engine::VolumeSpec& spec, engine::Done<> done) {
  auto made = state.volumes.ensure(spec);
  done(made ? Result<void>() : Result<void>(made.error()));
}

void VolumePort::remove(const std::string& name, engine::Done<> done) {
  std::vector<std::string> users;
  for (const auto& other : state::list_projects(state.paths))
    for (const auto& container : state::read_containers(state.paths, other).containers)
      for (const auto& mount : container.record.spec.mounts)
        if (mount.type == model::MountType::Volume && mount.source == name) users.push_back(container.record.name);
  state.loop.on_worker<Result<void>>(
      [root = state.paths.root, name, users] { return volume::VolumeStore(root).remove(name, users); },
      std::move(done));
}

LocalEngine::LocalEngine(std::unique_ptr<State> state) : state_(std::move(state)) {}
LocalEngine::~LocalEngine() = default;

Result<std::unique_ptr<LocalEngine>> LocalEngine::create(async::Loop& loop, runtime::KeeperLink& keeper,
                                                         sys::UniqueFd zygote, const state::Paths& paths,
                                                         const ProjectName& project, EngineObserver observer) {
  auto images = image::ImageStore::open(paths.root);
  if (!images) return images.error();
  auto network = StackNetwork::create(loop, keeper, paths, project, observer.on_warning);
  if (!network) return network.error();
  auto state = std::make_unique<State>(loop, keeper, std::move(zygote), paths, project, std::move(observer),
                                       std::move(*images), std::move(*network));
  return std::unique_ptr<LocalEngine>(new LocalEngine(std::move(state)));
}

engine::Ports LocalEngine::ports() { return {*state_, state_->network_port, state_->volume_port}; }

Result<engine::ObservedState> LocalEngine::observe(std::map<std::string, engine::ImageFacts> images) const {
  engine::ObservedState observed;
  observed.images = std::move(images);
  observed.containers = containers();
  BERTH_TRY(observe_host(state_->paths, state_->project, observed));
  return observed;
}

Result<void> LocalEngine::check_ports(const std::vector<engine::ContainerSpec>& starting,
                                      const std::set<ContainerId>& ending) const {
  std::vector<PortWish> wishes;
  for (const auto& spec : starting)
    if (!spec.ports.empty() && !spec.endpoints.empty()) wishes.push_back({spec.name, spec.service, spec.ports});
  return wishes.empty() ? Result<void>() : state_->network->check_ports(wishes, ending);
}

std::vector<engine::ContainerState> LocalEngine::containers() const {
  std::vector<engine::ContainerState> all;
  for (const auto& [id, unit] : state_->units) all.push_back(unit->shown);
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return all;
}

const engine::ContainerState* LocalEngine::find(const ContainerId& id) const {
  const auto unit = state_->unit_of(id);
  return unit ? &unit->shown : nullptr;
}

std::string LocalEngine::log_path(const ContainerId& id) const {
  return logs::LogFiles::of(state_->paths.root, state_->paths.run_root, state_->project.value, id.value).log;
}

void LocalEngine::restart(const ContainerId& id, engine::Done<> done) {
  if (const auto unit = state_->unit_of(id)) {
    ++unit->run.restart_count;
    unit->by_policy = true;
  }
  state_->start(id, [this, id, done = std::move(done)](Result<void> started) {
    const auto unit = state_->unit_of(id);
    if (!started && unit && unit->run.phase == engine::Phase::Exited && !unit->record.user_stopped) {
      unit->run.phase = engine::Phase::Restarting;  // until the policy gives up
      if (auto saved = state_->save(*unit); !saved) state_->warn(saved.error().to_string());
    }
    done(started);
  });
}

void LocalEngine::give_up_restart(const ContainerId& id) {
  const auto unit = state_->unit_of(id);
  if (!unit || unit->run.phase != engine::Phase::Restarting) return;
  unit->run.phase = engine::Phase::Exited;
  state_->release(*unit);
  if (auto saved = state_->save(*unit); !saved) state_->warn(saved.error().to_string());
  state_->tell_waiters(*unit);
}

void LocalEngine::exec(const ExecSpec& spec, engine::Done<int> started, std::function<void(int)> ended) {
  state_->exec(spec, std::move(started), std::move(ended));
}

void LocalEngine::signal_exec(int pid, int signal_number) {
  for (const auto& [name, run] : state_->execs)
    if (run.pid == pid && run.pidfd) (void)sys::send_signal(run.pidfd.get(), signal_number);  // it may just have ended
}

Result<void> LocalEngine::kill_group(const ContainerId& id, const std::string& group) {
  return sys::CgroupSet::find(state_->cgroup_name(id) + "/" + group).kill();
}

void LocalEngine::report_health(const ContainerId& id, engine::Health health, engine::HealthLog log) {
  const auto unit = state_->unit_of(id);
  if (!unit || !unit->is_running()) return;
  unit->run.health = health;
  unit->run.health_log = std::move(log);
  if (auto saved = state_->save(*unit); !saved) state_->warn(saved.error().to_string());
  state_->tell_waiters(*unit);
}

void LocalEngine::release_memory() {
  state_->launcher.release_memory();
  sys::release_memory();
}

sys::UniqueFd LocalEngine::take_exec_terminal(int pid) {
  for (auto& [name, run] : state_->execs)
    if (run.pid == pid) return std::move(run.terminal);
  return {};
}

void LocalEngine::limit_graces(std::map<ContainerId, engine::Duration> limits) {
  state_->limit_graces(std::move(limits));
}

void LocalEngine::attach(const ContainerId& id, Attachment attachment) {
  if (const auto unit = state_->unit_of(id)) unit->attachment = std::move(attachment);
}

Result<sys::UniqueFd> LocalEngine::attach_running(const ContainerId& id, Attachment attachment) {
  const auto unit = state_->unit_of(id);
  if (!unit) return no_container(id);
  if (!unit->is_running() || !unit->log)
    return Error::make(ErrorKind::Invalid, "`" + unit->record.name + "` is not running");
  const int other = unit->log->tap_of(logs::Stream::Stdout);
  if (other >= 0 && sys::has_reader(other))  // else it has left, and nothing was printed since
    return Error::make(ErrorKind::Busy, "somebody is attached to `" + unit->record.name + "` already")
        .with_hint("`logs -f` shows its output to any number of people");
  unit->log->tap(logs::Stream::Stdout, std::move(attachment.out));
  if (attachment.err) unit->log->tap(logs::Stream::Stderr, std::move(attachment.err));
  return input_of(id);
}

sys::UniqueFd LocalEngine::input_of(const ContainerId& id) const {
  const auto unit = state_->unit_of(id);
  if (!unit) return {};
  if (unit->terminal) return terminal_of(id);
  return unit->input ? sys::UniqueFd(::fcntl(unit->input.get(), F_DUPFD_CLOEXEC, 0)) : sys::UniqueFd();
}

sys::UniqueFd LocalEngine::terminal_of(const ContainerId& id) const {
  const auto unit = state_->unit_of(id);
  if (!unit || !unit->terminal) return {};
  return sys::UniqueFd(::fcntl(unit->terminal->master(), F_DUPFD_CLOEXEC, 0));
}

bool LocalEngine::is_idle() const {
  if (!state_->execs.empty()) return false;
  return std::none_of(state_->units.begin(), state_->units.end(), [](const auto& entry) {
    const Unit& unit = *entry.second;
    return unit.is_running() || unit.launch || unit.filling || unit.removing ||
           unit.run.phase == engine::Phase::Restarting;
  });
}

}  // namespace berth::local
