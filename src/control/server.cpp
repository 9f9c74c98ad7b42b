#include "berth/control/server.hpp"

#include <unistd.h>

#include <map>
#include <utility>

namespace berth::control {
namespace {

constexpr auto kGreetingDeadline = std::chrono::seconds(10);

}  // namespace

struct Server::Impl : std::enable_shared_from_this<Server::Impl> {
  // A connection between accept and its first request.
  struct Greeting {
    std::unique_ptr<Connection> connection;
    async::Timer deadline;
  };

  async::Loop& loop;
  sys::UniqueFd listening;
  std::string build;
  Accepted accepted;
  async::Watch watch;
  async::Timer pause;
  std::map<std::uint64_t, Greeting> greetings;
  std::uint64_t next_key = 0;

  Impl(async::Loop& on, sys::UniqueFd fd, std::string own, Accepted call)
      : loop(on), listening(std::move(fd)), build(std::move(own)), accepted(std::move(call)) {}

  void start() {
    watch = loop.on_readable(listening.get(), [this] { accept(); });
  }

  void accept() {
    auto socket = sys::accept_unix(listening.get());
    if (!socket) {
      // Out of descriptors or memory: the client stays in the backlog. Without a pause the loop would turn at full
      // speed.
      watch.cancel();
      pause = loop.after(std::chrono::milliseconds(100), [this] { start(); });
      return;
    }
    if (!*socket) return;
    const auto peer = sys::peer_credentials(socket->get());
    if (!peer || (peer->uid != 0 && peer->uid != geteuid())) return;  // closed unread
    const auto key = next_key++;
    auto& greeting = greetings[key];
    greeting.connection = std::make_unique<Connection>(loop, std::move(*socket));
    greeting.deadline = loop.after(kGreetingDeadline, [this, key] { greetings.erase(key); });
    Connection::Callbacks callbacks;
    callbacks.on_message = [this, key](Message message, std::vector<sys::UniqueFd>) { greet(key, message); };
    callbacks.on_closed = [this, key](std::optional<Error>) { greetings.erase(key); };
    greeting.connection->start(std::move(callbacks));
  }

  void greet(std::uint64_t key, const Message& message) {
    auto node = greetings.extract(key);
    auto connection = std::move(node.mapped().connection);
    const auto* hello = std::get_if<Hello>(&message);
    if (!hello) {
      connection->refuse(std::string("the conversation began with ") + name_of(message) + " instead of Hello");
      return linger(std::move(connection));
    }
    HelloReply reply;
    reply.protocol = kProtocol;
    reply.build = build;
    reply.pid = getpid();
    reply.accepted = hello->protocol == kProtocol;
    if (!reply.accepted)
      reply.reason = "this stack is served by berth " + build + ", which speaks protocol " + std::to_string(kProtocol);
    if (!connection->send(reply)) return;
    Peer peer;
    peer.pid = connection->peer().pid;
    peer.build = hello->build;
    if (!reply.accepted) connection->take_only_shutdown();
    accepted(std::move(connection), std::move(peer));
  }

  // Keeps a refused connection until its answer is written and the peer has closed, ten seconds at most.
  void linger(std::unique_ptr<Connection> connection) {
    const auto key = next_key++;
    auto& greeting = greetings[key];
    greeting.connection = std::move(connection);
    greeting.deadline = loop.after(kGreetingDeadline, [this, key] { greetings.erase(key); });
  }
};

Server::Server(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) { impl_->start(); }

Server::~Server() { stop_accepting(); }

Result<std::unique_ptr<Server>> Server::listen(async::Loop& loop, const std::string& path, std::string build,
                                               Accepted accepted) {
  auto listening = sys::listen_unix(path);
  if (!listening) return listening.error();
  return adopt(loop, std::move(*listening), std::move(build), std::move(accepted));
}

Result<std::unique_ptr<Server>> Server::adopt(async::Loop& loop, sys::UniqueFd listening, std::string build,
                                              Accepted accepted) {
  auto impl = std::make_shared<Impl>(loop, std::move(listening), std::move(build), std::move(accepted));
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

int Server::fd() const noexcept { return impl_->listening.get(); }

void Server::stop_accepting() {
  impl_->watch.cancel();
  impl_->pause.cancel();
  impl_->greetings.clear();
  impl_->listening.reset();
}

}  // namespace berth::control
