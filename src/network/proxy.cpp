#include "berth/network/proxy.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "berth/sys/inet_socket.hpp"

namespace berth::network {
namespace proxy_detail {  // named: State has members of these types

// One direction: socket -> pipe -> socket. The kernel moves pages, no byte comes here.
struct ProxyFlow {
  sys::UniqueFd in, out;  // of the pipe
  std::size_t buffered = 0;
  bool source_ended = false, finished = false;
};

struct ProxyConnection {
  sys::UniqueFd client, server;
  ProxyFlow up, down;  // client -> server, server -> client
  std::uint32_t client_events = ~0u, server_events = ~0u;
};

constexpr std::size_t kProxyChunk = 64 << 10;
constexpr unsigned kProxySplice = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

bool open_proxy_pipe(ProxyFlow& flow) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return false;
  flow.out.reset(ends[0]);
  flow.in.reset(ends[1]);
  return true;
}

// Moves what can be moved; false: the connection is broken.
bool pump_proxy(ProxyFlow& flow, int from, int to) {
  for (bool moved = true; moved && !flow.finished;) {
    moved = false;
    // Only into an empty pipe: EAGAIN then always means that the socket has nothing.
    if (!flow.source_ended && flow.buffered == 0) {
      const auto size = ::splice(from, nullptr, flow.in.get(), nullptr, kProxyChunk, kProxySplice);
      if (size > 0)
        flow.buffered = static_cast<std::size_t>(size);
      else if (size == 0)
        flow.source_ended = true;
      else if (errno != EAGAIN && errno != EINTR && errno != ENOTCONN)
        return false;
    }
    if (flow.buffered > 0) {
      const auto size = ::splice(flow.out.get(), nullptr, to, nullptr, flow.buffered, kProxySplice);
      if (size > 0) {
        flow.buffered -= static_cast<std::size_t>(size);
        moved = true;
      } else if (size < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN) {
        return false;
      }
    }
    if (flow.source_ended && flow.buffered == 0) {
      ::shutdown(to, SHUT_WR);
      flow.finished = true;
    }
  }
  return true;
}

std::uint32_t proxy_interest(const ProxyFlow& reads, const ProxyFlow& writes) {
  return (!reads.source_ended && reads.buffered == 0 ? EPOLLIN : 0u) | (writes.buffered > 0 ? EPOLLOUT : 0u);
}

}  // namespace proxy_detail
using namespace proxy_detail;

struct TcpProxy::State {
  struct Target {
    sys::Ipv4 container;
    std::uint16_t port = 0;
  };
  sys::UniqueFd epoll;
  std::map<int, Target> listeners;
  std::map<int, std::shared_ptr<ProxyConnection>> sockets;  // by both of its descriptors
  std::size_t open = 0;

  void close(const std::shared_ptr<ProxyConnection>& connection) {
    open -= sockets.erase(connection->client.get());
    sockets.erase(connection->server.get());
  }
  void watch(ProxyConnection& connection) {
    const auto client = proxy_interest(connection.up, connection.down),
               server = proxy_interest(connection.down, connection.up);
    if (client != connection.client_events)
      (void)sys::watch_epoll(epoll.get(), connection.client.get(), connection.client_events = client);
    if (server != connection.server_events)
      (void)sys::watch_epoll(epoll.get(), connection.server.get(), connection.server_events = server);
  }
  void accept_all(int listener, const Target& target) {
    while (auto client = sys::accept_inet(listener)) {
      auto server = sys::connect_inet(sys::InetKind::Tcp, target.container.text(), target.port);
      auto connection = std::make_shared<ProxyConnection>();
      if (!server || !open_proxy_pipe(connection->up) || !open_proxy_pipe(connection->down))
        continue;  // closes the client
      connection->client = std::move(client);
      connection->server = std::move(*server);
      sockets[connection->client.get()] = sockets[connection->server.get()] = connection;
      ++open;
      watch(*connection);
    }
  }
  void advance(int fd, std::uint32_t events) {
    const auto found = sockets.find(fd);
    if (found == sockets.end()) return;  // closed earlier in this round
    const auto connection = found->second;
    const bool alive = pump_proxy(connection->up, connection->client.get(), connection->server.get()) &&
                       pump_proxy(connection->down, connection->server.get(), connection->client.get());
    if (!alive || (connection->up.finished && connection->down.finished) || (events & EPOLLERR))
      return close(connection);
    watch(*connection);
  }
};

TcpProxy::TcpProxy(std::unique_ptr<State> state) : state_(std::move(state)) {}
TcpProxy::TcpProxy(TcpProxy&&) noexcept = default;
TcpProxy& TcpProxy::operator=(TcpProxy&&) noexcept = default;
TcpProxy::~TcpProxy() = default;

Result<TcpProxy> TcpProxy::create() {
  auto epoll = sys::create_epoll();
  if (!epoll) return epoll.error();
  auto state = std::make_unique<State>();
  state->epoll = std::move(*epoll);
  return TcpProxy(std::move(state));
}
int TcpProxy::fd() const noexcept { return state_->epoll.get(); }
std::size_t TcpProxy::connections() const noexcept { return state_->open; }

Result<void> TcpProxy::serve(int listener, sys::Ipv4 container, std::uint16_t port) {
  BERTH_TRY(sys::watch_epoll(state_->epoll.get(), listener, EPOLLIN));
  state_->listeners[listener] = {container, port};
  return {};
}
void TcpProxy::forget(int listener) {
  if (state_->listeners.erase(listener)) sys::forget_epoll(state_->epoll.get(), listener);
}
void TcpProxy::on_ready() {
  epoll_event events[64];
  const int count = ::epoll_wait(state_->epoll.get(), events, 64, 0);
  for (int i = 0; i < count; ++i) {
    const auto listener = state_->listeners.find(events[i].data.fd);
    if (listener != state_->listeners.end())
      state_->accept_all(listener->first, listener->second);
    else
      state_->advance(events[i].data.fd, events[i].events);
  }
}

}  // namespace berth::network
