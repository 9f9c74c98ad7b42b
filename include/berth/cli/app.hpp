// One run of the program: the parsed command line, the environment and where things live, handed to each command.
// Commands return the exit code; they throw Failure where they can only unwind, and run_program turns that into
// `error:` and `hint:`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/cli/options.hpp"
#include "berth/state/paths.hpp"
#include "berth/text/diagnostic.hpp"

namespace berth::cli {

// design: section 6. `run`, `exec` and `--exit-code-from` pass the service's code instead.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,
  kPlanHasChanges = 2,  // only plan --detailed-exitcode
  kNoComposeFile = 14,
  kInvalidModel = 15,
  kBadFlag = 16,
  kBuildFailed = 17,
  kPullFailed = 18,
  kInterrupted = 130,
};

struct App {
  std::string program;  // "berth", or "docker-compose" where it is called by that name
  CommandLine line;
  std::map<std::string, std::string> environment;
  state::Paths paths;
  bool color_out = false;  // escape sequences on stdout, stderr
  bool color_err = false;

  std::string variable(const std::string& name) const;  // empty where unset
  int status_fd() const;  // where progress goes: stderr, with COMPOSE_STATUS_STDOUT stdout
};

int run_program(const std::string& argv0, const std::vector<std::string>& arguments,
                std::map<std::string, std::string> environment);

// A parsed line, run: the client's flags taken, failures printed; the exit code.
int run_line(std::string program, CommandLine line, std::map<std::string, std::string> environment,
             int (*run)(const App&));
void report(const UsageError& error);

void print(std::string_view text);     // to stdout, as it is
void print_error(const Error& error);  // "error: ..." and "hint: ..." to stderr
void print_warning(std::string_view text);
void print_note(std::string_view text);  // what is being waited for, on stderr
// To stderr; with GITHUB_ACTIONS=true also as workflow annotations.
void print_diagnostics(const App& app, const text::Diagnostics& diagnostics);

}  // namespace berth::cli
