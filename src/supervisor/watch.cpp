// `wait` and `events`: requests that only look, beside the queue.
#include <algorithm>
#include <chrono>
#include <limits>

#include "supervisor.hpp"

namespace berth::supervisor {

void Supervisor::begin_wait(Session& session, const control::Wait& wait) {
  std::vector<const engine::ContainerState*> ended;
  const auto all = engine_->containers();
  const auto is_in = [](const std::vector<std::string>& list, const std::string& one) {
    return std::find(list.begin(), list.end(), one) != list.end();
  };
  for (const auto& state : all) {
    const bool named = wait.containers.empty() ? !state.spec.one_off && is_in(wait.services, state.spec.service.value)
                                               : is_in(wait.containers, state.id.value);
    if (!named) continue;
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

namespace {

// As many as a docker daemon keeps.
constexpr std::size_t kHappenedKept = 256;

bool is_watched(const control::Watch& watch, const std::string& service) {
  return watch.services.empty() ||
         std::find(watch.services.begin(), watch.services.end(), service) != watch.services.end();
}

}  // namespace

void Supervisor::tell_watchers(const engine::ContainerState& state, const std::string& action,
                               const std::map<std::string, std::string>& attributes) {
  control::Happened happened;
  happened.time = wall_now();
  happened.action = action;
  happened.id = state.id;
  happened.service = state.spec.service.value;
  happened.attributes = attributes;
  happened.attributes["image"] = state.spec.image;
  happened.attributes["name"] = state.name;
  for (auto& session : sessions_) {
    const auto* watch = session.request ? std::get_if<control::Watch>(&*session.request) : nullptr;
    if (!watch || session.finished || session.gone || !is_watched(*watch, happened.service)) continue;
    if (watch->until == 0 || happened.time < watch->until) send(session, happened);
  }
  happened_.push_back(std::move(happened));
  if (happened_.size() > kHappenedKept) happened_.pop_front();
}

void Supervisor::begin_watch(Session& session, const control::Watch& watch) {
  const auto until = watch.until == 0 ? std::numeric_limits<std::int64_t>::max() : watch.until;
  if (watch.since != 0)
    for (const auto& happened : happened_)
      if (happened.time >= watch.since && happened.time < until && is_watched(watch, happened.service))
        send(session, happened);
  if (watch.until != 0) {
    const auto left = std::chrono::nanoseconds(std::max<std::int64_t>(0, watch.until - wall_now()));
    session.watched_until = loop_.after(std::chrono::duration_cast<async::Clock::duration>(left),
                                        [this, self = &session] { finish(*self, 0); });
  }
  end_watches();
}

void Supervisor::end_watches() {
  for (auto& session : sessions_) {
    const auto* watch = session.request ? std::get_if<control::Watch>(&*session.request) : nullptr;
    if (!watch || !watch->until_all_ended || session.finished) continue;
    const auto all = engine_->containers();
    const bool more = current_ || !queue_.empty() || std::any_of(all.begin(), all.end(), [&](const auto& state) {
                        const bool ended = state.phase == engine::Phase::Exited || state.phase == engine::Phase::Dead ||
                                           state.phase == engine::Phase::Created;
                        return is_watched(*watch, state.spec.service.value) && !ended;
                      });
    if (!more) finish(session, 0);
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
