// stop, start, restart, kill, pause, unpause, rm, rename, wait: over containers of any project, each by the supervisor
// of its own.
#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <optional>

#include "attached_client.hpp"
#include "berth/local/runtime_spec.hpp"
#include "docker/commands.hpp"
#include "docker/find.hpp"
#include "stack.hpp"
#include "stack_client.hpp"
#include "start_stack.hpp"

namespace berth::cli::docker {
namespace {

// What is asked of a container, and why it cannot be done to this one.
struct Wish {
  plan::VerbOptions options;
  std::function<std::optional<Error>(const engine::ContainerState&)> refuse;
};

Error not_running_error(const engine::ContainerState& state) {
  return Error::make(ErrorKind::Invalid, "container `" + state.name + "` is not running");
}

int act_on_project(const App& app, const ProjectName& project, plan::VerbOptions options,
                   const std::vector<const Found*>& found) {
  for (const auto* one : found) {
    options.containers.push_back(one->state.id.value);
    const std::string& service = one->state.spec.service.value;
    if (std::find(options.services.begin(), options.services.end(), service) == options.services.end())
      options.services.push_back(service);
  }
  ensure_supervisor(app, project);
  return request_of_stack(app, project, control::Act{.options = std::move(options), .wait_timeout = {}});
}

// Compat: the words that named them are printed for those that it was done to.
int act_on(const App& app, const std::vector<std::string>& names, const Wish& wish) {
  const Chosen chosen = choose_containers(app, names);
  int code = chosen.missing ? kFailed : kOk;
  std::map<ProjectName, std::vector<const Found*>> by_project;
  std::map<std::string, bool> done;  // by word
  for (const auto& [word, found] : chosen.found) {
    if (auto refused = wish.refuse ? wish.refuse(found.state) : std::nullopt) {
      print_error(*refused);
      code = kFailed;
      continue;
    }
    by_project[found.project()].push_back(&found);
  }
  for (const auto& [project, found] : by_project) {
    const int result = act_on_project(app, project, wish.options, found);
    if (result == kInterrupted) return result;
    if (result != kOk) code = kFailed;
    for (const auto& [word, one] : chosen.found)
      if (result == kOk && std::any_of(found.begin(), found.end(), [&](const Found* other) { return other == &one; }))
        done[word] = true;
  }
  for (const auto& name : names)
    if (done.count(name)) print(name + "\n");
  return code;
}

std::optional<plan::Duration> grace_given(const App& app) {
  for (const char* flag : {"time", "timeout"})
    if (const auto seconds = app.line.options.number(flag)) return std::chrono::seconds(*seconds);
  return std::nullopt;
}

Wish wish_of(plan::Verb verb) {
  Wish wish;
  wish.options.verb = verb;
  wish.options.no_dependencies = true;
  return wish;
}

// -t and -s of `stop` and `restart`.
void say_how_to_stop(const App& app, Wish& wish) {
  wish.options.timeout = grace_given(app);
  wish.options.signal = app.line.options.text("signal");
  if (!wish.options.signal.empty() && !local::parse_signal(wish.options.signal))
    throw Failure(Error::make(ErrorKind::Invalid, "there is no signal `" + wish.options.signal + "`"));
}

int start_attached(const App& app) {
  if (app.line.operands.size() != 1)
    throw Failure(Error::make(ErrorKind::Invalid, "only one container can be started and attached to"));
  const Found found = require_container(app, app.line.operands[0]);
  Manner manner = manner_of_attach(app, found.state.spec.tty);
  manner.interactive = app.line.options.flag("interactive") && found.state.spec.stdin_open;
  control::Attach attach;
  attach.container = found.state.id;
  attach.service = found.state.spec.service.value;
  attach.start = !is_up(found.state.phase);
  ensure_supervisor(app, found.project());
  return attach_to_container(app, found.project(), attach, manner);
}

}  // namespace

int run_stop(const App& app) {
  Wish wish = wish_of(plan::Verb::Stop);
  say_how_to_stop(app, wish);
  return act_on(app, app.line.operands, wish);
}

int run_restart(const App& app) {
  Wish wish = wish_of(plan::Verb::Restart);
  say_how_to_stop(app, wish);
  return act_on(app, app.line.operands, wish);
}

int run_start(const App& app) {
  if (app.line.options.flag("attach") || app.line.options.flag("interactive")) return start_attached(app);
  return act_on(app, app.line.operands, wish_of(plan::Verb::Start));
}

int run_kill(const App& app) {
  Wish wish = wish_of(plan::Verb::Kill);
  wish.options.signal = app.line.options.text("signal");
  if (!local::parse_signal(wish.options.signal))
    throw Failure(Error::make(ErrorKind::Invalid, "there is no signal `" + wish.options.signal + "`"));
  wish.refuse = [](const engine::ContainerState& state) {
    return is_up(state.phase) ? std::nullopt : std::optional(not_running_error(state));
  };
  return act_on(app, app.line.operands, wish);
}

int run_pause(const App& app) {
  Wish wish = wish_of(plan::Verb::Pause);
  wish.refuse = [](const engine::ContainerState& state) -> std::optional<Error> {
    if (state.phase == engine::Phase::Running) return std::nullopt;
    if (state.phase != engine::Phase::Paused) return not_running_error(state);
    return Error::make(ErrorKind::Invalid, "container `" + state.name + "` is paused already");
  };
  return act_on(app, app.line.operands, wish);
}

int run_unpause(const App& app) {
  Wish wish = wish_of(plan::Verb::Unpause);
  wish.refuse = [](const engine::ContainerState& state) -> std::optional<Error> {
    if (state.phase == engine::Phase::Paused) return std::nullopt;
    return Error::make(ErrorKind::Invalid, "container `" + state.name + "` is not paused");
  };
  return act_on(app, app.line.operands, wish);
}

int run_rm(const App& app) {
  Wish wish = wish_of(plan::Verb::Remove);
  const bool force = app.line.options.flag("force");
  wish.options.anonymous_volumes = app.line.options.flag("volumes");
  wish.options.stop_first = force;
  if (force) wish.options.signal = "KILL";
  wish.refuse = [force](const engine::ContainerState& state) -> std::optional<Error> {
    if (force || !is_up(state.phase)) return std::nullopt;
    return Error::make(ErrorKind::Busy, "container `" + state.name + "` is " +
                                            (state.phase == engine::Phase::Paused ? "paused" : "running"))
        .with_hint("stop it first, or `rm -f`");
  };
  // Compat: with -f what is not there is no error.
  std::vector<std::string> names = app.line.operands;
  if (force) {
    const auto all = all_containers(app);
    std::erase_if(names, [&](const std::string& name) {
      const auto found = find_container(all, name);
      const bool gone = !found && found.error().kind() == ErrorKind::NotFound;
      if (gone) print_error(found.error());
      return gone;
    });
  }
  return act_on(app, names, wish);
}

int run_rename(const App& app) {
  const Found found = require_container(app, app.line.operands[0]);
  Wish wish = wish_of(plan::Verb::Rename);
  wish.options.name = app.line.operands[1];
  require_container_name(wish.options.name);
  return act_on_project(app, found.project(), wish.options, {&found});
}

int run_wait(const App& app) {
  const Chosen chosen = choose_containers(app, app.line.operands);
  int code = chosen.missing ? kFailed : kOk;
  for (const auto& [word, found] : chosen.found) {
    control::Wait wait;
    wait.containers = {found.state.id.value};
    wait.services = {found.state.spec.service.value};
    if (!is_up(found.state.phase)) {
      print(std::to_string(found.state.exit_code) + "\n");
      continue;
    }
    ensure_supervisor(app, found.project());
    std::optional<int> exit_code;
    const int result = watch_stack(app, found.project(), wait, [&](const control::Message& message) {
      if (const auto* exited = std::get_if<control::Exited>(&message)) exit_code = exited->code;
    });
    if (!exit_code) return result == kOk ? static_cast<int>(kFailed) : result;
    print(std::to_string(*exit_code) + "\n");
  }
  return code;
}

}  // namespace berth::cli::docker
