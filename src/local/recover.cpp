// What a new supervisor finds: containers that run on, those that ended meanwhile, and what nobody owns any more; and
// the way of everything to the next pair when the keeper has died.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "berth/runtime/start_pair.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/netns.hpp"
#include "berth/sys/pidfd.hpp"
#include "engine_state.hpp"

namespace berth::local {
namespace {

constexpr auto kReapingPatience = std::chrono::seconds(5);  // some pid 1 reap only every two seconds
constexpr const char* kParkedKinds[] = {"out:", "err:", "tty:", "in:", "netns:", "dns:", "port:"};

// The keeper's descriptors by name; of several by one name the latest.
class Parked {
 public:
  explicit Parked(std::vector<runtime::ParkedFd>& all) : all_(all) {}

  sys::UniqueFd take(const std::string& name) {
    sys::UniqueFd found;
    for (auto& one : all_)
      if (one.fd && one.name == name) found = std::move(one.fd);
    if (found) taken_.insert(name);
    return found;
  }
  std::set<std::string> names_with(const std::string& prefix) const {
    std::set<std::string> names;
    for (const auto& one : all_)
      if (one.fd && one.name.starts_with(prefix)) names.insert(one.name);
    return names;
  }
  // What containers left in the keeper and nobody has taken.
  std::set<std::string> left() const {
    std::set<std::string> names;
    for (const auto& one : all_)
      for (const char* kind : kParkedKinds)
        if (one.fd && one.name.starts_with(kind) && !taken_.count(one.name)) names.insert(one.name);
    return names;
  }

