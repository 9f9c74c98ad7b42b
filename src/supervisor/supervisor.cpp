#include "supervisor.hpp"

#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <chrono>

#include "berth/base/build_id.hpp"
#include "berth/init/wire.hpp"
#include "berth/local/runtime_spec.hpp"
#include "berth/runtime/start_pair.hpp"
#include "berth/supervisor/run.hpp"
#include "berth/sys/file.hpp"
#include "intent.hpp"

namespace berth::supervisor {
std::int64_t wall_now() {
  using std::chrono::system_clock;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(system_clock::now().time_since_epoch()).count();
}

Supervisor::Supervisor(state::Paths paths, ProjectName project)
    : paths_(std::move(paths)), project_(std::move(project)) {}

void Supervisor::log(const std::string& text) {
  auto file = sys::open(paths_.run(project_) + "/supervisor.log", O_WRONLY | O_CREAT | O_APPEND);
  if (file) (void)sys::write_all(file->get(), text + "\n", "supervisor.log");  // there is nowhere else to tell
}

Result<void> Supervisor::start() {
  keeper_ = std::make_unique<runtime::KeeperLink>(sys::UniqueFd(init::kKeeperFd));
  local::EngineObserver observer;
  observer.on_exit = [this](const engine::ContainerState& state) { return on_exit(state); };
  observer.on_start = [this](const engine::ContainerState& state) { on_start(state); };
  observer.on_pause = [this](const engine::ContainerState& state) { probing_->pause_changed(state); };
  observer.on_action = [this](const engine::ContainerState& state, const std::string& action,
                              const std::map<std::string, std::string>& attributes) {
    tell_watchers(state, action, attributes);
  };
  observer.on_line = [this](const engine::ContainerState& state, const logs::LiveEntry& entry) {
    on_line(state, entry);
  };
  observer.on_warning = [this](const std::string& text) { on_warning(text); };
  observer.on_keeper_gone = [this] { hand_over(); };
  auto engine = local::LocalEngine::create(loop_, *keeper_, sys::UniqueFd(init::kZygoteFd), paths_, project_,
                                           std::move(observer));
  if (!engine) return engine.error();
  engine_ = std::move(*engine);
  probing_ =
      std::make_unique<Probing>(loop_, *engine_, [this](const engine::ContainerState& state) { on_health(state); });
  auto parked = keeper_->fetch();
  if (!parked) return parked.error();
  BERTH_TRY(engine_->recover(*parked));
  const auto accepted = [this](std::unique_ptr<control::Connection> connection, control::Peer peer) {
    accept(std::move(connection), std::move(peer));
  };
  auto listening = std::find_if(parked->begin(), parked->end(),
                                [](const auto& one) { return one.name == runtime::kControlName && one.fd; });
  const bool adopts = listening != parked->end() && sys::exists(paths_.control_socket(project_));
  auto server = adopts ? control::Server::adopt(loop_, std::move(listening->fd), build_id(), accepted)
                       : control::Server::listen(loop_, paths_.control_socket(project_), build_id(), accepted);
  if (!server) return server.error();
  server_ = std::move(*server);
  if (!adopts) {
    BERTH_TRY(keeper_->drop(runtime::kControlName));
    BERTH_TRY(keeper_->park(runtime::kControlName, {server_->fd()}));
  }
  // Containers that a predecessor had promised to restart, and those that it probed.
  for (const auto& state : engine_->containers()) {
    if (state.spec.auto_remove) auto_remove_[state.id] = false;
    if (state.phase == engine::Phase::Running || state.phase == engine::Phase::Paused) probing_->adopt(state);
    if (state.phase == engine::Phase::Restarting && !restarts_.count(state.id))
      schedule_restart(state.id, RestartDecider::kFirstDelay);
  }
  remove_ended_one_offs();
  finish_interrupted();
  check_idle();
  return {};
}

void Supervisor::accept(std::unique_ptr<control::Connection> connection, control::Peer peer) {
  idle_.cancel();
  auto& session = sessions_.emplace_back();
  session.connection = std::move(connection);
  session.peer = std::move(peer);
  Session* self = &session;
  session.connection->start({.on_message =
                                 [this, self](control::Message message, std::vector<sys::UniqueFd> descriptors) {
                                   on_message(*self, std::move(message), std::move(descriptors));
                                 },
                             .on_closed = [this, self](std::optional<Error>) { on_closed(*self); }});
}

void Supervisor::send(Session& session, const control::Message& message, const std::vector<int>& descriptors) {
  if (session.gone) return;
  if (auto sent = session.connection->send(message, descriptors); !sent)
    log("to a client: " + sent.error().to_string());
}

void Supervisor::finish(Session& session, int exit_code, std::vector<control::Problem> errors) {
  if (session.finished) return;
  session.finished = true;
  if (session.resumed)  // also where it could not be done
    if (auto cleared = state::clear_intent(paths_, project_); !cleared) log(cleared.error().to_string());
  control::Done done;
  done.ok = errors.empty() && exit_code == 0;
  done.exit_code = exit_code;
  done.errors = std::move(errors);
  send(session, done);
  if (!session.gone) session.connection->close_when_sent();
  session.following = false;
  done_with_job(session);
  sweep();
}

void Supervisor::on_closed(Session& session) {
  session.gone = true;
  session.following = false;
  if (!session.drain) session.terminal.reset();  // hangs up
  // Up, Down and Act carry on without their client; a queued request of a client that went away is dropped.
  if (session.queued) {
    std::erase(queue_, &session);
    limit_graces();
    session.finished = true;
  }
  const bool working = session.execution != nullptr || current_ == &session || session.pending > 0;
  if (!working) session.finished = true;
  sweep();
}

// Sessions that are over go in the next turn: their callbacks may be on the stack now.
void Supervisor::sweep() {
  loop_.post([this] {
    for (auto& session : sessions_)
      if (session.finished && session.connection && !session.connection->is_open()) session.gone = true;
    std::erase_if(sessions_, [this](const Session& session) {
      return session.finished && session.gone && current_ != &session && !session.execution && session.pending == 0;
    });
    if (grown_ && sessions_.empty() && !leaving_) {
      grown_ = false;
      engine_->release_memory();
    }
    check_idle();
  });
}

void Supervisor::on_message(Session& session, control::Message message, std::vector<sys::UniqueFd> descriptors) {
  if (const auto* cancelled = std::get_if<control::Cancel>(&message)) return cancel(session, cancelled->force);
  if (const auto* sent = std::get_if<control::Signal>(&message)) return signal(session, sent->name);
  if (std::holds_alternative<control::Detach>(message)) return detach(session);
  if (session.request) return finish(session, 1, {{"one request a connection", ""}});
  session.request = std::move(message);
  session.descriptors = std::move(descriptors);
  if (const auto* exec = std::get_if<control::Exec>(&*session.request)) return begin_exec(session, *exec);
  if (const auto* attach = std::get_if<control::Attach>(&*session.request)) return begin_attach(session, *attach);
  if (const auto* follow = std::get_if<control::Follow>(&*session.request)) {
    session.following = true;
    session.followed = {follow->services.begin(), follow->services.end()};
    return;
  }
  if (const auto* wait = std::get_if<control::Wait>(&*session.request)) return begin_wait(session, *wait);
  if (const auto* watch = std::get_if<control::Watch>(&*session.request)) return begin_watch(session, *watch);
  if (std::holds_alternative<control::Shutdown>(*session.request)) {
    leaving_ = true;  // once the queue is done; the keeper starts the installed program
    let_watchers_go();
    return finish(session, 0);
  }
  enqueue(session);
}

// A container that a following session is about.
bool Supervisor::is_of(const Session& session, const engine::ContainerState& state) const {
  if (!session.one_off.empty()) return session.one_off == state.id;
  return !state.spec.one_off && (session.scope.empty() || session.scope.count(state.spec.service.value));
}

void Supervisor::on_line(const engine::ContainerState& state, const logs::LiveEntry& entry) {
  for (auto& session : sessions_) {
    if (!session.following || session.gone || session.tapped) continue;
    if (!is_of(session, state) || session.no_lines) continue;
    if (!session.followed.empty() && !session.followed.count(state.spec.service.value)) continue;
    control::LogLine line;
    line.container = state.name;
    line.service = state.spec.service.value;
    line.stream = entry.stream;
    line.time = entry.time;
    logs::append_valid_utf8(line.text, entry.bytes);
    line.generation = entry.position.generation;
    line.offset = entry.position.offset;
    session.connection->offer(line, engine_->log_path(state.id));
  }
}

// Goes to the log, and once to each client whose request is being worked on.
void Supervisor::on_warning(const std::string& text) {
  log("warning: " + text);
  control::EventMessage message;
  message.event.time = wall_now();
  message.event.subject = engine::Subject::Project;
  message.event.step = engine::Step::Warning;
  message.event.text = text;
  for (auto& session : sessions_) {
    const bool beside =
        session.request && is_independent(project_, *session.request) && (session.execution || session.pending > 0);
    if ((beside || &session == current_) && session.warnings.insert(text).second) send(session, message);
  }
}

void Supervisor::on_health(const engine::ContainerState& state) {
  control::EventMessage message;
  message.event.time = wall_now();
  message.event.name = state.name;
  message.event.service = state.spec.service.value;
  message.event.step = state.health == engine::Health::Healthy ? engine::Step::Healthy : engine::Step::Unhealthy;
  tell_watchers(state, state.health == engine::Health::Healthy ? "health_status: healthy" : "health_status: unhealthy");
  for (auto& session : sessions_)
    if (!session.finished && session.request && std::holds_alternative<control::Follow>(*session.request) &&
        (session.followed.empty() || session.followed.count(state.spec.service.value)))
      send(session, message);
}

void Supervisor::on_start(const engine::ContainerState& state) {
  probing_->watch(state);
  tell_watchers(state, "start");
  for (auto& session : sessions_)
    if (session.settling) settle(session);
}

bool Supervisor::on_exit(const engine::ContainerState& state) {
  bool again = false;
  probing_->forget(state.id);
  if (state.user_stopped || state.spec.one_off) {
    deciders_.erase(state.id);
  } else {
    auto& decider = deciders_.try_emplace(state.id, state.spec.restart, state.restart_count).first->second;
    const auto ran = std::chrono::nanoseconds(std::max<std::int64_t>(0, state.finished_at - state.started_at));
    if (const auto delay = decider.on_exit(state.exit_code, ran)) {
      again = true;
      schedule_restart(state.id, *delay);
    }
  }
  if (state.oom_killed) tell_watchers(state, "oom");
  tell_watchers(state, "die", {{"exitCode", std::to_string(state.exit_code)}});
  // What the end of a container means to others may end sessions and begin plans: not from within the engine.
  loop_.post([this, state, again] {
    for (auto& session : sessions_) {
      note_exit(session, state, again);
      if (!again && session.awaited.count(state.id)) note_awaited(session, state);
    }
  });
  for (auto& session : sessions_) {
    if (!session.following || !is_of(session, state)) continue;
    control::Exited exited;
    exited.container = state.name;
    exited.service = state.spec.service.value;
    exited.code = state.exit_code;
    exited.restarting = again;
    exited.oom_killed = state.oom_killed;
    send(session, exited);
    if (session.one_off == state.id) session.exit_code = state.exit_code;
  }
  loop_.post([this] {
    check_followers();
    check_idle();
  });
  return again;
}

void Supervisor::schedule_restart(const ContainerId& id, RestartDecider::Duration delay) {
  restarts_[id] = loop_.after(std::chrono::duration_cast<async::Clock::duration>(delay), [this, id] {
    const auto* state = engine_->find(id);
    if (!state || state->phase != engine::Phase::Restarting) {
      restarts_.erase(id);
      return check_idle();
    }
    engine_->restart(id, [this, id](Result<void> started) {
      restarts_.erase(id);
      if (started) return;
      log(started.error().to_string());
      const auto decider = deciders_.find(id);
      const auto again =
          decider == deciders_.end() ? std::nullopt : decider->second.on_exit(125, RestartDecider::Duration(0));
      if (again)
        schedule_restart(id, *again);
      else
        engine_->give_up_restart(id);
      check_idle();
    });
  });
}

// An attached `up` ends when nothing that it started runs any more; a `run` when its container has ended.
void Supervisor::check_followers() {
  remove_ended_one_offs();
  end_watches();
  for (auto& session : sessions_) {
    if (!session.following || session.finished || session.execution) continue;
    if (!session.one_off.empty()) {
      const auto* state = engine_->find(session.one_off);
      if (state && (state->phase == engine::Phase::Running || state->phase == engine::Phase::Created)) continue;
      if (!auto_remove_.count(session.one_off)) finish(session, session.exit_code);  // else when it is gone
      continue;
    }
    if (!session.attached || session.stopping) continue;
    const auto all = containers_of(session);
    if (std::none_of(all.begin(), all.end(), [](const auto& state) {
          return state.phase == engine::Phase::Running || state.phase == engine::Phase::Paused ||
                 state.phase == engine::Phase::Restarting;
        }))
      finish(session, 0);
  }
}

// A taken port is refused before anything is touched.
Result<void> Supervisor::check_ports(const plan::Plan& plan) const {
  std::vector<engine::ContainerSpec> starting;
  std::set<ContainerId> ending;
  for (const auto& action : plan.actions) {
    if (const auto* stopped = std::get_if<plan::StopContainer>(&action.what)) ending.insert(stopped->container.id);
    if (const auto* removed = std::get_if<plan::RemoveContainer>(&action.what)) ending.insert(removed->container.id);
    const auto* started = std::get_if<plan::StartContainer>(&action.what);
    if (!started) continue;
    if (started->container.created_by > 0) {
      const auto& created = plan.actions[static_cast<std::size_t>(started->container.created_by) - 1].what;
      if (const auto* made = std::get_if<plan::CreateContainer>(&created)) starting.push_back(made->spec);
    } else if (const auto* state = engine_->find(started->container.id)) {
      starting.push_back(state->spec);
    }
  }
  return engine_->check_ports(starting, ending);
}

// `intent`: the request that the next supervisor does again when this one is killed meanwhile.
void Supervisor::execute(Session& session, plan::Plan plan, const std::optional<control::Message>& intent,
                         std::function<void(const execute::Outcome&)> done) {
  session.plan = std::move(plan);
  if (auto free = check_ports(session.plan); !free) return finish(session, 1, {control::problem_of(free.error())});
  grown_ = true;
  const bool recorded = intent && !session.plan.empty() && !session.resumed;
  if (recorded)
    if (auto written = write_intent(paths_, project_, *intent, 0); !written)
      return finish(session, 1, {control::problem_of(written.error())});
  session.execution = std::make_unique<execute::Execution>(
      session.plan, engine_->ports(), wall_now,
      [this, self = &session](const engine::Event& event) { send(*self, control::EventMessage{event}); });
  const bool clears = recorded || session.resumed;
  session.execution->start([this, self = &session, clears, done = std::move(done)](const execute::Outcome& outcome) {
    if (keeper_->is_gone()) return;  // the rest failed for that; whoever follows us does it again
    if (clears)
      if (auto cleared = state::clear_intent(paths_, project_); !cleared) log(cleared.error().to_string());
    // The execution is on the stack: it goes in the next turn.
    loop_.post([self, done, result = outcome] {
      self->execution.reset();
      done(result);
    });
  });
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() != 3) return 2;
  ::signal(SIGPIPE, SIG_IGN);  // a client that went away is an error of the call
  Supervisor supervisor({arguments[0], arguments[1]}, ProjectName(arguments[2]));
  try {
    must(supervisor.start());
    supervisor.run();
    return 0;
  } catch (const Failure& failure) {
    const std::string path = arguments[1] + "/" + arguments[2] + "/supervisor.log";
    auto file = sys::open(path, O_WRONLY | O_CREAT | O_APPEND);
    if (file) (void)sys::write_all(file->get(), "error: " + failure.error().to_string() + "\n", path);
    return 1;
  }
}

}  // namespace berth::supervisor
