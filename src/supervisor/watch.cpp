// `wait` and `events`: requests that only look, beside the queue.
#include <algorithm>

#include "supervisor.hpp"

namespace berth::supervisor {

void Supervisor::begin_wait(Session& session, const control::Wait& wait) {
  std::vector<const engine::ContainerState*> ended;
  const auto all = engine_->containers();
  for (const auto& state : all) {
    const auto& named = wait.services;
    if (state.spec.one_off || std::find(named.begin(), named.end(), state.spec.service.value) == named.end()) continue;
    if (state.phase == engine::Phase::Exited || state.phase == engine::Phase::Dead)
      ended.push_back(&state);
    else
      session.awaited.insert(state.id);
  }
  if (ended.empty() && session.awaited.empty())
    return finish(session, 1, {{"none of the services has a container", ""}});
  for (const auto* state : ended) note_awaited(session, *state);
}

void Supervisor::note_awaited(Session& session, const engine::ContainerState& state) {
  const auto* wait = session.request ? std::get_if<control::Wait>(&*session.request) : nullptr;
  if (!wait || session.finished) return;
  control::Exited exited;
  exited.container = state.name;
  exited.service = state.spec.service.value;
  exited.code = state.exit_code;
  exited.oom_killed = state.oom_killed;
  send(session, exited);
  session.exit_code = state.exit_code;
  session.awaited.erase(state.id);
  if (session.awaited.empty() || wait->down_project) finish(session, session.exit_code);
}

void Supervisor::tell_watchers(const engine::ContainerState& state, const std::string& action,
                               const std::map<std::string, std::string>& attributes) {
  for (auto& session : sessions_) {
    const auto* watch = session.request ? std::get_if<control::Watch>(&*session.request) : nullptr;
    if (!watch || session.finished || session.gone) continue;
    const auto& named = watch->services;
    if (!named.empty() && std::find(named.begin(), named.end(), state.spec.service.value) == named.end()) continue;
    control::Happened happened;
    happened.time = wall_now();
    happened.action = action;
    happened.id = state.id;
    happened.service = state.spec.service.value;
    happened.attributes = attributes;
    happened.attributes["image"] = state.spec.image;
    happened.attributes["name"] = state.name;
    send(session, happened);
  }
}

// Who only looks does not keep the pair from ending.
void Supervisor::let_watchers_go() {
  for (auto& session : sessions_)
    if (session.request && (std::holds_alternative<control::Watch>(*session.request) ||
                            std::holds_alternative<control::Wait>(*session.request) ||
                            std::holds_alternative<control::Follow>(*session.request)))
      finish(session, session.exit_code);
}

}  // namespace berth::supervisor
