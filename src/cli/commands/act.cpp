// stop, start, restart, kill, rm, pause, unpause: one request over the containers that exist.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <iostream>

#include "commands.hpp"
#include "stack.hpp"
#include "stack_client.hpp"
#include "start_stack.hpp"
#include "up_options.hpp"

namespace berth::cli {
namespace {

plan::VerbOptions verb_options(const App& app, plan::Verb verb) {
  plan::VerbOptions options;
  options.verb = verb;
  options.services = app.line.operands;
  options.timeout = grace_of(app.line.options);
  options.no_dependencies = app.line.options.flag("no-deps");
  options.wait = verb == plan::Verb::Start && app.line.options.flag("wait");
  if (verb == plan::Verb::Kill) options.signal = app.line.options.text("signal");
  if (verb == plan::Verb::Remove) {
    options.stop_first = app.line.options.flag("stop");
    options.anonymous_volumes = app.line.options.flag("volumes");
  }
  return options;
}

// Compat: these have nothing to say about a project without containers.
bool is_content_with_nothing(plan::Verb verb) { return verb != plan::Verb::Start; }

// `rm` shows what goes and asks; without a terminal to ask on it needs --force.
bool may_remove(const App& app, const std::vector<engine::ContainerState>& containers) {
  std::string names;
  for (const auto& state : containers)
    if (is_named(state, app.line.operands) && !state.spec.one_off &&
        (app.line.options.flag("stop") || state.phase == engine::Phase::Exited ||
         state.phase == engine::Phase::Created || state.phase == engine::Phase::Dead))
      names += (names.empty() ? "" : ", ") + state.name;
  if (names.empty()) {
    std::fputs("No stopped containers\n", stderr);
    return false;
  }
  if (app.line.options.flag("force")) return true;
  std::fprintf(stderr, "Going to remove %s\n", names.c_str());
  if (!::isatty(STDIN_FILENO))
    throw Failure(Error::make(ErrorKind::Invalid, "stdin is no terminal to ask on").with_hint("`rm -f` does not ask"));
  std::fputs("Are you sure? [yN] ", stderr);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

int act(const App& app, plan::Verb verb) {
  if (app.line.options.flag("remove-orphans"))
    throw Failure(Error::make(ErrorKind::Unsupported, "--remove-orphans does not work with `kill`")
                      .with_hint("`down --remove-orphans` removes them"));
  const ProjectName project = project_name(app);
  auto options = verb_options(app, verb);
  const auto containers = stored_containers(app, project);
  require_services(app, containers, app.line.operands);
  options.services = services_with_containers(containers, app.line.operands);
  const bool none = containers.empty() || (options.services.empty() && !app.line.operands.empty());
  if (verb == plan::Verb::Start && options.services.size() < app.line.operands.size())
    throw Failure(Error::make(ErrorKind::NotFound, "a service that was named has no container to start")
                      .with_hint("`up` creates them"));
  if (none && !is_content_with_nothing(verb))
    throw Failure(Error::make(ErrorKind::NotFound, "project `" + project.value + "` has no containers")
                      .with_hint("`up` creates them"));
  if (none && verb == plan::Verb::Kill) print_note("no container to kill");
  if (!none && app.line.globals.flag("dry-run")) return show_plan(plan_of_verb(app, project, options), "text", false);
  if (verb == plan::Verb::Remove && !may_remove(app, containers)) return kOk;
  if (none) return kOk;
  ensure_supervisor(app, project);
  control::Act request{.options = options, .wait_timeout = {}};
  if (const auto seconds = app.line.options.number("wait-timeout"); seconds && *seconds > 0 && options.wait)
    request.wait_timeout = std::chrono::seconds(*seconds);
  return request_of_stack(app, project, request);
}

}  // namespace

int run_stop(const App& app) { return act(app, plan::Verb::Stop); }
int run_start(const App& app) { return act(app, plan::Verb::Start); }
int run_restart(const App& app) { return act(app, plan::Verb::Restart); }
int run_kill(const App& app) { return act(app, plan::Verb::Kill); }
int run_rm(const App& app) { return act(app, plan::Verb::Remove); }
int run_pause(const App& app) { return act(app, plan::Verb::Pause); }
int run_unpause(const App& app) { return act(app, plan::Verb::Unpause); }

}  // namespace berth::cli
