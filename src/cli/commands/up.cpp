#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "berth/state/records.hpp"
#include "berth/sys/file.hpp"
#include "build_images.hpp"
#include "commands.hpp"
#include "compose_files.hpp"
#include "stack.hpp"
#include "stack_client.hpp"
#include "start_stack.hpp"

namespace berth::cli {
namespace {

std::optional<plan::Duration> grace(const OptionValues& options) {
  const auto seconds = options.number("timeout");
  if (!seconds) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

void refuse(const OptionValues& options, std::initializer_list<const char*> flags) {
  for (const char* flag : flags)
    if (options.given(flag) && options.text(flag) != "false")
      throw Failure(Error::make(ErrorKind::Unsupported, "--" + std::string(flag) + " is not served by this version"));
}

plan::UpOptions up_options(const App& app) {
  const OptionValues& given = app.line.options;
  plan::UpOptions options;
  options.services = app.line.operands;
  if (given.flag("force-recreate") && given.flag("no-recreate"))
    throw Failure(Error::make(ErrorKind::Invalid, "--force-recreate and --no-recreate exclude each other"));
  if (given.flag("force-recreate")) options.recreate = plan::Recreate::Force;
  if (given.flag("no-recreate")) options.recreate = options.recreate_dependencies = plan::Recreate::Never;
  if (given.flag("always-recreate-deps")) options.recreate_dependencies = plan::Recreate::Force;
  options.no_dependencies = given.flag("no-deps");
  options.no_start = given.flag("no-start");
  options.remove_orphans = given.flag("remove-orphans");
  options.renew_anonymous_volumes = given.flag("renew-anon-volumes");
  options.wait = given.flag("wait");
  options.timeout = grace(given);
  for (const auto& text : given.all("scale")) {
    const auto equals = text.find('=');
    char* end = nullptr;
    const long count = equals == std::string::npos ? -1 : std::strtol(text.c_str() + equals + 1, &end, 10);
    if (count < 0 || !end || *end || end == text.c_str() + equals + 1)
      throw Failure(Error::make(ErrorKind::Invalid, "invalid value `" + text + "` for --scale")
                        .with_hint("--scale SERVICE=NUMBER"));
    options.scale[text.substr(0, equals)] = static_cast<int>(count);
  }
  return options;
}

// Services whose image must be built before they can start.
std::set<std::string> to_build(const compose::Loaded& loaded, const std::map<std::string, engine::ImageFacts>& facts,
                               bool always) {
  std::set<std::string> services;
  for (const auto& [name, service] : loaded.project.services)
    if (service.build &&
        (always || service.pull_policy == "build" || !facts.count(image_name(loaded.project, service))))
      services.insert(name);
  return services;
}

}  // namespace

int run_up(const App& app) {
  const OptionValues& given = app.line.options;
  refuse(given, {"abort-on-container-exit", "abort-on-container-failure", "exit-code-from", "watch", "no-attach",
                 "attach-dependencies"});
  if (app.line.globals.flag("dry-run"))
    throw Failure(Error::make(ErrorKind::Unsupported, "--dry-run is not served by this version"));
  if (given.flag("build") && given.flag("no-build"))
    throw Failure(Error::make(ErrorKind::Invalid, "--build and --no-build exclude each other"));
  const plan::UpOptions options = up_options(app);
  const auto loaded = load_project(app, app.line.operands, compose::Purpose::Run);
  must(state::open_roots(app.paths));
  auto facts = image_facts(app, loaded.project);
  if (!given.flag("no-build")) {
    const auto missing = to_build(loaded, facts, given.flag("build"));
    BuildWishes wishes;
    wishes.quiet = given.flag("quiet-build");
    build_images(app, loaded, missing, wishes);
    if (!missing.empty()) facts = image_facts(app, loaded.project);
  }
  const ProjectName& project = loaded.project.name;
  ensure_supervisor(app, project);
  control::Up up;
  up.project = loaded.project;
  up.options = options;
  up.images = std::move(facts);
  up.attach = !given.flag("detach") && !given.flag("wait") && !given.flag("no-start");
  up.attach_services = given.all("attach");
  if (const auto seconds = given.number("wait-timeout"); seconds && *seconds > 0)
    up.wait_timeout = std::chrono::seconds(*seconds);
  return request_of_stack(app, project, up);
}

namespace {

// What the files declare, all of it: `down -v` takes volumes of services that are not enabled, too. Nothing where -p
// names a project whose files are not here.
std::optional<model::Project> declared_project(const App& app) {
  auto options = load_options(app, {});
  options.all_resources = true;
  compose::DiskFiles disk;
  auto outcome = compose::load(options, compose::Environment{app.environment}, disk);
  const bool named = app.line.globals.given("project-name") || !app.variable("COMPOSE_PROJECT_NAME").empty();
  if (!outcome.loaded && outcome.exit_code == kNoComposeFile && named) return std::nullopt;
  print_diagnostics(app, outcome.diagnostics);
  if (!outcome.loaded) throw LoadFailed{outcome.exit_code};
  return std::move(outcome.loaded->project);
}

}  // namespace

int run_down(const App& app) {
  const OptionValues& given = app.line.options;
  refuse(given, {"rmi"});
  auto declared = declared_project(app);
  const ProjectName project = declared ? declared->name : project_name(app);
  must(state::open_roots(app.paths));
  const auto projects = state::list_projects(app.paths);
  if (std::find(projects.begin(), projects.end(), project) == projects.end()) {
    print_warning("no resource found to remove for project `" + project.value + "`");
    return kOk;
  }
  ensure_supervisor(app, project);
  control::Down down;
  down.project = std::move(declared);
  down.options.services = app.line.operands;
  down.options.volumes = given.flag("volumes");
  down.options.remove_orphans = given.flag("remove-orphans");
  down.options.timeout = grace(given);
  down.remove_run = app.line.operands.empty();
  const int code = request_of_stack(app, project, down);
  if (code == kOk && down.remove_run && stored_containers(app, project).empty()) {
    remove_run_directory(app, project);
    must(sys::remove_tree(app.paths.project(project)));
  }
  return code;
}

int run_exec(const App& app) {
  const OptionValues& given = app.line.options;
  refuse(given, {"dry-run"});
  const bool no_terminal = given.flag("no-tty") || given.flag("no-TTY") || given.flag("detach") ||
                           !::isatty(STDIN_FILENO) || !::isatty(STDOUT_FILENO);
  if (!no_terminal)
    throw Failure(Error::make(ErrorKind::Unsupported, "exec with a terminal is not served by this version")
                      .with_hint("use `exec -T`"));
  const ProjectName project = project_name(app);
  control::Exec exec;
  exec.service = app.line.operands.at(0);
  exec.argv = {app.line.operands.begin() + 1, app.line.operands.end()};
  exec.index = static_cast<int>(given.number("index").value_or(1));
  exec.environment = given.all("env");
  for (auto& entry : exec.environment)
    if (entry.find('=') == std::string::npos) entry += "=" + app.variable(entry);
  exec.user = given.text("user");
  exec.working_dir = given.text("workdir");
  exec.privileged = given.flag("privileged");
  exec.detach = given.flag("detach");
  return request_of_stack(
      app, project, exec,
      exec.detach ? std::vector<int>{} : std::vector<int>{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO});
}

int run_run(const App& app) {
  const OptionValues& given = app.line.options;
  refuse(given, {"publish", "cap-add", "cap-drop", "remove-orphans", "env-from-file", "volume"});
  const std::string name = app.line.operands.at(0);
  auto loaded = load_project(app, {name}, compose::Purpose::Run);
  const auto found = loaded.project.services.find(name);
  if (found == loaded.project.services.end())
    throw Failure(Error::make(ErrorKind::NotFound, "no such service: `" + name + "`"));
  auto& service = found->second;
  if (app.line.operands.size() > 1)
    service.command = std::vector<std::string>(app.line.operands.begin() + 1, app.line.operands.end());
  if (given.given("entrypoint")) {
    service.entrypoint = given.text("entrypoint").empty() ? std::vector<std::string>{}
                                                          : std::vector<std::string>{given.text("entrypoint")};
    if (app.line.operands.size() == 1) service.command = std::vector<std::string>{};
  }
  for (const auto& entry : given.all("env")) {
    const auto equals = entry.find('=');
    service.environment[entry.substr(0, equals)] =
        equals == std::string::npos ? app.variable(entry) : entry.substr(equals + 1);
  }
  for (const auto& entry : given.all("label")) {
    const auto equals = entry.find('=');
    service.labels[entry.substr(0, equals)] = equals == std::string::npos ? "" : entry.substr(equals + 1);
  }
  if (given.given("user")) service.user = given.text("user");
  if (given.given("workdir")) service.working_dir = given.text("workdir");
  service.container_name.clear();
  must(state::open_roots(app.paths));
  auto facts = image_facts(app, loaded.project);
  const auto missing = to_build(loaded, facts, false);
  std::set<std::string> build = missing;
  if (given.flag("build")) build.insert(name);
  build_images(app, loaded, build, {.quiet = given.flag("quiet-build")});
  if (!build.empty()) facts = image_facts(app, loaded.project);
  const ProjectName project = loaded.project.name;
  ensure_supervisor(app, project);
  control::Run run;
  run.project = loaded.project;
  run.service = name;
  run.images = std::move(facts);
  run.name = given.text("name");
  run.no_dependencies = given.flag("no-deps");
  run.service_ports = given.flag("service-ports");
  run.use_aliases = given.flag("use-aliases");
  run.remove = given.flag("rm");
  run.detach = given.flag("detach");
  run.interactive = false;
  return request_of_stack(app, project, run);
}

}  // namespace berth::cli
