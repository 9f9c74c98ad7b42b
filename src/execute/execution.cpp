#include "berth/execute/execution.hpp"

#include "berth/base/assert.hpp"

namespace berth::execute {
namespace {

using engine::Step;
using engine::Subject;

template <class... F>
struct Each : F... {
  using F::operator()...;
};
template <class... F>
Each(F...) -> Each<F...>;

// How an action looks to those who watch: its subject, and the steps of its beginning and end.
struct Appearance {
  Subject subject;
  std::string name, service;
  Step begins, ends;
};

Appearance of_container(const plan::ContainerRef& container, Step begins, Step ends) {
  return {Subject::Container, container.name, container.service.value, begins, ends};
}

Appearance appearance_of(const plan::What& what) {
  return std::visit(
      Each{
          [](const plan::CreateNetwork& a) {
            return Appearance{Subject::Network, a.spec.network.name, "", Step::Creating, Step::Created};
          },
          [](const plan::RemoveNetwork& a) {
            return Appearance{Subject::Network, a.name, "", Step::Removing, Step::Removed};
          },
          [](const plan::CreateVolume& a) {
            return Appearance{Subject::Volume, a.spec.volume.name, "", Step::Creating, Step::Created};
          },
          [](const plan::RemoveVolume& a) {
            return Appearance{Subject::Volume, a.name, "", Step::Removing, Step::Removed};
          },
          [](const plan::CreateContainer& a) {
            const bool beside = !a.temporary_name.empty();
            return Appearance{Subject::Container, a.spec.name, a.spec.service.value,
                              beside ? Step::Recreating : Step::Creating, beside ? Step::Recreated : Step::Created};
          },
          [](const plan::StartContainer& a) { return of_container(a.container, Step::Starting, Step::Started); },
          [](const plan::StopContainer& a) { return of_container(a.container, Step::Stopping, Step::Stopped); },
          [](const plan::KillContainer& a) { return of_container(a.container, Step::Killing, Step::Killed); },
          [](const plan::PauseContainer& a) { return of_container(a.container, Step::Pausing, Step::Paused); },
          [](const plan::UnpauseContainer& a) { return of_container(a.container, Step::Unpausing, Step::Unpaused); },
          [](const plan::RemoveContainer& a) { return of_container(a.container, Step::Removing, Step::Removed); },
          [](const plan::RenameContainer& a) { return of_container(a.container, Step::Renaming, Step::Renamed); },
          [](const plan::AwaitCondition& a) {
            switch (a.condition) {
              case engine::Condition::Started: return of_container(a.container, Step::Waiting, Step::Started);
              case engine::Condition::Completed: return of_container(a.container, Step::Waiting, Step::Completed);
              case engine::Condition::Healthy:
              case engine::Condition::Settled: break;
            }
            return of_container(a.container, Step::Waiting, Step::Healthy);
          },
      },
      what);
}

bool is_tolerated(const plan::What& what, const Error& error) {
  return std::visit(Each{
                        [](const plan::AwaitCondition& a) { return !a.required; },
                        [&](const plan::RemoveNetwork& a) { return a.if_unused && error.kind() == ErrorKind::Busy; },
                        [&](const plan::RemoveVolume& a) { return a.if_unused && error.kind() == ErrorKind::Busy; },
                        [](const auto&) { return false; },
                    },
                    what);
}

}  // namespace

// Shared with the callbacks of the ports, which may come after the Execution is gone; they then do nothing.
struct Execution::State : std::enable_shared_from_this<State> {
  enum class Node { Pending, Running, Done, Failed };

  State(const plan::Plan& p, engine::Ports q, Now n, engine::EventSink s)
      : plan(p), ports(q), now(std::move(n)), sink(std::move(s)), nodes(p.actions.size(), Node::Pending) {}

  const plan::Plan& plan;
  engine::Ports ports;
  Now now;
  engine::EventSink sink;
  std::vector<Node> nodes;
  std::map<int, int> roots;          // skipped action -> the one that failed
  std::map<int, ContainerId> made;   // by the number of the action that created it
  std::map<int, std::string> waits;  // running AwaitCondition -> what it last said
  std::function<void(const Outcome&)> done;
  Outcome outcome;
  int running = 0;
  bool turning = false, again = false, abandoned = false;

  void emit(const plan::Action& action, Step step, std::string reason, std::string text = {}) {
    const Appearance look = appearance_of(action.what);
    sink({now(), look.subject, look.name, look.service, step, std::move(reason), std::move(text)});
  }

  // Starts what can start until nothing can. Ports may complete within the call: then the turn is taken again, not
  // nested.
  void turn() {
    if (turning) {
      again = true;
      return;
    }
    turning = true;
    do {
      again = false;
      for (const auto& action : plan.actions)
        if (nodes[index(action)] == Node::Pending) consider(action);
    } while (again);
    turning = false;
    if (running == 0 && done) {
      outcome.ok = outcome.errors.empty() && outcome.skipped == 0 && !outcome.cancelled;
      const auto finished = std::exchange(done, nullptr);
      finished(outcome);
    }
  }

  static std::size_t index(const plan::Action& action) { return static_cast<std::size_t>(action.number) - 1; }

  void consider(const plan::Action& action) {
    if (outcome.cancelled) return;
    for (const int number : action.after) {
      const auto& before = nodes[static_cast<std::size_t>(number) - 1];
      if (before == Node::Failed) return skip(action, plan.actions[static_cast<std::size_t>(number) - 1]);
      if (before != Node::Done) return;
    }
    nodes[index(action)] = Node::Running;
    ++running;
    emit(action, appearance_of(action.what).begins, action.cause);
    perform(action);
  }

