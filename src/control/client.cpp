#include "berth/control/client.hpp"

#include <optional>
#include <utility>

namespace berth::control {

struct Client::Impl {
  async::Loop loop;
  std::unique_ptr<Connection> connection;
  HelloReply server;
  Receiver receiver;            // of the receive() that runs
  std::optional<Error> broken;  // the connection has ended so
  bool ended = false;
  bool complete = false;                                              // the receiver said Stop, or Done came
  std::vector<std::pair<Message, std::vector<sys::UniqueFd>>> early;  // came between two receive()

  void take(Message message, std::vector<sys::UniqueFd> descriptors) {
    if (!receiver || complete) {
      early.emplace_back(std::move(message), std::move(descriptors));
      return;
    }
    const bool last = std::holds_alternative<Done>(message);
    const auto next = receiver(std::move(message), std::move(descriptors));
    if (!last && next == Next::Continue) return;
    complete = true;
    loop.stop();
  }

  void start() {
    Connection::Callbacks callbacks;
    callbacks.on_message = [this](Message message, std::vector<sys::UniqueFd> descriptors) {
      take(std::move(message), std::move(descriptors));
    };
    callbacks.on_closed = [this](std::optional<Error> error) {
      ended = true;
      broken = std::move(error);
      loop.stop();
    };
    connection->start(std::move(callbacks));
  }

  Result<void> receive(const Receiver& call) {
    receiver = call;
    complete = false;
    auto waiting = std::exchange(early, {});
    for (auto& [message, descriptors] : waiting) take(std::move(message), std::move(descriptors));
    if (!complete && !ended) loop.run();
    receiver = nullptr;
    if (complete) return {};
    if (broken) return *broken;
    if (ended) return Error::make(ErrorKind::Failed, "the supervisor ended before it had answered");
    return Error::make(ErrorKind::Cancelled, "stopped waiting for the supervisor");
  }
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::connect(const std::string& path, const std::string& build,
                                                async::Clock::duration deadline) {
  auto socket = sys::connect_unix(path);
  if (!socket) return socket.error();
  auto impl = std::make_unique<Impl>();
  auto& state = *impl;
  state.connection = std::make_unique<Connection>(state.loop, std::move(*socket));
  state.start();
  Hello hello;
  hello.protocol = kProtocol;
  hello.build = build;
  BERTH_TRY(state.connection->send(hello));
  bool greeted = false;
  bool late = false;
  auto timer = state.loop.after(deadline, [&] { late = true, state.loop.stop(); });
  auto received = state.receive([&](Message message, std::vector<sys::UniqueFd>) {
    if (auto* reply = std::get_if<HelloReply>(&message)) state.server = std::move(*reply), greeted = true;
    return Next::Stop;
  });
  if (late) return Error::make(ErrorKind::TimedOut, "the supervisor behind `" + path + "` does not answer");
  if (!received) return received.error().while_doing("greet the supervisor behind `" + path + "`");
  if (!greeted) return Error::make(ErrorKind::Protocol, "the supervisor behind `" + path + "` did not greet");
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

const HelloReply& Client::server() const noexcept { return impl_->server; }

Result<void> Client::send(const Message& message, const std::vector<int>& descriptors) {
  return impl_->connection->send(message, descriptors);
}

Result<void> Client::receive(const Receiver& receiver) { return impl_->receive(receiver); }

async::Loop& Client::loop() noexcept { return impl_->loop; }

Result<void> Client::shut_down_server(const std::string& build, async::Clock::duration deadline) {
  bool late = false;
  const auto timer = impl_->loop.after(deadline, [&] { late = true, impl_->loop.stop(); });
  Shutdown request;
  request.build = build;
  BERTH_TRY(send(request));
  // Its process has ended when the socket closes, not yet with Done.
  bool refused = false;
  std::string reason;
  auto done = receive([&](Message message, std::vector<sys::UniqueFd>) {
    if (auto* last = std::get_if<Done>(&message); last && !last->ok) {
      refused = true;
      if (!last->errors.empty()) reason = last->errors.front().text;
    }
    return Next::Continue;
  });
  if (refused) return Error::make(ErrorKind::Failed, "the supervisor does not shut down: " + reason);
  if (!done && !impl_->ended && !late) return done;
  if (!impl_->ended && !late) impl_->loop.run();
  if (!impl_->ended) return Error::make(ErrorKind::TimedOut, "the supervisor is still busy");
  return {};
}

}  // namespace berth::control
