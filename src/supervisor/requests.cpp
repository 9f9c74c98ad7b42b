// What each request does once it is its turn.
#include <algorithm>

#include "berth/model/names.hpp"
#include "supervisor.hpp"

namespace berth::supervisor {
std::vector<control::Problem> problems_of(const execute::Outcome& outcome) {
  std::vector<control::Problem> problems;
  for (const auto& error : outcome.errors) problems.push_back(control::problem_of(error));
  if (problems.empty() && outcome.cancelled) problems.push_back({"interrupted", ""});
  return problems;
}

int code_of(const execute::Outcome& outcome) { return outcome.ok ? 0 : outcome.cancelled ? 130 : 1; }

const char* verb_of(const control::Message& request) {
  if (std::holds_alternative<control::Up>(request)) return "up";
  if (std::holds_alternative<control::Down>(request)) return "down";
  if (std::holds_alternative<control::Run>(request)) return "run";
  if (const auto* act = std::get_if<control::Act>(&request)) switch (act->options.verb) {
      case plan::Verb::Stop: return "stop";
      case plan::Verb::Start: return "start";
      case plan::Verb::Restart: return "restart";
      case plan::Verb::Kill: return "kill";
      case plan::Verb::Remove: return "rm";
      case plan::Verb::Pause: return "pause";
      case plan::Verb::Unpause: return "unpause";
      case plan::Verb::Rename: return "rename";
    }
  return "a command";
}

// Who is in line with a grace period of its own, and for which containers, else services; empty: all.
struct Patience {
  engine::Duration grace;
  std::vector<std::string> services, containers;