  // Names the action that really failed, not the skipped one in between.
  void skip(const plan::Action& action, const plan::Action& before) {
    const auto through = roots.find(before.number);
    const int root = through == roots.end() ? before.number : through->second;
    const std::string why =
        "`" + appearance_of(plan.actions[static_cast<std::size_t>(root) - 1].what).name + "` failed";
    again = true;
    const auto* wait = std::get_if<plan::AwaitCondition>(&action.what);
    if (wait && !wait->required) {
      nodes[index(action)] = Node::Done;
      return emit(action, Step::Warning, action.cause, why + ", which is not required: going on without it");
    }
    nodes[index(action)] = Node::Failed;
    roots[action.number] = root;
    ++outcome.skipped;
    emit(action, Step::Skipped, why);
  }

  void complete(const plan::Action& action, const Error* error) {
    if (abandoned) return;
    const auto* wait = std::get_if<plan::AwaitCondition>(&action.what);
    if (wait && nodes[index(action)] != Node::Running) return;  // cancel() has ended it
    BERTH_ASSERT(nodes[index(action)] == Node::Running);
    --running;
    waits.erase(action.number);
    if (error && is_tolerated(action.what, *error)) {
      emit(action, Step::Warning, action.cause, error->to_string() + (wait ? "" : "; it stays"));
      if (!wait) emit(action, Step::Skipped, "still in use");
      error = nullptr;
    } else if (!error) {
      emit(action, appearance_of(action.what).ends, action.cause);
    } else {
      outcome.errors.push_back(*error);
      emit(action, Step::Error, action.cause, error->to_string());
    }
    nodes[index(action)] = error ? Node::Failed : Node::Done;
    turn();
  }

  engine::Done<> done_of(const plan::Action& action) {
    return [self = shared_from_this(), &action](Result<void> result) {
      if (result) {
        self->complete(action, nullptr);
      } else {
        const Error error = result.error();
        self->complete(action, &error);
      }
    };
  }

  ContainerId id_of(const plan::ContainerRef& container) const {
    return container.created_by ? made.at(container.created_by) : container.id;
  }

  void perform(const plan::Action& action) {
    auto& containers = ports.containers;
    std::visit(
        Each{
            [&](const plan::CreateNetwork& a) { ports.networks.ensure(a.spec, done_of(action)); },
            [&](const plan::RemoveNetwork& a) { ports.networks.remove(a.name, done_of(action)); },
            [&](const plan::CreateVolume& a) { ports.volumes.ensure(a.spec, done_of(action)); },
            [&](const plan::RemoveVolume& a) { ports.volumes.remove(a.name, done_of(action)); },
            [&](const plan::CreateContainer& a) {
              containers.create(a.spec, {a.temporary_name, a.inherit_volumes_from},
                                [self = shared_from_this(), &action](Result<ContainerId> id) {
                                  if (id) self->made[action.number] = *id;
                                  const Error error = id ? Error() : id.error();
                                  self->complete(action, id ? nullptr : &error);
                                });
            },
            [&](const plan::StartContainer& a) { containers.start(id_of(a.container), done_of(action)); },
            [&](const plan::StopContainer& a) {
              containers.stop(id_of(a.container), {a.grace, a.signal, true}, done_of(action));
            },
            [&](const plan::KillContainer& a) { containers.kill(id_of(a.container), a.signal, done_of(action)); },
            [&](const plan::PauseContainer& a) { containers.pause(id_of(a.container), done_of(action)); },
            [&](const plan::UnpauseContainer& a) { containers.unpause(id_of(a.container), done_of(action)); },
            [&](const plan::RemoveContainer& a) {
              containers.remove(id_of(a.container), {false, a.anonymous_volumes}, done_of(action));
            },
            [&](const plan::RenameContainer& a) {
              containers.rename(id_of(a.container), a.container.name, done_of(action));
            },
            [&](const plan::AwaitCondition& a) {
              waits[action.number] = "waiting for `" + a.container.name + "`";
              const auto progress = [self = shared_from_this(), &action](const std::string& text) {
                if (self->abandoned) return;  // the plan is gone, too
                const auto wait = self->waits.find(action.number);
                if (wait == self->waits.end() || wait->second == text) return;
                wait->second = text;
                self->emit(action, Step::Waiting, action.cause, text);
              };
              containers.await(id_of(a.container), a.condition, progress, done_of(action));
            },
        },
        action.what);
  }
};

Execution::Execution(const plan::Plan& plan, engine::Ports ports, Now now, engine::EventSink sink)
    : state_(std::make_shared<State>(plan, ports, std::move(now), std::move(sink))) {}

Execution::~Execution() {
  state_->abandoned = true;
  state_->done = nullptr;
}

void Execution::start(std::function<void(const Outcome&)> done) {
  state_->done = std::move(done);
  for (const auto& warning : state_->plan.warnings)
    state_->sink({state_->now(), Subject::Project, {}, {}, Step::Warning, {}, warning});
  const auto keep = state_;  // `done` may destroy this Execution
  keep->turn();
}

void Execution::cancel() {
  const auto keep = state_;
  keep->outcome.cancelled = true;
  for (const auto& [number, text] : std::exchange(keep->waits, {})) {
    keep->nodes[static_cast<std::size_t>(number) - 1] = State::Node::Failed;
    --keep->running;
  }
  keep->turn();
}

std::vector<std::string> Execution::waiting() const {
  std::vector<std::string> texts;
  for (const auto& [number, text] : state_->waits) texts.push_back(text);
  return texts;
}

}  // namespace berth::execute
