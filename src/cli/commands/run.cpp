// `run`: a service's image and settings, a command of one's own, in a container of its own.
#include <algorithm>

#include "attached_client.hpp"
#include "berth/state/records.hpp"
#include "berth/sys/file.hpp"
#include "build_images.hpp"
#include "commands.hpp"
#include "compose_files.hpp"
#include "docker_presence.hpp"
#include "pull_images.hpp"
#include "run_override.hpp"
#include "stack.hpp"
#include "stack_client.hpp"
#include "start_stack.hpp"
#include "up_options.hpp"

namespace berth::cli {
namespace {

constexpr std::size_t kMaxEnvFile = 16u << 20;

// All volumes that the files declare, used or not. What is wrong with the files is said when they are read for good.
std::set<std::string> declared_volumes(const App& app) {
  auto options = load_options(app, {});
  options.all_resources = true;
  compose::DiskFiles disk;
  const auto outcome = compose::load(options, compose::Environment{app.environment}, disk);
  std::set<std::string> names;
  if (outcome.loaded)
    for (const auto& [key, unused] : outcome.loaded->project.volumes) names.insert(key);
  return names;
}

// Of several files the first that has a variable wins, as with docker compose.
std::map<std::string, std::string> file_variables(const App& app) {
  std::map<std::string, std::string> known, all;
  for (const auto& entry : app.line.options.all("env-from-file")) {
    const std::string content = must(sys::read_file(entry, kMaxEnvFile));
    known = app.environment;
    for (const auto& [name, value] : all) known[name] = value;
    all.merge(must(compose::parse_env_file(entry, content, known)));
  }
  return all;
}

compose::Loaded load_for_run(const App& app, const std::string& service) {
  const OptionValues& given = app.line.options;
  RunOverride run;
  run.service = service;
  run.command = {app.line.operands.begin() + 1, app.line.operands.end()};
  run.file_variables = file_variables(app);
  auto options = load_options(app, {service});
  run.directory = options.working_dir;
  if (!named_volumes(given.all("volume")).empty()) run.declared_volumes = declared_volumes(app);
  options.purpose = compose::Purpose::Run;
  options.no_dependencies = given.flag("no-deps");
  options.over_text = run_override(run, given);
  options.over_name = "<flags of run>";
  return load_with(app, options);
}

void check_run_flags(const OptionValues& given) {
  if (given.flag("service-ports") && !given.all("publish").empty())
    throw Failure(Error::make(ErrorKind::Invalid, "--service-ports and --publish exclude each other"));
  const std::string name = given.text("name");
  if (given.given("name")) require_container_name(name);
}

// -q: no progress, no build output.
App quieted(const App& app) {
  App quiet = app;
  static constexpr Option kProgress{.name = "progress", .value = ValueKind::Text};
  quiet.line.globals.add(kProgress, "quiet");
  return quiet;
}

int run_one_off(const App& app) {
  const OptionValues& given = app.line.options;
  check_run_flags(given);
  const std::string name = app.line.operands.at(0);
  auto loaded = load_for_run(app, name);
  require_docker_sockets(loaded.project);
  if (!given.flag("fresh-volumes")) require_no_docker_volumes(app, loaded.project, false);
  must(state::open_roots(app.paths));
  std::set<std::string> all;
  for (const auto& [service, unused] : loaded.project.services) all.insert(service);
  pull_for_start(app, loaded, all);
  auto facts = image_facts(app, loaded.project);
  std::set<std::string> build = services_to_build(loaded, all, facts, given.text("pull") == "build");
  if (given.flag("build") && loaded.project.services.at(name).build) build.insert(name);
  if (!build.empty()) {
    build_images(app, loaded, build, {.quiet = given.flag("quiet-build") || given.flag("quiet")});
    facts = image_facts(app, loaded.project);
  }
  const ProjectName project = loaded.project.name;
  ensure_supervisor(app, project);
  control::Run run;
  run.project = std::move(loaded.project);
  run.service = name;
  run.images = std::move(facts);
  run.name = given.text("name");
  run.no_dependencies = given.flag("no-deps");
  run.service_ports = given.flag("service-ports") || given.given("publish");
  run.use_aliases = given.flag("use-aliases");
  run.remove = given.flag("rm");
  run.remove_orphans = remove_orphans(app);
  run.detach = given.flag("detach");
  return run.detach ? request_of_stack(app, project, run) : attach_to_run(app, project, std::move(run));
}

}  // namespace

int run_run(const App& app) {
  refuse_flags(app.line.globals, {"dry-run"});
  return app.line.options.flag("quiet") ? run_one_off(quieted(app)) : run_one_off(app);
}

}  // namespace berth::cli
