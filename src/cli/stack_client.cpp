#include "stack_client.hpp"

#include <csignal>
#include <memory>
#include <optional>
#include <variant>

#include "berth/control/client.hpp"
#include "stack_view.hpp"

namespace berth::cli {

std::unique_ptr<control::Client> connect_to_stack(const App& app, const ProjectName& project) {
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

int request_of_stack(const App& app, const ProjectName& project, const control::Message& request,
                     const std::vector<std::string>& names) {
  const auto client = connect_to_stack(app, project);
  StackView view(app, project, client->loop());
  view.add_names(names);
  int interrupts = 0;
  std::optional<Error> unsent;
  const auto on_interrupt = [&] {
    const control::Message cancel = control::Cancel{.force = interrupts++ > 0};
    view.show_interrupt(interrupts > 1);
    if (auto sent = client->send(cancel); !sent) {
      unsent = sent.error();
      client->loop().stop();
    }
  };
  const auto interrupt = client->loop().on_signal(SIGINT, on_interrupt);
  const auto terminate = client->loop().on_signal(SIGTERM, on_interrupt);
  must(client->send(request));
  int exit_code = kFailed;
  const auto received = client->receive([&](control::Message message, std::vector<sys::UniqueFd>) {
    const auto code = view.show(message);
    if (code) exit_code = *code;
    return code ? control::Client::Next::Stop : control::Client::Next::Continue;
  });
  if (unsent) throw Failure(*unsent);
  if (!received) throw Failure(received.error().while_doing("waiting for the supervisor of `" + project.value + "`"));
  return interrupts > 0 ? static_cast<int>(kInterrupted) : exit_code;
}

int watch_stack(const App& app, const ProjectName& project, const control::Message& request,
                const std::function<void(const control::Message&)>& receiver) {
  const auto client = connect_to_stack(app, project);
  bool interrupted = false;
  const auto stop = [&] {
    interrupted = true;
    client->loop().stop();
  };
  const auto interrupt = client->loop().on_signal(SIGINT, stop);
  const auto terminate = client->loop().on_signal(SIGTERM, stop);
  must(client->send(request));
  int exit_code = kFailed;
  const auto received = client->receive([&](control::Message message, std::vector<sys::UniqueFd>) {
    const auto* done = std::get_if<control::Done>(&message);
    if (!done) {
      receiver(message);
      return control::Client::Next::Continue;
    }
    for (const auto& error : done->errors) show_problem(error);
    exit_code = done->ok || done->exit_code != 0 ? done->exit_code : static_cast<int>(kFailed);
    return control::Client::Next::Stop;
  });
  if (interrupted) return kInterrupted;
  if (!received) throw Failure(received.error().while_doing("waiting for the supervisor of `" + project.value + "`"));
  return exit_code;
}

}  // namespace berth::cli