 private:
  std::vector<runtime::ParkedFd>& all_;
  std::set<std::string> taken_;
};

// The record is the first that create() makes, this directory the last.
bool is_half_created(const state::Paths& paths, const ProjectName& project, const ContainerId& id) {
  return !sys::exists(paths.container(project, id) + "/root");
}

// Of all projects: what was on its way out, and what was never finished.
Result<void> collect_stores(const state::Paths& paths) {
  BERTH_TRY(state::collect_trash(paths));
  BERTH_TRY(volume::VolumeStore(paths.root).collect_garbage());
  auto images = image::ImageStore::open(paths.root);
  if (!images) return images.error();
  const auto drafts = images->collect_drafts();
  return drafts ? Result<void>() : Result<void>(drafts.error());
}

std::string id_of_file(const std::string& name) { return name.substr(0, name.find('.')); }

void take_network(Unit& unit, Parked& parked) {
  const std::string id = unit.id().value;
  unit.place.netns = parked.take("netns:" + id);
  unit.place.dns = {parked.take("dns:" + id + ":udp"), parked.take("dns:" + id + ":tcp")};
  unit.place.addresses = unit.run.addresses;
  for (std::size_t i = 0; i < unit.run.publications.size(); ++i) {
    network::Reservation reservation{unit.run.publications[i], {}};
    const std::string prefix = "port:" + short_id(unit.id()) + ":" + std::to_string(i) + ":";
    for (const auto& name : parked.names_with(prefix))
      reservation.sockets.push_back({parked.take(name), name.substr(prefix.size())});
    unit.place.ports.push_back(std::move(reservation));
  }
}

}  // namespace

// The pipes as the keeper holds them; where both of a pair had died, by name.
Result<void> LocalEngine::State::adopt_log(Unit& unit, sys::UniqueFd out, sys::UniqueFd err, sys::UniqueFd master) {
  BERTH_TRY(open_log(unit));
  const auto attach = [&](const char* kind, logs::Stream stream, sys::UniqueFd pipe) -> Result<void> {
    if (!pipe) {
      auto named = sys::open(stdio_path(unit.id(), stream), O_RDONLY | O_NONBLOCK);
      if (!named) return named.error().kind() == ErrorKind::NotFound ? Result<void>() : Result<void>(named.error());
      pipe = std::move(*named);
      BERTH_TRY(keeper.park(kind + unit.id().value, {pipe.get()}));
    }
    return unit.log->attach(stream, std::move(pipe));
  };
  BERTH_TRY(attach("out:", logs::Stream::Stdout, std::move(out)));
  BERTH_TRY(attach("err:", logs::Stream::Stderr, std::move(err)));
  unit.pump->start();
  if (master) BERTH_TRY(adopt_terminal(unit, std::move(master)));
  return {};
}

// One that runs. Its keeper may be another than ours: then nobody tells us of its end but the kernel.
Result<void> LocalEngine::State::adopt(Unit& unit) {
  auto process = sys::open_process(unit.run.process());
  if (!process) return process.error();
  unit.pidfd = std::move(*process);
  if (sys::parent_of(unit.run.pid) != ::getppid())
    unit.orphan = loop.on_readable(unit.pidfd.get(), [this, id = unit.id()] { on_orphan(id); });
  if (!unit.spec().network_mode.empty()) return {};
  if (!unit.place.netns) {
    auto netns = sys::open_netns_of(unit.run.pid);
    if (!netns) return netns.error();
    unit.place.netns = std::move(*netns);
    BERTH_TRY(keeper.park("netns:" + unit.id().value, {unit.place.netns.get()}));
  }
  return network->resume(unit.spec(), unit.id(), unit.record.name, unit.place);
}

// An orphan has ended, as a zombie at first: the exit code can be read once whoever is its parent now has reaped it
// (Linux 6.15; before, it is lost).
void LocalEngine::State::on_orphan(const ContainerId& id) {
  const auto unit = unit_of(id);
  if (!unit || !unit->pidfd) return;
  unit->orphan.cancel();
  const auto finish = [this, id] {
    const auto self = unit_of(id);
    if (!self || !self->pidfd) return;
    const auto status = sys::exit_status_of(self->pidfd.get());
    if (!status) self->run.error = "exit status lost";
    ended(*self, status ? sys::exit_code_of_status(*status) : 255);
  };
  if (sys::exit_status_of(unit->pidfd.get())) return finish();
  auto reaping = sys::watch_reaping(unit->pidfd.get());
  if (!reaping) return finish();
  unit->reaping = std::move(*reaping);
  unit->orphan = loop.on_readable(unit->reaping.get(), finish);
  unit->grace = loop.after(kReapingPatience, finish);
}

Result<void> LocalEngine::recover(std::vector<runtime::ParkedFd>& descriptors) {
  auto& s = *state_;
  Parked parked(descriptors);
  const auto stored = state::read_containers(s.paths, s.project);
  for (const auto& damaged : stored.damaged) s.warn(damaged.to_string());
  std::vector<std::pair<std::shared_ptr<Unit>, engine::ContainerState>> ended;
  // One container that cannot be taken over is no reason to leave the others alone.
  const auto report = [&](const Unit& unit, const Result<void>& result) {
    if (!result) s.warn(result.error().while_doing("taking over " + unit.record.name).to_string());
  };
  for (const auto& container : stored.containers) {
    auto unit = std::make_shared<Unit>();
    unit->record = container.record;
    unit->run = container.run;
    const bool half_created = is_half_created(s.paths, s.project, unit->id());
    if (half_created && stored.damaged.empty()) {
      s.discard(*unit);
      continue;
    }
    s.units[unit->id()] = unit;
    const auto now = state::current_state(s.paths, container);
    const bool was_running = unit->is_running();
    if (!was_running) unit->run.phase = now.phase;
    s.show(*unit);
    if (!was_running && now.phase != engine::Phase::Restarting) continue;
    take_network(*unit, parked);
    const std::string id = unit->id().value;
    if (!was_running) {
      if (unit->place.netns) report(*unit, s.network->resume(unit->spec(), unit->id(), unit->record.name, unit->place));
      continue;
    }
    report(*unit, s.adopt_log(*unit, parked.take("out:" + id), parked.take("err:" + id), parked.take("tty:" + id)));
    unit->input = parked.take("in:" + id);
    if (now.phase != engine::Phase::Exited) {
      if (auto adopted = s.adopt(*unit); adopted || unit->pidfd) {
        report(*unit, adopted);
        continue;
      }
    }
    ended.emplace_back(unit, state::current_state(s.paths, container));
  }
  BERTH_TRY(s.drop_left(parked.left(), descriptors));
  s.watch();
  s.collect_garbage();
  if (sys::exists(s.paths.intent_file(s.project)))
    if (auto settled = s.network->settle(); !settled) s.warn(settled.error().to_string());
  for (const auto& [unit, now] : ended) {
    // Ended while nobody was there, and perhaps a zombie yet.
    if (!runtime::read_exit_record(s.paths.run(s.project), unit->id().value))
      unit->pidfd = state::pinned_process(s.paths, s.project, unit->id());
    if (unit->pidfd) {
      s.on_orphan(unit->id());
      continue;
    }
    unit->run.error = now.error;
    s.ended(*unit, now.exit_code);
  }
  // What the keeper told while its descriptors came is in the link, not in the socket that is watched.
  s.loop.post([&s] { s.on_keeper(); });
  return {};
}

// What nobody has taken is closed here and in the keeper before this returns: a port among it may be wanted next.
Result<void> LocalEngine::State::drop_left(const std::set<std::string>& names,
                                           std::vector<runtime::ParkedFd>& descriptors) {
  if (names.empty()) return {};
  for (const auto& name : names) BERTH_TRY(keeper.drop(name));
  std::erase_if(descriptors, [&](const auto& one) { return names.count(one.name) != 0; });
  const auto rest = keeper.fetch();  // answered after the drops
  return rest ? Result<void>() : Result<void>(rest.error());
}

// A creation that was interrupted before anybody could know of it.
void LocalEngine::State::discard(const Unit& unit) {
  std::set<std::string> used;  // a recreation takes the anonymous volumes of the older container over
  for (const auto& container : state::read_containers(paths, project).containers)
    if (container.record.id != unit.id())
      for (const auto& [target, volume] : container.record.anonymous_volumes) used.insert(volume);
  const auto steps = [&]() -> Result<void> {
    BERTH_TRY(network->release(unit.id()));
    BERTH_TRY(state::release_names(paths, {project.value, unit.id().value}));
    for (const auto& [target, volume] : unit.record.anonymous_volumes)
      if (!used.count(volume)) BERTH_TRY(volumes.remove(volume, {}));
    return state::remove_container(paths, project, unit.id());
  };
  if (auto done = steps(); !done)
    warn(done.error().while_doing("removing the half-created " + unit.record.name).to_string());
}

// Directories without a record (a removal was interrupted), files of containers that are not there, cgroups of those
// that do not run, names and bridges that lost their owner.
void LocalEngine::State::collect_garbage() {
  const auto report = [&](const Result<void>& result) {
    if (!result) warn(result.error().while_doing("cleaning up").to_string());
  };
  const auto is_known = [&](const std::string& id) {
    return units.count(ContainerId(id)) != 0 || sys::exists(paths.container(project, ContainerId(id)) + "/config.json");
  };
  if (auto names = sys::list_directory(paths.containers(project)))
    for (const auto& name : *names)
      if (state::is_container_id(name) && !is_known(name))
        loop.on_worker<Result<void>>(
            [copy = paths, own = project, name] { return state::remove_container(copy, own, ContainerId(name)); },
            report);
  if (auto pins = sys::list_directory(paths.pins(project)))
    for (const auto& id : *pins)
      if (!is_known(id)) report(state::unpin_process(paths, project, ContainerId(id)));
  for (const char* directory : {"containers", "exits", "stage", "commit", "files", "pipes"}) {
    const std::string path = paths.run(project) + "/" + directory;
    auto names = sys::list_directory(path);
    if (!names) continue;  // not made yet
    for (const auto& name : *names) {
      const std::string id = id_of_file(name);
      const bool of_exec = name.find(".exec") != std::string::npos;  // nobody waits for it any more
      if (state::is_container_id(id) && (of_exec || !is_known(id))) report(sys::remove_tree(path + "/" + name));
    }
  }
  if (auto names = state::read_names(paths))
    for (const auto& [name, owner] : *names)
      if (owner.project == project.value && !is_known(owner.id)) report(state::release_name(paths, name, owner));
  // By the ids that this root knows: another root may have a project of the same name, and its cgroups beside ours.
  for (const auto& [id, unit] : units)
    if (!unit->is_running()) remove_cgroup(id);
  report(network->bridges().repair(project));
  loop.on_worker<Result<void>>([copy = paths] { return collect_stores(copy); }, report);
}

Result<void> LocalEngine::hand_over(runtime::KeeperLink& heir) const {
  for (const auto& [id, unit] : state_->units) {
    const auto park = [&](const std::string& name, int fd) -> Result<void> {
      return fd < 0 ? Result<void>() : heir.park(name, {fd});
    };
    if (unit->log) {
      BERTH_TRY(park("out:" + id.value, unit->log->pipe_of(logs::Stream::Stdout)));
      BERTH_TRY(park("err:" + id.value, unit->log->pipe_of(logs::Stream::Stderr)));
    }
    if (unit->terminal) BERTH_TRY(park("tty:" + id.value, unit->terminal->master()));
    BERTH_TRY(park("in:" + id.value, unit->input.get()));
    BERTH_TRY(park("netns:" + id.value, unit->place.netns.get()));
    BERTH_TRY(park("dns:" + id.value + ":udp", unit->place.dns.udp.get()));
    BERTH_TRY(park("dns:" + id.value + ":tcp", unit->place.dns.tcp.get()));
    for (std::size_t i = 0; i < unit->place.ports.size(); ++i)
      for (const auto& socket : unit->place.ports[i].sockets)
        BERTH_TRY(park("port:" + short_id(id) + ":" + std::to_string(i) + ":" + socket.address, socket.fd.get()));
  }
  return {};
}

}  // namespace berth::local
