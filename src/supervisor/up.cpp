// `up`: the plan, then for --wait a look whether it stays up, for an attached one lines and exits until it ends, is
// interrupted, or a container's end decides it.
//
//   execute ──▶ up_done ─┬─▶ finish                                   -d
//                        ├─▶ settle ──▶ finish                        --wait
//                        └─▶ Attached … check_followers ──▶ finish    all have ended
//                                    └▶ stop_attached ──▶ finish      Ctrl-C, --abort-on-container-exit
#include <algorithm>

#include "berth/model/json.hpp"
#include "berth/sys/file.hpp"
#include "berth/text/duration.hpp"
#include "supervisor.hpp"

namespace berth::supervisor {
namespace {

// A container that ends within this time after it was started did not come up. (docker compose looks twice a second.)
constexpr auto kSettled = std::chrono::milliseconds(500);

bool is_alive(const engine::ContainerState& state) {
  return state.phase == engine::Phase::Running || state.phase == engine::Phase::Paused ||
         state.phase == engine::Phase::Restarting;
}

const control::Up& up_of(const Session& session) { return std::get<control::Up>(*session.request); }

}  // namespace

std::vector<engine::ContainerState> Supervisor::containers_of(const Session& session) const {
  auto all = engine_->containers();
  std::erase_if(
      all, [&](const auto& state) { return state.spec.one_off || !session.scope.count(state.spec.service.value); });
  return all;
}

void Supervisor::begin_up(Session& session, const control::Up& up) {
  auto observed = engine_->observe(up.images);
  if (!observed) return finish(session, 1, {control::problem_of(observed.error())});
  auto plan = plan::plan_up(up.project, *observed, up.options);
  if (!plan) return finish(session, 1, {control::problem_of(plan.error())});
  session.scope = must(plan::selected_services(up.project, up.options));  // the plan has been through it
  if (auto written = sys::write_file_atomic(paths_.project_file(project_), model::to_json_text(up.project),
                                            sys::Durability::Volatile);
      !written)
    return finish(session, 1, {control::problem_of(written.error())});
  if (up.attach) {
    session.following = true;
    session.followed = {up.attach_services.begin(), up.attach_services.end()};
    session.no_lines = up.no_lines;
  }
  report_unchanged(session, *plan);
  execute(session, std::move(*plan), up,
          [this, self = &session](const execute::Outcome& outcome) { up_done(*self, outcome); });
  if (up.wait_timeout) limit_waiting(session, *up.wait_timeout);
}

void Supervisor::limit_waiting(Session& session, plan::Duration limit) {
  session.wait_limit =
      loop_.after(std::chrono::duration_cast<async::Clock::duration>(limit), [this, self = &session, limit] {
        std::string text = "application not healthy after " + text::format_duration(limit);
        if (self->execution)
          for (const auto& waiting : self->execution->waiting()) text += "\n  " + waiting;
        self->timed_out = control::Problem{text, ""};
        if (self->execution)
          self->execution->cancel();  // up_done says so
        else if (self->settling)
          settle(*self);
      });
}

// What no action touches is shown, too: "Running".
void Supervisor::report_unchanged(Session& session, const plan::Plan& plan) {
  for (const auto& state : containers_of(session)) {
    if (!is_alive(state) || plan::touches(plan, state.id)) continue;
    control::EventMessage unchanged;
    unchanged.event.time = wall_now();
    unchanged.event.name = state.name;
    unchanged.event.service = state.spec.service.value;
    unchanged.event.step = engine::Step::Running;
    unchanged.event.reason = "nothing changed";
    send(session, unchanged);
  }
}

void Supervisor::up_done(Session& session, const execute::Outcome& outcome) {
  const control::Up& up = up_of(session);
  if (session.timed_out) return finish(session, 1, {*session.timed_out});
  if (up.attach && !session.gone && (session.cancels > 0 || session.decided)) return stop_attached(session);
  if (!outcome.ok || session.gone || !(up.attach || up.options.wait))
    return finish(session, code_of(outcome), problems_of(outcome));
  done_with_job(session);  // it stays, others may go on
  if (up.options.wait) {
    session.settling = true;
    return settle(session);
  }
  session.attached = true;
  send(session, control::Attached{});
  check_followers();
}

// --wait: everything runs, or has ended well, and has stayed so for a moment.
void Supervisor::settle(Session& session) {
  if (session.finished) return;
  bool restarting = false;
  std::vector<control::Problem> ended;
  for (const auto& state : containers_of(session)) {
    restarting = restarting || state.phase == engine::Phase::Restarting;
    const bool failed = state.phase == engine::Phase::Dead ||
                        (state.phase == engine::Phase::Exited && (state.exit_code != 0 || state.user_stopped));
    if (!failed) continue;
    ended.push_back({"container " + state.name + " exited (" + std::to_string(state.exit_code) + ")",
                     "`logs " + state.spec.service.value + "` shows what it printed"});
  }
  if (session.timed_out) ended.push_back(*session.timed_out);
  if (!ended.empty()) return finish(session, 1, std::move(ended));
  session.settled.cancel();
  if (restarting) return;  // its next start comes here again
  session.settled = loop_.after(kSettled, [this, self = &session] { finish(*self, 0); });
}

// A container of an attached `up` has ended: may end all of it.
void Supervisor::note_exit(Session& session, const engine::ContainerState& state, bool again) {
  if (session.settling) settle(session);
  const auto* up = session.request ? std::get_if<control::Up>(&*session.request) : nullptr;
  if (!up || !up->attach || again || session.finished || session.stopping || session.decided) return;
  if (state.spec.one_off || !session.scope.count(state.spec.service.value)) return;
  if (session.execution && state.user_stopped) return;  // its own plan takes an old one down
  // Unlike docker compose, a one-shot that ends well does not end an `up --exit-code-from another`.
  const bool failed = state.exit_code != 0;
  const bool named = up->exit_code_from == state.spec.service.value;
  const bool ends = named || up->abort_on_exit || (failed && (up->abort_on_failure || !up->exit_code_from.empty()));
  if (!ends) return;
  session.decided = state.exit_code;
  control::EventMessage stopping;
  stopping.event.time = wall_now();
  stopping.event.subject = engine::Subject::Project;
  stopping.event.step = engine::Step::Stopping;
  stopping.event.reason = "stopping, because " + state.name + " exited with code " + std::to_string(state.exit_code);
  send(session, stopping);
  if (session.execution) return session.execution->cancel();  // up_done goes on
  stop_attached(session);
}

// Waits for its turn like any other request.
void Supervisor::stop_attached(Session& session) {
  if (session.stopping || session.finished) return;
  session.stopping = true;
  done_with_job(session);
  enqueue(session);
}

void Supervisor::begin_stop_attached(Session& session) {
  const int code = session.decided.value_or(130);
  auto observed = engine_->observe({});
  if (!observed) return finish(session, 1, {control::problem_of(observed.error())});
  std::set<std::string> services;
  for (const auto& state : containers_of(session)) services.insert(state.spec.service.value);
  if (services.empty()) return finish(session, code);
  plan::VerbOptions options;
  options.verb = plan::Verb::Stop;
  options.services = {services.begin(), services.end()};
  options.timeout = up_of(session).options.timeout;
  auto plan = plan::plan_verb(*observed, options);
  if (!plan) return finish(session, 1, {control::problem_of(plan.error())});
  execute(session, std::move(*plan), control::Act{options},
          [this, self = &session, code](const execute::Outcome& outcome) {
            finish(*self, code_of_named(*self).value_or(code),
                   outcome.errors.empty() ? std::vector<control::Problem>{} : problems_of(outcome));
          });
}

// Compat: --exit-code-from another than the one whose end decided: its code counts, too. Not the 0 of a service that
// was stopped because another had failed.
std::optional<int> Supervisor::code_of_named(const Session& session) const {
  if (!session.decided) return {};
  for (const auto& state : containers_of(session))
    if (state.spec.service.value == up_of(session).exit_code_from && state.phase == engine::Phase::Exited &&
        state.exit_code != 0)
      return state.exit_code;
  return {};
}

// Ctrl-C in an attached `up`, once its plan is done.
void Supervisor::cancel_attached(Session& session, bool force) {
  if (!force) return stop_attached(session);
  for (const auto& state : containers_of(session))
    if (is_alive(state))
      engine_->ports().containers.kill(state.id, "SIGKILL", [](Result<void>) {});  // it may just have ended
}

}  // namespace berth::supervisor
