#include "stack_client.hpp"

#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <variant>

#include "berth/control/client.hpp"
#include "berth/logs/format.hpp"
#include "render/progress.hpp"

namespace berth::cli {
namespace {

void show_problem(const control::Problem& problem) {
  std::fprintf(stderr, "error: %s\n", problem.text.c_str());
  if (!problem.hint.empty()) std::fprintf(stderr, "hint: %s\n", problem.hint.c_str());
}

// Shows one message; the exit code when it was the last.
std::optional<int> show(ProgressMode mode, const control::Message& message) {
  if (const auto* event = std::get_if<control::EventMessage>(&message)) {
    std::fputs(progress_line(mode, event->event).c_str(), stderr);
  } else if (const auto* queued = std::get_if<control::Queued>(&message)) {
    if (mode == ProgressMode::Plain) std::fprintf(stderr, "waiting behind %s\n", queued->behind.c_str());
  } else if (const auto* problem = std::get_if<control::Problem>(&message)) {
    show_problem(*problem);
  } else if (const auto* done = std::get_if<control::Done>(&message)) {
    for (const auto& error : done->errors) show_problem(error);
    return done->ok || done->exit_code != 0 ? done->exit_code : static_cast<int>(kFailed);
  }
  return std::nullopt;
}

std::unique_ptr<control::Client> connect(const App& app, const ProjectName& project) {
  auto client = control::Client::connect(app.paths.control_socket(project), BERTH_VERSION);
  if (!client) {
    if (client.error().kind() == ErrorKind::NotFound)
      throw Failure(
          Error::make(ErrorKind::NotFound, "stack `" + project.value + "` is not up: no supervisor serves it"));
    throw Failure(client.error().while_doing("asking the supervisor of `" + project.value + "`"));
  }
  const control::HelloReply& server = (*client)->server();
  if (!server.accepted)
    throw Failure(Error::make(ErrorKind::Protocol,
                              "the supervisor of `" + project.value + "` is of another version: " + server.reason));
  return std::move(*client);
}

}  // namespace

int request_of_stack(const App& app, const ProjectName& project, const control::Message& request,
                     const std::vector<int>& descriptors) {
  const auto client = connect(app, project);
  const ProgressMode mode = progress_mode(app);
  int interrupts = 0;
  std::optional<Error> unsent;
  const auto on_interrupt = [&] {
    const control::Message cancel = control::Cancel{.force = interrupts++ > 0};
    if (auto sent = client->send(cancel); !sent) {
      unsent = sent.error();
      client->loop().stop();
    }
  };
  const auto interrupt = client->loop().on_signal(SIGINT, on_interrupt);
  const auto terminate = client->loop().on_signal(SIGTERM, on_interrupt);

  const bool raw = std::holds_alternative<control::Run>(request);
  logs::LineFormatter formatter({.color = app.color_out && !app.line.options.flag("no-color"),
                                 .prefix = !app.line.options.flag("no-log-prefix"),
                                 .timestamps = app.line.options.flag("timestamps")});
  must(client->send(request, descriptors));
  int exit_code = kFailed;
  const auto received = client->receive([&](control::Message message, std::vector<sys::UniqueFd>) {
    if (const auto* line = std::get_if<control::LogLine>(&message)) {
      std::FILE* out = raw && line->stream == logs::Stream::Stderr ? stderr : stdout;
      const std::string text =
          raw ? line->text : formatter.line(logs::display_name(line->container, project.value), line->text, line->time);
      std::fwrite(text.data(), 1, text.size(), out);
      std::fflush(out);
    } else if (const auto* exited = std::get_if<control::Exited>(&message); exited && !raw) {
      std::printf("%s exited with code %d%s\n", logs::display_name(exited->container, project.value).c_str(),
                  exited->code, exited->restarting ? " (restarting)" : "");
      std::fflush(stdout);
    }
    const auto code = show(mode, message);
    if (code) exit_code = *code;
    return code ? control::Client::Next::Stop : control::Client::Next::Continue;
  });
  if (unsent) throw Failure(*unsent);
  if (!received) throw Failure(received.error().while_doing("waiting for the supervisor of `" + project.value + "`"));
  return interrupts > 0 ? static_cast<int>(kInterrupted) : exit_code;
}

}  // namespace berth::cli
