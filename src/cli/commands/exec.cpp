// `exec`: programs in running containers.
#include "attached_client.hpp"
#include "commands.hpp"
#include "stack.hpp"
#include "stack_client.hpp"

namespace berth::cli {

int run_exec(const App& app) {
  const OptionValues& given = app.line.options;
  refuse_flags(app.line.globals, {"dry-run"});
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

}  // namespace berth::cli
