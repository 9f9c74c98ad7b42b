// stop, start, restart, kill, rm, pause, unpause: one request over the containers that exist.
#include <chrono>

#include "commands.hpp"
#include "stack.hpp"
#include "stack_client.hpp"

namespace berth::cli {
namespace {

std::optional<plan::Duration> grace_of(const OptionValues& options) {
  const auto seconds = options.number("timeout");
  if (!seconds) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

plan::VerbOptions verb_options(const App& app, plan::Verb verb) {
  plan::VerbOptions options;
  options.verb = verb;
  options.services = app.line.operands;
  options.timeout = grace_of(app.line.options);
  options.no_dependencies = app.line.options.flag("no-deps");
  if (verb == plan::Verb::Kill) options.signal = app.line.options.text("signal");
  if (verb == plan::Verb::Remove) {
    options.stop_first = app.line.options.flag("stop");
    options.anonymous_volumes = app.line.options.flag("volumes");
  }
  return options;
}

int act(const App& app, plan::Verb verb) {
  if (app.line.globals.flag("dry-run"))
    throw Failure(Error::make(ErrorKind::Unsupported,
                              "--dry-run does not work with `" + std::string(app.line.command->name) + "` yet"));
  if (app.line.options.flag("remove-orphans"))
    throw Failure(Error::make(ErrorKind::Unsupported, "--remove-orphans does not work with `kill` yet")
                      .with_hint("`down --remove-orphans` removes them"));
  if (verb == plan::Verb::Remove && !app.line.options.flag("force"))
    throw Failure(Error::make(ErrorKind::Invalid, "`rm` asks nothing and needs --force")
                      .with_hint("`rm -f` removes stopped containers"));
  const ProjectName project = project_name(app);
  if (stored_containers(app, project).empty())
    throw Failure(Error::make(ErrorKind::NotFound, "project `" + project.value + "` has no containers"));
  return request_of_stack(app, project, control::Act{.options = verb_options(app, verb)});
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
