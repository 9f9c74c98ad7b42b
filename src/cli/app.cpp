#include "berth/cli/app.hpp"

#include <unistd.h>

#include <boost/json.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "berth/sys/unix_socket.hpp"
#include "commands.hpp"
#include "compose_files.hpp"
#include "docker/docker.hpp"
#include "docker_presence.hpp"
#include "front.hpp"
#include "workflow_annotation.hpp"

namespace berth::cli {

std::string App::variable(const std::string& name) const {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

int App::status_fd() const {
  const std::string wish = variable("COMPOSE_STATUS_STDOUT");
  return wish.empty() || wish == "0" || wish == "false" ? STDERR_FILENO : STDOUT_FILENO;
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

namespace {

// --progress json: what goes to stderr is one object a line, all of it. Of the process, as stderr is.
bool json_messages = false;

void print_object(boost::json::object object) { std::fprintf(stderr, "%s\n", boost::json::serialize(object).c_str()); }

}  // namespace

void print_error(const Error& error) {
  if (json_messages) {
    boost::json::object object{{"error", true}, {"message", error.to_string()}};
    if (!error.hint().empty()) object.emplace("hint", error.hint());
    return print_object(std::move(object));
  }
  std::fprintf(stderr, "error: %s\n", error.to_string().c_str());
  if (!error.hint().empty()) std::fprintf(stderr, "hint: %s\n", error.hint().c_str());
}

void print_warning(std::string_view text) {
  if (json_messages) return print_object({{"warning", true}, {"message", text}});
  std::fprintf(stderr, "warning: %.*s\n", static_cast<int>(text.size()), text.data());
}

void print_note(std::string_view text) {
  if (json_messages) return print_object({{"message", text}});
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

namespace {

boost::json::object diagnostic_object(const text::Diagnostic& diagnostic) {
  std::string place;
  if (diagnostic.span)
    place = diagnostic.span.file->path() + ":" + std::to_string(diagnostic.span.line) + ":" +
            std::to_string(diagnostic.span.column) + ": ";
  const bool failed = diagnostic.severity == text::Severity::Error;
  boost::json::object object{{failed ? "error" : "warning", true}, {"message", place + diagnostic.message}};
  if (!diagnostic.code.empty()) object.emplace("code", diagnostic.code);
  if (!diagnostic.hint.empty()) object.emplace("hint", diagnostic.hint);
  return object;
}

bool wants_color(const App& app, int fd) {
  const std::string given = app.line.globals.maybe("ansi").value_or(app.variable("COMPOSE_ANSI"));
  if (app.line.globals.flag("no-ansi") || given == "never") return false;
  if (given == "always") return true;
  if (!app.variable("NO_COLOR").empty()) return false;
  if (const std::string force = app.variable("CLICOLOR_FORCE"); !force.empty() && force != "0") return true;
  return isatty(fd) != 0 && app.variable("TERM") != "dumb";
}

// The docker client's flags stand for its variables, and win over them.
void take_client_flags(App& app) {
  static constexpr std::pair<const char*, const char*> kVariables[] = {
      {"host", "DOCKER_HOST"}, {"context", "DOCKER_CONTEXT"}, {"config", "DOCKER_CONFIG"}};
  for (const auto& [flag, variable] : kVariables)
    if (const auto value = app.line.globals.maybe(flag)) app.environment[variable] = *value;
  // Of the flags one wins over the variables of the other.
  if (app.line.globals.given("context") && !app.line.globals.given("host")) app.environment.erase("DOCKER_HOST");
}

// The docker client (from version 25 on) tells its plug-in to end by closing a connection: a signal that only the
// client got, as from `kill`, would not be heard of otherwise.
sys::UniqueFd follow_client(const App& app) {
  const std::string address = app.variable("DOCKER_CLI_PLUGIN_SOCKET");
  if (address.empty() || app.program != "docker compose") return {};
  auto watched = sys::signal_on_hangup(address, SIGTERM);
  return watched ? std::move(*watched) : sys::UniqueFd();  // left over in the environment of somebody else's child
}

// `config` and the like say the same on any machine.
bool touches_containers(const Command& command) {
  return command.needs_root || command.name == "build" || command.name == "plan";
}

// What needs no command's work: help and version. Nothing where the command is to run.
std::optional<int> answer_without_command(const App& app) {
  if (app.line.command && app.line.help) {
    print(command_help(app.program, *app.line.command));
    return kOk;
  }
  if (app.line.command) return std::nullopt;
  if (app.line.globals.flag("version") && !app.line.help) return run_version(app);
  print(program_help(compose_grammar(app.program)));
  return kOk;
}

int run_command(const App& app) {
  const Command& command = *app.line.command;
  const std::string name(command.name);
  const CommandFunction function = command_function(command.name);
  if (!function)
    throw Failure(Error::make(ErrorKind::Unsupported, "`" + name + "` is not part of this build of berth"));
  if (command.needs_root && geteuid() != 0)
    throw Failure(Error::make(ErrorKind::Permission,
                              "`" + name + "` needs root: run `sudo " + app.program + " " + name + " ...`"));
  if (touches_containers(command)) require_local_daemon(app.environment);
  return function(app);
}

}  // namespace

void report(const UsageError& error) {
  std::fprintf(stderr, "error: %s\n", error.message().c_str());
  if (!error.hint().empty()) std::fprintf(stderr, "hint: %s\n", error.hint().c_str());
}

void print_diagnostics(const App& app, const text::Diagnostics& diagnostics) {
  for (const text::Diagnostic& diagnostic : diagnostics.all()) {
    if (json_messages) {
      print_object(diagnostic_object(diagnostic));
      continue;
    }
    const std::string shown = text::render(diagnostic, {.color = app.color_err});
    std::fwrite(shown.data(), 1, shown.size(), stderr);
    if (app.variable("GITHUB_ACTIONS") == "true") {
      std::error_code failed;
      const std::string directory = std::filesystem::current_path(failed).string();
      const std::string annotation = workflow_annotation(diagnostic, directory, app.variable("GITHUB_WORKSPACE"));
      std::fprintf(stderr, "%s\n", annotation.c_str());
    }
  }
}

int run_program(const std::string& argv0, const std::vector<std::string>& arguments,
                std::map<std::string, std::string> environment) {
  Call call = choose_front(argv0, arguments);
  if (call.front == Front::PluginMetadata) {
    print(plugin_metadata());
    return kOk;
  }
  if (call.front == Front::Docker) return run_docker(call.arguments, std::move(environment));
  ParsedLine parsed = parse_command_line(call.arguments, compose_grammar(call.program));
  if (!parsed) {
    report(parsed.error());
    return parsed.error().exit_code();
  }
  return run_line(std::move(call.program), std::move(*parsed), std::move(environment), [](const App& app) {
    const auto answered = answer_without_command(app);
    return answered ? *answered : run_command(app);
  });
}

int run_line(std::string program, CommandLine line, std::map<std::string, std::string> environment,
             int (*run)(const App&)) {
  App app{.program = std::move(program), .line = std::move(line), .environment = std::move(environment), .paths = {}};
  take_client_flags(app);
  const sys::UniqueFd client = follow_client(app);
  app.paths = state::choose_paths(app.line.globals.maybe("root").value_or(app.variable("BERTH_ROOT")),
                                  app.line.globals.maybe("run-root").value_or(app.variable("BERTH_RUN_ROOT")));
  json_messages = app.line.globals.maybe("progress").value_or(app.variable("COMPOSE_PROGRESS")) == "json";
  app.color_out = wants_color(app, STDOUT_FILENO);
  app.color_err = wants_color(app, STDERR_FILENO);
  try {
    const int code = run(app);
    // A full disk or a closed pipe behind stdout shows only here.
    if (std::fflush(stdout) != 0) throw Failure(Error::system(errno, "write to", "stdout"));
    return code;
  } catch (const LoadFailed& failed) {
    return failed.exit_code;
  } catch (const Failure& failure) {
    std::fflush(stdout);
    print_error(failure.error());
    return kFailed;
  }
}

}  // namespace berth::cli
