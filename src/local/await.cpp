// Who waits for a container, for what, and why it will not come.
#include <algorithm>

#include "berth/logs/reader.hpp"
#include "engine_state.hpp"
#include "health_text.hpp"

namespace berth::local {
namespace {

constexpr std::size_t kLinesShown = 10;

std::string waiting_text(const Unit& unit, engine::Condition condition) {
  const std::string& name = unit.spec().service.value;
  const bool healthy = condition != engine::Condition::Completed && unit.spec().health;
  std::string text = "waiting for " + name;
  switch (condition) {
    case engine::Condition::Started: return text + " to start";
    case engine::Condition::Completed: text += " to complete"; break;
    case engine::Condition::Healthy:
    case engine::Condition::Settled: text += healthy ? " to be healthy" : " to stay up"; break;
  }
  if (unit.run.phase == engine::Phase::Restarting)
    return text + ": it " + exit_text(unit.run.exit_code, unit.run.oom_killed) + " and is started again";
  if (unit.run.phase == engine::Phase::Paused) return text + ": it is paused";
  return healthy ? text + ": " + health_text(*unit.spec().health, unit.shown) : text;
}

engine::Duration time_up(const Unit& unit) { return std::chrono::nanoseconds(wall_clock() - unit.run.started_at); }

}  // namespace

Error LocalEngine::State::unmet(const Unit& unit, const std::string& what) const {
  const auto files = logs::LogFiles::of(paths.root, paths.run_root, project.value, unit.id().value);
  return Error::make(ErrorKind::Failed,
                     "`" + unit.record.name + "` " + what + lines_text(logs::last_lines(files.log, kLinesShown)));
}

// True: it holds; false: it may still come; an error: it cannot come any more.
Result<bool> LocalEngine::State::holds(const Unit& unit, engine::Condition condition) const {
  using engine::Condition;
  const auto& run = unit.run;
  const auto& health = unit.spec().health;
  if (condition == Condition::Healthy && !health)
    return Error::make(ErrorKind::Invalid, "`" + unit.record.name + "` has no health check");
  if (unit.launch || unit.filling || unit.hooking) return false;
  switch (run.phase) {
    case engine::Phase::Created: return false;
    case engine::Phase::Restarting:
      return condition == Condition::Started || (condition == Condition::Completed && run.exit_code == 0);
    case engine::Phase::Paused:
    case engine::Phase::Running:
      if (condition == Condition::Started) return true;
      if (condition == Condition::Completed) return false;
      if (!health) return time_up(unit) >= engine::kSettleTime;
      if (run.health == engine::Health::Unhealthy)
        return unmet(unit, "is unhealthy: " + unhealthy_text(*health, run.health_log));
      return run.health == engine::Health::Healthy;
    case engine::Phase::Exited:
    case engine::Phase::Dead: break;
  }
  if (!run.error.empty())
    return Error::make(ErrorKind::Failed, "`" + unit.record.name + "` did not start: " + run.error);
  if (condition == Condition::Started) return true;
  if (condition == Condition::Completed && run.exit_code == 0) return true;
  const std::string ended = exit_text(run.exit_code, run.oom_killed);
  if (condition == Condition::Completed) return unmet(unit, "did not complete successfully: it " + ended);
  if (!health && run.exit_code == 0) return unmet(unit, ended + ", and no service waits for it to complete");
  return unmet(unit, ended + (health ? " before it was healthy" + probes_text(run.health_log, 3) : ""));
}

void LocalEngine::State::await(const ContainerId& id, engine::Condition condition,
                               std::function<void(const std::string&)> progress, engine::Done<> done) {
  const auto unit = unit_of(id);
  if (!unit) return done(no_container(id));
  unit->waiters.push_back({condition, std::move(progress), std::move(done)});
  tell_waiters(*unit);
}

// Called at every change: answers those whose waiting is over, tells the others how it stands.
void LocalEngine::State::tell_waiters(Unit& unit) {
  const auto keep = unit_of(unit.id());
  for (auto& waiter : std::exchange(unit.waiters, {})) {
    const auto verdict = holds(unit, waiter.condition);
    if (!verdict)
      waiter.done(verdict.error());
    else if (*verdict)
      waiter.done({});
    else {
      waiter.progress(waiting_text(unit, waiter.condition));
      unit.waiters.push_back(std::move(waiter));
    }
  }
  const bool settling = unit.run.phase == engine::Phase::Running && !unit.spec().health &&
                        std::any_of(unit.waiters.begin(), unit.waiters.end(), [](const Waiter& waiter) {
                          return waiter.condition == engine::Condition::Settled;
                        });
  if (!settling) return unit.settling.cancel();
  const auto left = std::max(engine::Duration::zero(), engine::kSettleTime - time_up(unit));
  unit.settling = loop.after(std::chrono::duration_cast<async::Clock::duration>(left), [this, id = unit.id()] {
    if (const auto later = unit_of(id)) tell_waiters(*later);
  });
}

}  // namespace berth::local
