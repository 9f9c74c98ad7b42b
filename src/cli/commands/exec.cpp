// `exec` and `attach`: programs in running containers, and the containers' own.
#include "attached_client.hpp"
#include "commands.hpp"
#include "stack.hpp"
#include "stack_client.hpp"
#include "stored_container.hpp"

namespace berth::cli {

int run_exec(const App& app) {
  const OptionValues& given = app.line.options;
  refuse_flags(app.line.globals, {"dry-run"});
  const ProjectName project = project_name(app);
  control::Exec exec;
  exec.service = app.line.operands.at(0);
  exec.argv = {app.line.operands.begin() + 1, app.line.operands.end()};
  exec.index = static_cast<int>(given.number("index").value_or(0));
  exec.environment = given.all("env");
  for (auto& entry : exec.environment)
    if (entry.find('=') == std::string::npos) entry += "=" + app.variable(entry);
  exec.user = given.text("user");
  exec.working_dir = given.text("workdir");
  exec.privileged = given.flag("privileged");
  exec.detach = given.flag("detach");
  return exec.detach ? request_of_stack(app, project, exec) : attach_to_exec(app, project, std::move(exec));
}

int run_attach(const App& app) {
  refuse_flags(app.line.globals, {"dry-run"});
  const ProjectName project = project_name(app);
  control::Attach attach;
  attach.service = app.line.operands.at(0);
  attach.index = static_cast<int>(app.line.options.number("index").value_or(0));
  const auto containers = containers_of_service(app, project, attach.service, attach.index);
  return attach_to_container(app, project, attach, manner_of_attach(app, containers.front().record.spec.tty));
}

}  // namespace berth::cli
