#include "commands.hpp"
#include "front.hpp"

namespace berth::cli {

// Under docker's names: the release that scripts may count on (decisions/names.md), and one number in the line.
int run_version(const App& app) {
  const bool own = app.program == "berth";
  const std::string number = own ? BERTH_VERSION : std::string(kComposeLevel);
  if (app.line.options.flag("short"))
    print(number + "\n");
  else if (app.line.options.text("format") == "json")
    print(own ? "{\"version\":\"" + number + "\"}\n"
              : "{\"version\":\"v" + number + "\",\"berth\":\"" BERTH_VERSION "\"}\n");
  else
    print(own ? "berth version " + number + "\n" : "Docker Compose version v" + number + " (berth)\n");
  return kOk;
}

int run_help(const App& app) {
  if (app.line.operands.empty()) {
    print(program_help(compose_grammar(app.program)));
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
