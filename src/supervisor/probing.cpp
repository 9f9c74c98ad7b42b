#include "probing.hpp"

#include <algorithm>

#include "berth/local/exec_output.hpp"
#include "berth/logs/entry.hpp"
#include "berth/logs/pump.hpp"
#include "berth/text/duration.hpp"

namespace berth::supervisor {
namespace {

constexpr const char* kGroup = "probe";  // control group of a container's probes, to end them with all they started

std::vector<std::string> argv_of(const engine::HealthPlan& plan) {
  std::vector<std::string> argv;
  if (plan.test.front() == "CMD") return {plan.test.begin() + 1, plan.test.end()};
  argv = plan.shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : plan.shell;
  if (plan.test.size() > 1) argv.push_back(plan.test[1]);
  return argv;
}

}  // namespace

// One probe, from its start to the end of its process. Outlives its container where that ends first.
struct Probing::Run {
  std::int64_t started_at = 0;
  std::shared_ptr<local::ExecOutput> output;
};

Probing::Probing(async::Loop& loop, local::LocalEngine& engine, Changed changed)
    : loop_(loop), engine_(engine), changed_(std::move(changed)) {}
Probing::~Probing() = default;

void Probing::watch(const engine::ContainerState& state) {
  subjects_.erase(state.id);
  if (!state.spec.health) return;
  auto& subject =
      subjects_.emplace(state.id, Subject{HealthMonitor(*state.spec.health, loop_.now()), {}, {}}).first->second;
  arm(state.id, subject);
}

void Probing::adopt(const engine::ContainerState& state) {
  if (!state.spec.health) return;
  // What a predecessor's probe prints has no reader any more. There may be none.
  (void)engine_.kill_group(state.id, kGroup);
  const auto ago = [now = logs::wall_clock_now()](std::int64_t then) {
    return std::chrono::nanoseconds(std::max<std::int64_t>(0, now - then));
  };
  const auto now = loop_.now();
  const auto& probes = state.health_log.probes;
  HealthMonitor monitor(*state.spec.health, now - ago(state.started_at));
  monitor.resume(state.health, state.health_log, now - ago(probes.empty() ? state.started_at : probes.back().ended_at));
  auto& subject = subjects_.insert_or_assign(state.id, Subject{std::move(monitor), {}, {}}).first->second;
  if (state.phase == engine::Phase::Paused) (void)subject.monitor.on_pause();  // nothing runs yet
  arm(state.id, subject);
}

void Probing::forget(const ContainerId& id) { subjects_.erase(id); }

void Probing::pause_changed(const engine::ContainerState& state) {
  const auto found = subjects_.find(state.id);
  if (found == subjects_.end()) return;
  if (state.phase == engine::Phase::Paused) {
    if (found->second.monitor.on_pause() == HealthMonitor::Action::Kill) kill(state.id);
  } else {
    found->second.monitor.on_unpause(loop_.now());
  }
  arm(state.id, found->second);
}

void Probing::arm(const ContainerId& id, Subject& subject) {
  const auto due = subject.monitor.due();
  if (!due) return subject.timer.cancel();
  subject.timer =
      loop_.after(std::max(async::Clock::duration::zero(), *due - loop_.now()), [this, id] { on_time(id); });
}

void Probing::on_time(const ContainerId& id) {
  const auto found = subjects_.find(id);
  if (found == subjects_.end()) return;
  const auto* state = engine_.find(id);
  if (!state || state->phase != engine::Phase::Running) return forget(id);
  auto& subject = found->second;
  switch (subject.monitor.on_time(loop_.now())) {
    case HealthMonitor::Action::None: break;
    case HealthMonitor::Action::Start: start(id, subject); break;
    case HealthMonitor::Action::Kill:
      kill(id);
      if (const auto run = subject.run)
        report(id, *run, -1,
               "the health check took longer than " + text::format_duration(subject.monitor.plan().timeout) +
                   ", so it was killed");
      break;
  }
  if (const auto later = subjects_.find(id); later != subjects_.end()) arm(id, later->second);
}

void Probing::start(const ContainerId& id, Subject& subject) {
  const auto run = subject.run = std::make_shared<Run>();
  run->started_at = logs::wall_clock_now();
  auto output = local::ExecOutput::open(loop_, engine::kProbeOutput);
  if (!output) return started(id, run, Result<int>(output.error()));
  run->output = *output;
  local::ExecSpec spec;
  spec.container = id;
  spec.argv = argv_of(subject.monitor.plan());
  spec.out = spec.err = run->output->writing_end();
  spec.group = kGroup;
  engine_.exec(
      spec, [this, id, run](Result<int> result) { started(id, run, result); },
      [this, id, run](int exit_code) {
        run->output->drain();
        report(id, *run, exit_code, "");
        ended(id, run);
      });
  run->output->close_writing_end();
}

void Probing::kill(const ContainerId& id) {
  // A container that ends at this moment has no group any more.
  (void)engine_.kill_group(id, kGroup);
}

Probing::Subject* Probing::subject_of(const ContainerId& id, const std::shared_ptr<Run>& run) {
  const auto found = subjects_.find(id);
  return found == subjects_.end() || found->second.run != run ? nullptr : &found->second;
}

void Probing::started(const ContainerId& id, const std::shared_ptr<Run>& run, const Result<int>& result) {
  if (!result) {
    report(id, *run, -1, result.error().to_string());
    return ended(id, run);
  }
  if (auto* subject = subject_of(id, run)) {
    subject->monitor.on_started(loop_.now());
    arm(id, *subject);
  }
}

void Probing::report(const ContainerId& id, Run& run, int exit_code, const std::string& note) {
  const auto found = subjects_.find(id);
  if (found == subjects_.end() || found->second.run.get() != &run) return;
  engine::Probe probe;
  probe.started_at = run.started_at;
  probe.ended_at = logs::wall_clock_now();
  probe.exit_code = exit_code;
  probe.output = note;
  const std::string printed = run.output ? run.output->kept() : std::string();
  if (!note.empty() && !printed.empty()) probe.output += ": ";
  logs::append_valid_utf8(probe.output, printed);
  auto& monitor = found->second.monitor;
  const bool changed = monitor.on_result(std::move(probe));
  engine_.report_health(id, monitor.health(), monitor.log());
  if (!changed) return;
  if (const auto* state = engine_.find(id)) changed_(*state);
}

void Probing::ended(const ContainerId& id, const std::shared_ptr<Run>& run) {
  auto* subject = subject_of(id, run);
  if (!subject) return;
  subject->run.reset();
  subject->monitor.on_ended(loop_.now());
  arm(id, *subject);
}

}  // namespace berth::supervisor
