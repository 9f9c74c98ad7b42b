// Programs in containers: in a running one (exec), in one of their own (run).
#include "attached_client.hpp"
#include "build_images.hpp"
#include "commands.hpp"
#include "compose_files.hpp"
#include "stack.hpp"
#include "stack_client.hpp"
#include "start_stack.hpp"
#include "up_options.hpp"

namespace berth::cli {

int run_exec(const App& app) {
  const OptionValues& given = app.line.options;
  refuse_flags(given, {"dry-run"});
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
  return exec.detach ? request_of_stack(app, project, exec) : attach_to_exec(app, project, std::move(exec));
}

int run_run(const App& app) {
  const OptionValues& given = app.line.options;
  refuse_flags(given, {"publish", "cap-add", "cap-drop", "remove-orphans", "env-from-file", "volume"});
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
  std::set<std::string> all;
  for (const auto& [service_name, unused] : loaded.project.services) all.insert(service_name);
  std::set<std::string> build = services_to_build(loaded, all, facts, false);
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
  return run.detach ? request_of_stack(app, project, run) : attach_to_run(app, project, std::move(run));
}

}  // namespace berth::cli
