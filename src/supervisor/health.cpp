#include "berth/supervisor/health.hpp"

namespace berth::supervisor {
namespace {

async::Clock::duration ticks(engine::Duration duration) {
  return std::chrono::duration_cast<async::Clock::duration>(duration);
}

}  // namespace

HealthMonitor::HealthMonitor(engine::HealthPlan plan, TimePoint started) : plan_(std::move(plan)), started_(started) {
  wait_from(started);
}

void HealthMonitor::resume(engine::Health health, engine::HealthLog log, TimePoint last_end) {
  health_ = health;
  log_ = std::move(log);
  wait_from(last_end);
}

bool HealthMonitor::in_start_period(TimePoint at) const {
  return health_ == engine::Health::Starting && at - started_ < ticks(plan_.start_period);
}

void HealthMonitor::wait_from(TimePoint last_end) {
  phase_ = Phase::Waiting;
  if (paused_)
    due_.reset();
  else
    due_ = last_end + ticks(in_start_period(last_end) ? plan_.start_interval : plan_.interval);
}

HealthMonitor::Action HealthMonitor::on_time(TimePoint now) {
  if (!due_ || now < *due_) return Action::None;
  if (phase_ == Phase::Waiting) {
    phase_ = Phase::Starting;
    probe_start_ = now;
    has_result_ = false;
    due_ = now + ticks(kStartAllowance);
    return Action::Start;
  }
  phase_ = Phase::Dying;
  due_.reset();
  return Action::Kill;
}

void HealthMonitor::on_started(TimePoint now) {
  if (phase_ != Phase::Starting) return;
  phase_ = Phase::Running;
  due_ = now + ticks(plan_.timeout);
}

bool HealthMonitor::on_result(engine::Probe probe) {
  if (phase_ == Phase::Waiting || has_result_) return false;
  has_result_ = true;
  const engine::Health before = health_;
  if (probe.exit_code == 0) {
    log_.failing_streak = 0;
    health_ = engine::Health::Healthy;
  } else if (!in_start_period(probe_start_) && ++log_.failing_streak >= plan_.retries) {
    health_ = engine::Health::Unhealthy;
  }
  log_.probes.push_back(std::move(probe));
  if (log_.probes.size() > engine::kProbesKept) log_.probes.erase(log_.probes.begin());
  return health_ != before;
}

void HealthMonitor::on_ended(TimePoint now) { wait_from(now); }

HealthMonitor::Action HealthMonitor::on_pause() {
  paused_ = true;
  due_.reset();
  if (phase_ == Phase::Waiting) return Action::None;
  has_result_ = true;
  if (phase_ == Phase::Dying) return Action::None;
  phase_ = Phase::Dying;
  return Action::Kill;
}

void HealthMonitor::on_unpause(TimePoint now) {
  paused_ = false;
  if (phase_ == Phase::Waiting) wait_from(now);
}

}  // namespace berth::supervisor
