#include "stack_client.hpp"

#include <csignal>
#include <memory>
#include <optional>
#include <variant>

#include "berth/base/build_id.hpp"
#include "berth/control/client.hpp"
#include "stack.hpp"
#include "stack_view.hpp"
#include "start_stack.hpp"

namespace berth::cli {

namespace {

// Nothing: nobody serves the stack any more.
std::unique_ptr<control::Client> try_connect(const App& app, const ProjectName& project) {
  auto client = control::Client::connect(app.paths.control_socket(project), build_id());
  if (!client) {
    const ErrorKind kind = client.error().kind();
    if (kind != ErrorKind::TimedOut && kind != ErrorKind::Permission && kind != ErrorKind::Protocol) return nullptr;
    throw Failure(client.error().while_doing("asking the supervisor of `" + project.value + "`"));
  }
  const control::HelloReply& server = (*client)->server();
  if (!server.accepted)
    throw Failure(Error::make(ErrorKind::Protocol,
                              "the supervisor of `" + project.value + "` is of another version: " + server.reason));
  return std::move(*client);
}

constexpr int kMostRepeats = 5;

// What a successor of a killed supervisor can be asked again, in the words that do not do twice what was done.
std::optional<control::Message> repeated(const control::Message& request) {
  if (const auto* up = std::get_if<control::Up>(&request)) {
    control::Up again = *up;
    again.options.recreate = plan::Recreate::Diverged;  // the successor finishes what was forced
    return again;
  }
  if (std::holds_alternative<control::Down>(request)) return request;
  if (const auto* act = std::get_if<control::Act>(&request))
    if (act->options.verb != plan::Verb::Restart && act->options.verb != plan::Verb::Kill) return request;
  return std::nullopt;
}

const model::Project* described_by(const control::Message& request) {
  if (const auto* up = std::get_if<control::Up>(&request)) return &up->project;
  const auto* one_off = std::get_if<control::Run>(&request);
  if (one_off && !one_off->standalone) return &one_off->project;  // else there is no file
  return nullptr;
}

// One conversation. Nothing: the supervisor went away before it had answered.
std::optional<int> converse(const App& app, const ProjectName& project, control::Client* client,
                            const control::Message& request, const std::vector<std::string>& names, int& interrupts) {
  StackView view(app, project, client->loop());
  view.add_names(names);
  if (const auto* description = described_by(request)) view.show_places_in(*description);
  if (const auto* up = std::get_if<control::Up>(&request)) view.set_attaching(up->attach);
  if (const auto* run = std::get_if<control::Run>(&request)) view.set_printing_id(run->detach || run->no_start);
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
  std::optional<int> exit_code;
  const auto take = [&](control::Message message, std::vector<sys::UniqueFd>) {
    exit_code = view.show(message);
    return exit_code ? control::Client::Next::Stop : control::Client::Next::Continue;
  };
  const auto sent = client->send(request);
  const auto received = sent ? client->receive(take) : sent;
  if (unsent) throw Failure(*unsent);
  if (exit_code) return exit_code;
  if (received.error().kind() == ErrorKind::Protocol)
    throw Failure(received.error().while_doing("waiting for the supervisor of `" + project.value + "`"));
  return std::nullopt;
}

}  // namespace

std::unique_ptr<control::Client> connect_to_stack(const App& app, const ProjectName& project) {
  if (auto client = try_connect(app, project)) return client;
  // Containers whose pair has died run on, and are taken over.
  if (!stored_containers(app, project).empty()) {
    ensure_supervisor(app, project);
    if (auto client = try_connect(app, project)) return client;
  }
  throw Failure(Error::make(ErrorKind::NotFound, "stack `" + project.value + "` is not up: it has no containers")
                    .with_hint("`berth up -d` starts it"));
}

int request_of_stack(const App& app, const ProjectName& project, const control::Message& request,
                     const std::vector<std::string>& names) {
  int interrupts = 0;
  std::optional<control::Message> next = request;
  for (int repeats = 0; next && repeats <= kMostRepeats; ++repeats) {
    if (const auto client = try_connect(app, project)) {
      const auto code = converse(app, project, client.get(), *next, names, interrupts);
      if (interrupts > 0) return kInterrupted;
      if (code) return *code;
      next = repeated(request);
      if (next) print_note("the supervisor of `" + project.value + "` has ended; asking its successor");
    }
    if (next) ensure_supervisor(app, project);
  }
  throw Failure(Error::make(ErrorKind::Failed, "the supervisor of `" + project.value + "` ended before it had answered")
                    .with_hint("`ps` shows what runs"));
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
    for (const auto& error : done->errors) show_problem(app, error, nullptr);
    exit_code = done->ok || done->exit_code != 0 ? done->exit_code : static_cast<int>(kFailed);
    return control::Client::Next::Stop;
  });
  if (interrupted) return kInterrupted;
  if (!received) throw Failure(received.error().while_doing("waiting for the supervisor of `" + project.value + "`"));
  return exit_code;
}

}  // namespace berth::cli
