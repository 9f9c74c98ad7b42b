#include "docker.hpp"

#include <unistd.h>

#include "berth/cli/app.hpp"
#include "docker/commands.hpp"
#include "docker_presence.hpp"

namespace berth::cli {
namespace {

int run_docker_line(const App& app) {
  const CommandLine& line = app.line;
  if (!line.command && line.globals.flag("version") && !line.help) {
    print(docker::version_line());
    return kOk;
  }
  if (!line.command) {
    print(line.family.empty() ? program_help(docker_grammar()) : family_help(docker_grammar(), line.family));
    return kOk;
  }
  const Command& command = *line.command;
  if (line.help) {
    print(command_help(app.program, command));
    return kOk;
  }
  const CommandFunction function = docker::command_function(command.name);
  if (!function)
    throw Failure(Error::make(ErrorKind::Unsupported, "`" + std::string(command.name) + "` is not part of this build"));
  if (command.needs_root && ::geteuid() != 0)
    throw Failure(Error::make(ErrorKind::Permission, "`docker " + std::string(command.name) +
                                                         "` needs root: run `sudo docker " + std::string(command.name) +
                                                         " ...`"));
  if (command.needs_root) require_local_daemon(app.environment);
  return function(app);
}

}  // namespace

int run_docker(const std::vector<std::string>& arguments, std::map<std::string, std::string> environment) {
  auto parsed = parse_command_line(arguments, docker_grammar());
  if (!parsed) {
    report(parsed.error());
    return parsed.error().exit_code();
  }
  // Compat: docker says names and ids, not what is being done.
  static constexpr Option kProgress{.name = "progress", .value = ValueKind::Text};
  parsed->globals.add(kProgress, "quiet");
  return run_line("docker", std::move(*parsed), std::move(environment), run_docker_line);
}

}  // namespace berth::cli
