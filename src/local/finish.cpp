// A container's end: by itself, by a stop, by removal.
#include <signal.h>

#include <algorithm>

#include "berth/local/runtime_spec.hpp"
#include "berth/runtime/start_pair.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/pidfd.hpp"
#include "engine_state.hpp"

namespace berth::local {

using namespace std::chrono_literals;

// The process is gone: log drained, resources freed unless it comes back, everybody told.
void LocalEngine::State::ended(Unit& unit, int exit_code) {
  unit.grace.cancel();
  unit.on_grace_end = nullptr;
  unit.settling.cancel();
  const auto cgroup = sys::CgroupSet::find(cgroup_name(unit.id()));
  unit.run.oom_killed = sys::read_stats(cgroup).oom_kills > 0;
  unit.run.exit_code = exit_code;
  unit.run.finished_at = wall_clock();
  unit.run.phase = engine::Phase::Exited;
  unit.orphan.cancel();
  unit.reaping.reset();
  unit.pidfd.reset();
  if (unit.pump)
    if (auto finished = unit.pump->finish([&] { return unit.terminal && unit.terminal->move(); }); !finished)
      warn(finished.error().to_string());
  unit.terminal.reset();
  unit.input.reset();
  drop_stdio(unit);
  show(unit);
  const bool again = !unit.removing && observer.on_exit && observer.on_exit(unit.shown);
  if (again)
    unit.run.phase = engine::Phase::Restarting;
  else
    release(unit);
  if (auto saved = save(unit); !saved) warn(saved.error().to_string());
  if (auto unpinned = state::unpin_process(paths, project, unit.id()); !unpinned) warn(unpinned.error().to_string());

  const auto ending = std::exchange(unit.ending, {});
  for (const auto& done : ending) done({});
  tell_waiters(unit);
}

// Volumes that are mounted for containers alone, once no container runs that has them.
void LocalEngine::State::unmount_volumes(const Unit& unit) {
  for (const auto& mount : unit.spec().mounts) {
    if (mount.type != model::MountType::Volume || mount.source.empty() || !volumes.is_mounted(mount.source)) continue;
    const auto has = [&](const engine::ContainerSpec& spec) {
      return std::any_of(spec.mounts.begin(), spec.mounts.end(), [&](const auto& other) {
        return other.type == model::MountType::Volume && other.source == mount.source;
      });
    };
    bool used = std::any_of(units.begin(), units.end(), [&](const auto& entry) {
      const Unit& other = *entry.second;
      const bool alive =
          other.is_running() || other.launch || other.filling || other.run.phase == engine::Phase::Restarting;
      return &other != &unit && alive && has(other.spec());
    });
    for (const auto& name : state::list_projects(paths)) {
      if (used || name == project) continue;
      for (const auto& stored : state::read_containers(paths, name).containers)
        used = used || (has(stored.record.spec) && state::current_state(paths, stored).pid != 0);
    }
    if (used) continue;
    if (auto unmounted = volumes.unmount(mount.source); !unmounted) warn(unmounted.error().to_string());
  }
}

// Everything but its records, its files and its leased addresses.
void LocalEngine::State::release(Unit& unit) {
  unit.status.cancel();
  unit.launch.reset();
  unit.terminal.reset();
  unit.terminal_pipe.reset();
  unit.input.reset();
  unit.attachment.reset();
  drop_stdio(unit);
  network->leave(unit.id(), unit.place);
  unit.run.addresses.clear();
  unit.run.publications.clear();
  unmount_volumes(unit);
  remove_cgroup(unit.id());
}

// A process of it that is still on its way out keeps it for a moment: on_ended() comes again.
void LocalEngine::State::remove_cgroup(const ContainerId& id) {
  const auto cgroup = sys::CgroupSet::find(cgroup_name(id));
  if (cgroup.empty()) return;
  if (auto killed = cgroup.kill(); !killed) warn(killed.error().to_string());
  if (auto removed = cgroup.remove(); !removed && removed.error().kind() != ErrorKind::Busy)
    warn(removed.error().to_string());
}

void LocalEngine::State::stop(const ContainerId& id, const engine::StopOptions& options, engine::Done<> done) {
  const auto unit = unit_of(id);
  if (!unit) return done(no_container(id));
  if (options.by_user && !unit->record.user_stopped) {
    unit->record.user_stopped = true;
    if (auto written = state::write_record(paths, unit->record); !written) return done(written.error());
    show(*unit);
  }
  if (unit->launch || unit->filling) {  // its process may be there already, in the middle of its set-up
    unit->starting.push_back([this, id, options, done = std::move(done)](Result<void>) { stop(id, options, done); });
    return;
  }
  if (!unit->is_running()) {
    if (unit->run.phase == engine::Phase::Restarting) {
      unit->run.phase = engine::Phase::Exited;
      release(*unit);
      done(save(*unit));
      return tell_waiters(*unit);
    }
    return done({});
  }
  unit->ending.push_back([this, unit, done = std::move(done)](Result<void> stopped) {
    if (stopped) tell(*unit, "stop");
    done(stopped);
  });
  if (unit->ending.size() > 1) return;  // a stop is under way already
  const bool hooks =
      unit->run.phase == engine::Phase::Running && !unit->spec().one_off && !unit->spec().pre_stop.empty();
  if (!hooks) return stop_now(id, options.grace, options.signal);
  // They may take as long as the grace period; one that fails does not keep the container from being stopped.
  auto limit = grace_of(*unit, options.grace);
  if (limit) limit = std::max<engine::Duration>(*limit, 1s);
  give_grace(*unit, limit, [this, id] { (void)kill_hooks(id); });  // the container may just have ended
  run_hooks(*unit, "pre_stop", unit->spec().pre_stop,
            [this, id, grace = options.grace, signal = options.signal](Result<void> ran) {
              const auto late = unit_of(id);
              if (!ran && late && late->is_running()) warn(ran.error().to_string() + "; stopping it all the same");
              stop_now(id, grace, signal);
            });
}

// The stop signal now, SIGKILL after the grace period.
void LocalEngine::State::stop_now(const ContainerId& id, std::optional<engine::Duration> wanted_grace,
                                  const std::string& wanted_signal) {
  const auto unit = unit_of(id);
  if (!unit || unit->ending.empty() || !unit->pidfd) return;  // it has ended by itself meanwhile
  const std::string& named = wanted_signal.empty() ? unit->spec().stop_signal : wanted_signal;
  const int number = parse_signal(named.empty() ? "SIGTERM" : named).value_or(SIGTERM);
  tell(*unit, "kill", {{"signal", std::to_string(number)}});
  if (auto sent = sys::send_signal(unit->pidfd.get(), number); !sent && sent.error().errno_value() != ESRCH)
    warn(sent.error().to_string());
  if (unit->run.phase == engine::Phase::Paused)
    (void)sys::CgroupSet::find(cgroup_name(id)).thaw();  // the signal is queued; now it can act on it
  give_grace(*unit, grace_of(*unit, wanted_grace), [this, id] {
    const auto late = unit_of(id);
    if (late && late->pidfd) (void)sys::send_signal(late->pidfd.get(), SIGKILL);  // ESRCH: it is ending by itself
  });
}

// Nothing: for ever.
std::optional<engine::Duration> LocalEngine::State::grace_of(const Unit& unit,
                                                             std::optional<engine::Duration> wanted) const {
  std::optional<engine::Duration> grace = wanted.value_or(unit.spec().stop_grace);
  if (*grace < engine::Duration::zero()) grace.reset();
  if (const auto limit = grace_limits.find(unit.id()); limit != grace_limits.end())
    grace = grace ? std::min(*grace, limit->second) : limit->second;
  return grace;
}

void LocalEngine::State::give_grace(Unit& unit, std::optional<engine::Duration> grace,
                                    std::function<void()> at_its_end) {
  unit.grace.cancel();
  unit.grace_ends.reset();
  unit.on_grace_end = std::move(at_its_end);
  if (!grace) return;
  const auto delay = std::chrono::duration_cast<async::Clock::duration>(*grace);
  unit.grace_ends = loop.now() + delay;
  unit.grace = loop.after(delay, unit.on_grace_end);
}

void LocalEngine::State::limit_graces(std::map<ContainerId, engine::Duration> limits) {
  grace_limits = std::move(limits);
  for (const auto& [id, limit] : grace_limits) {
    const auto unit = unit_of(id);
    if (!unit || unit->ending.empty() || !unit->on_grace_end) continue;
    const auto ends = loop.now() + std::chrono::duration_cast<async::Clock::duration>(limit);
    if (!unit->grace_ends || ends < *unit->grace_ends) give_grace(*unit, limit, unit->on_grace_end);
  }
}

void LocalEngine::State::kill(const ContainerId& id, const std::string& signal, engine::Done<> done) {
  const auto unit = unit_of(id);
  if (!unit) return done(no_container(id));
  const auto number = parse_signal(signal.empty() ? "SIGKILL" : signal);
  if (!number) return done(Error::make(ErrorKind::Invalid, "unknown signal `" + signal + "`"));
  if (!unit->is_running()) return done({});
  if (*number == SIGKILL) unit->record.user_stopped = true;
  if (auto written = state::write_record(paths, unit->record); !written) return done(written.error());
  if (auto sent = sys::send_signal(unit->pidfd.get(), *number); !sent) return done(sent.error());
  tell(*unit, "kill", {{"signal", std::to_string(*number)}});
  if (*number == SIGKILL)
    unit->ending.push_back(std::move(done));
  else
    done({});
}

void LocalEngine::State::pause(const ContainerId& id, engine::Done<> done) {
  const auto unit = unit_of(id);
  if (!unit) return done(no_container(id));
  if (unit->run.phase != engine::Phase::Running)
    return done(Error::make(ErrorKind::Invalid, "`" + unit->record.name + "` is not running"));
  if (auto frozen = sys::CgroupSet::find(cgroup_name(id)).freeze(); !frozen) return done(frozen);
  unit->run.phase = engine::Phase::Paused;
  const auto saved = save(*unit);
  tell(*unit, "pause");
  done(saved);
  if (observer.on_pause) observer.on_pause(unit->shown);
}

void LocalEngine::State::unpause(const ContainerId& id, engine::Done<> done) {
  const auto unit = unit_of(id);
  if (!unit) return done(no_container(id));
  if (unit->run.phase != engine::Phase::Paused)
    return done(Error::make(ErrorKind::Invalid, "`" + unit->record.name + "` is not paused"));
  if (auto thawed = sys::CgroupSet::find(cgroup_name(id)).thaw(); !thawed) return done(thawed);
  unit->run.phase = engine::Phase::Running;
  const auto saved = save(*unit);
  tell(*unit, "unpause");
  done(saved);
  if (observer.on_pause) observer.on_pause(unit->shown);
}

void LocalEngine::State::remove(const ContainerId& id, const engine::RemoveOptions& options, engine::Done<> done) {
  const auto unit = unit_of(id);
  if (!unit) return done({});
  const auto finish = [this, unit, options, done](Result<void> ended) {
    if (!ended) return done(ended);
    finish_removal(unit, options, done);
  };
  if (unit->launch || unit->filling) {
    unit->starting.push_back([this, id, options, done](Result<void>) { remove(id, options, done); });
    return;
  }
  if (unit->is_running()) {
    if (!options.force)
      return done(Error::make(ErrorKind::Busy, "`" + unit->record.name + "` is running").with_hint("stop it first"));
    unit->removing = true;
    return kill(id, "SIGKILL", finish);
  }
  finish({});
}

// One that died in its set-up may still be on its way out. Its group goes before the record: nobody else knows of it.
void LocalEngine::State::when_cgroup_is_gone(const std::shared_ptr<Unit>& unit, int looks_left,
                                             const std::function<void()>& then) {
  remove_cgroup(unit->id());
  const auto cgroup = sys::CgroupSet::find(cgroup_name(unit->id()));
  if (cgroup.empty() || looks_left == 0) return then();
  const auto look_again = [this, unit, looks_left, then] { when_cgroup_is_gone(unit, looks_left - 1, then); };
  for (const int pid : cgroup.processes()) {
    auto process = sys::open_pidfd(pid);
    if (!process) continue;
    unit->leaving = std::move(*process);
    unit->left = loop.on_readable(unit->leaving.get(), [this, unit, look_again] {
      loop.post(look_again);
      unit->left.cancel();
    });
    return;
  }
  loop.post(look_again);  // they ended while we looked
}

void LocalEngine::State::finish_removal(const std::shared_ptr<Unit>& unit, const engine::RemoveOptions& options,
                                        engine::Done<> done) {
  constexpr int kLooks = 100;
  unit->removing = true;
  when_cgroup_is_gone(unit, kLooks,
                      [this, unit, options, done = std::move(done)] { remove_files(unit, options, done); });
}

void LocalEngine::State::remove_files(const std::shared_ptr<Unit>& unit, const engine::RemoveOptions& options,
                                      engine::Done<> done) {
  unit->leaving.reset();
  unit->pump.reset();
  unit->log.reset();
  const auto files = logs::LogFiles::of(paths.root, paths.run_root, project.value, unit->id().value);
  const auto steps = [&]() -> Result<void> {
    BERTH_TRY(network->release(unit->id()));
    BERTH_TRY(logs::ContainerLog::remove(files));
    BERTH_TRY(state::release_names(paths, {project.value, unit->id().value}));
    if (options.anonymous_volumes)
      for (const auto& [target, volume] : unit->record.anonymous_volumes) BERTH_TRY(volumes.remove(volume, {}));
    return sys::remove_tree(paths.run(project) + "/files/" + unit->id().value);
  };
  if (auto done_so_far = steps(); !done_so_far) {
    unit->removing = false;
    return done(done_so_far);
  }
  // The file system of a container may be large: not on the loop.
  loop.on_worker<Result<void>>(
      [copy = paths, project = project, id = unit->id()] { return state::remove_container(copy, project, id); },
      [this, unit, done = std::move(done)](Result<void> removed) {
        unit->removing = false;
        if (removed) units.erase(unit->id());
        if (removed) tell(*unit, "destroy");
        done(removed);
        if (removed)
          for (const auto& waiter : std::exchange(unit->waiters, {})) waiter.done(no_container(unit->id()));
      });
}

}  // namespace berth::local
