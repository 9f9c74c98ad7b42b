// When a container is probed and what the answers make of its health. A plain state machine: events and times in,
// actions out; no clock, no I/O. probing.hpp feeds it.
//
//             due: Start             on_started          on_result, on_ended
//   waiting ────────────▶ starting ────────────▶ running ────────────────────▶ waiting
//                            │ 30 s                 │ timeout
//                            └───────── Kill ───────┴─────▶ dying ── on_ended ──▶ waiting
//
// Docker's rules: the first probe comes one interval after the start, each later one an interval after the end of the
// one before, so probes never overlap. Within the start period, as long as no probe has succeeded, the interval is
// start_interval and failures do not count. A success makes it healthy at once, `retries` failures in a row make it
// unhealthy. A probe that takes longer than the timeout has failed. While the container is paused it is not probed.
#pragma once

#include <optional>

#include "berth/async/loop.hpp"
#include "berth/engine/container.hpp"

namespace berth::supervisor {

class HealthMonitor {
 public:
  using TimePoint = async::Clock::time_point;
  enum class Action { None, Start, Kill };
  // How long a probe's program may take to be started at all.
  static constexpr engine::Duration kStartAllowance = std::chrono::seconds(30);

  HealthMonitor(engine::HealthPlan plan, TimePoint started);
  // Takes over from a predecessor: what was known, and when the last probe ended (or the start, if there was none).
  void resume(engine::Health health, engine::HealthLog log, TimePoint last_end);

  // When on_time() is to be called; nothing while a dead probe is waited for or the container is paused.
  std::optional<TimePoint> due() const { return due_; }
  // Start: run the test. Kill: end it with all its descendants and report its result; on_ended follows.
  Action on_time(TimePoint now);
  void on_started(TimePoint now);
  // Once for each probe, unless on_pause() took it. True: the health has changed.
  bool on_result(engine::Probe probe);
  // The probe's process is gone (or never was).
  void on_ended(TimePoint now);
  // Kill: a probe is running; its result is of no interest.
  Action on_pause();
  void on_unpause(TimePoint now);

  engine::Health health() const { return health_; }
  const engine::HealthLog& log() const { return log_; }
  const engine::HealthPlan& plan() const { return plan_; }

 private:
  enum class Phase { Waiting, Starting, Running, Dying };
  bool in_start_period(TimePoint at) const;
  void wait_from(TimePoint last_end);

  engine::HealthPlan plan_;
  TimePoint started_, probe_start_{};
  Phase phase_ = Phase::Waiting;
  bool paused_ = false, has_result_ = false;
  std::optional<TimePoint> due_;
  engine::Health health_ = engine::Health::Starting;
  engine::HealthLog log_;
};

}  // namespace berth::supervisor