  bool is_for(const engine::ContainerState& state) const {
    const auto is_in = [](const std::vector<std::string>& list, const std::string& one) {
      return std::find(list.begin(), list.end(), one) != list.end();
    };
    if (!containers.empty()) return is_in(containers, state.id.value);
    return services.empty() || is_in(services, state.spec.service.value);
  }
};
std::optional<Patience> patience_of(const control::Message& request) {
  const auto given = [](const auto& options) -> std::optional<Patience> {
    if (!options.timeout || *options.timeout < engine::Duration::zero()) return std::nullopt;
    return Patience{*options.timeout, options.services, {}};
  };
  if (const auto* down = std::get_if<control::Down>(&request)) return given(down->options);
  const auto* act = std::get_if<control::Act>(&request);
  auto patience = act ? given(act->options) : std::nullopt;
  if (patience) patience->containers = act->options.containers;
  return patience;
}

bool is_kill(const control::Message& request) {
  const auto* act = std::get_if<control::Act>(&request);
  return act && act->options.verb == plan::Verb::Kill;
}

bool is_independent(const ProjectName& project, const control::Message& request) {
  if (project.value != "_") return false;
  if (const auto* act = std::get_if<control::Act>(&request)) return !act->options.containers.empty();
  const auto* run = std::get_if<control::Run>(&request);
  return run && run->standalone;
}

// A `down -t 0` need not wait for the hour that the `stop` before it gives.
void Supervisor::limit_graces() {
  std::map<ContainerId, engine::Duration> limits;
  for (const Session* waiting : queue_) {
    const auto patience = patience_of(*waiting->request);
    if (!patience) continue;
    for (const auto& state : engine_->containers()) {
      if (!patience->is_for(state)) continue;
      const auto limit = limits.try_emplace(state.id, patience->grace).first;
      limit->second = std::min(limit->second, patience->grace);
    }
  }
  engine_->limit_graces(std::move(limits));
}

void Supervisor::enqueue(Session& session) {
  // It is how a stop that takes its time, or a wait that will not end, is cut short.
  if (is_kill(*session.request) || is_independent(project_, *session.request)) return begin(session);
  if (current_) {
    session.queued = true;
    send(session, control::Queued{"`" + std::string(verb_of(*current_->request)) + "` (pid " +
                                  std::to_string(current_->peer.pid) + ")"});
  }
  queue_.push_back(&session);
  if (current_) limit_graces();
  next();
}

void Supervisor::next() {
  if (current_ || queue_.empty()) return;
  current_ = queue_.front();
  queue_.pop_front();
  limit_graces();
  current_->queued = false;
  begin(*current_);
}

void Supervisor::done_with_job(Session& session) {
  if (current_ != &session) return;
  current_ = nullptr;
  loop_.post([this] {
    next();
    end_watches();
  });
}

void Supervisor::begin(Session& session) {
  if (session.stopping) return begin_stop_attached(session);
  if (const auto* up = std::get_if<control::Up>(&*session.request)) return begin_up(session, *up);
  if (const auto* down = std::get_if<control::Down>(&*session.request)) return begin_down(session, *down);
  if (const auto* act = std::get_if<control::Act>(&*session.request)) return begin_act(session, *act);
  if (const auto* one_off = std::get_if<control::Run>(&*session.request)) return begin_run(session, *one_off);
  finish(session, 1,
         {{std::string("this supervisor does not serve `") + control::name_of(*session.request) + "`", ""}});
}

void Supervisor::begin_down(Session& session, const control::Down& down) {
  auto observed = engine_->observe({});
  if (!observed) return finish(session, 1, {control::problem_of(observed.error())});
  model::Project project = down.project.value_or(model::Project{});  // without a file: all that is the project's
  project.name = project_;
  auto plan = plan::plan_down(project, *observed, down.options);
  execute(session, std::move(plan), down, [this, self = &session](const execute::Outcome& outcome) {
    if (outcome.ok && std::get<control::Down>(*self->request).remove_run && engine_->containers().empty()) {
      let_watchers_go();
      // One that a predecessor was to do is finished while somebody who started us connects: that is no time to end.
      if (!self->resumed && is_last(*self)) end_pair();
    }
    finish(*self, code_of(outcome), problems_of(outcome));
  });
}

void Supervisor::begin_act(Session& session, const control::Act& act) {
  auto observed = engine_->observe({});
  if (!observed) return finish(session, 1, {control::problem_of(observed.error())});
  auto plan = plan::plan_verb(*observed, act.options);
  if (!plan) return finish(session, 1, {control::problem_of(plan.error())});
  // What is done at once, maybe beside another plan, is not to take the place of that one's intent.
  const bool beside = is_kill(act) || is_independent(project_, act);
  const auto intent = beside ? std::nullopt : std::optional<control::Message>(act);
  execute(session, std::move(*plan), intent, [this, self = &session](const execute::Outcome& outcome) {
    if (self->timed_out) return finish(*self, 1, {*self->timed_out});
    finish(*self, code_of(outcome), problems_of(outcome));
    remove_ended_one_offs();  // a restart has kept it from that
  });
  if (act.wait_timeout && !session.finished) limit_waiting(session, *act.wait_timeout);
}

// First what it depends on, then the one-off container itself.
void Supervisor::begin_run(Session& session, const control::Run& run) {
  const auto service = run.project.services.find(run.service);
  if (service == run.project.services.end())
    return finish(session, 1, {{"no such service: `" + run.service + "`", ""}});
  auto observed = engine_->observe(run.images);
  if (!observed) return finish(session, 1, {control::problem_of(observed.error())});
  plan::UpOptions options;
  options.ignore_orphans = true;
  options.remove_orphans = run.remove_orphans;
  options.services = {run.service};
  options.around = run.service;
  options.no_dependencies = run.no_dependencies;
  auto plan = plan::plan_up(run.project, *observed, options);
  if (!plan) return finish(session, 1, {control::problem_of(plan.error())});
  execute(session, std::move(*plan), std::nullopt, [this, self = &session](const execute::Outcome& outcome) {
    if (!outcome.ok) return finish(*self, code_of(outcome), problems_of(outcome));
    create_one_off(*self, std::get<control::Run>(*self->request));
  });
}

// Ctrl-C: what is being done stops; an attached stack is stopped gracefully, the second time killed.
void Supervisor::cancel(Session& session, bool force) {
  ++session.cancels;
  if (session.execution && !session.stopping) session.execution->cancel();
  if (!session.request || session.finished) return;
  if (!session.one_off.empty() || session.exec_pid) return signal(session, force ? "SIGKILL" : "SIGINT");
  const bool attached_up = std::holds_alternative<control::Up>(*session.request) && session.following &&
                           (session.attached || session.stopping);
  if (!attached_up) {
    const auto& request = *session.request;
    if (std::holds_alternative<control::Follow>(request) || std::holds_alternative<control::Wait>(request) ||
        std::holds_alternative<control::Watch>(request) || session.settling)
      finish(session, 130);
    return;
  }
  cancel_attached(session, force);
}

}  // namespace berth::supervisor
