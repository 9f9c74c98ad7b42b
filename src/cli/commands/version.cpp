#include "commands.hpp"

namespace berth::cli {

// Says what it is, under whichever name it is called: no number of docker compose is claimed.
int run_version(const App& app) {
  const std::string number = BERTH_VERSION;
  if (app.line.options.flag("short"))
    print(number + "\n");
  else if (app.line.options.text("format") == "json")
    print("{\"version\":\"" + number + "\"}\n");
  else if (app.program == "docker-compose")
    print("berth version " + number + " (in place of docker-compose)\n");
  else
    print("berth version " + number + "\n");
  return kOk;
}

int run_help(const App& app) {
  if (app.line.operands.empty()) {
    print(program_help(app.program));
    return kOk;
  }
  const Command* command = find_command(app.line.operands[0]);
  if (!command)
    throw Failure(Error::make(ErrorKind::NotFound, "unknown command `" + app.line.operands[0] + "`")
                      .with_hint("`" + app.program + " --help` lists the commands"));
  print(command_help(app.program, *command));
  return kOk;
}

}  // namespace berth::cli
