#include "berth/network/datagram_proxy.hpp"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <string>

#include "berth/sys/inet_socket.hpp"

namespace berth::network {
namespace datagram_detail {  // named: State has members of these types

constexpr auto kSilence = std::chrono::seconds(90);
constexpr std::size_t kMaxDatagramClients = 1024, kMaxDatagram = 65535;

// Who sent a datagram and to which of our addresses: an answer from another one would be thrown away by a connected
// client.
struct DatagramPath {
  std::string peer;   // bytes of its sockaddr
  std::string local;  // bytes of in_pktinfo or in6_pktinfo
  bool ipv6 = false;
};

std::optional<std::string> receive_datagram(int fd, DatagramPath& path) {
  static thread_local char room[kMaxDatagram];
  sockaddr_storage from{};
  alignas(cmsghdr) char control[256];
  iovec part{room, sizeof room};
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof from;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const auto size = ::recvmsg(fd, &message, 0);
  if (size < 0) return std::nullopt;
  path.peer.assign(reinterpret_cast<const char*>(&from), message.msg_namelen);
  path.ipv6 = from.ss_family == AF_INET6;
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(at), sizeof info);
      info.ipi_spec_dst = info.ipi_addr;
      info.ipi_ifindex = 0;  // the route decides
      path.local.assign(reinterpret_cast<const char*>(&info), sizeof info);
    } else if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
      path.local.assign(reinterpret_cast<const char*>(CMSG_DATA(at)), sizeof(in6_pktinfo));
    }
  }
  return std::string(room, static_cast<std::size_t>(size));
}

void send_datagram(int fd, const DatagramPath& path, const char* data, std::size_t size) {
  std::string peer = path.peer, bytes(data, size);
  alignas(cmsghdr) char control[256] = {};
  iovec part{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_name = peer.data();
  message.msg_namelen = static_cast<socklen_t>(peer.size());
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!path.local.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(path.local.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = path.ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
    header->cmsg_type = path.ipv6 ? IPV6_PKTINFO : IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(path.local.size());
    std::memcpy(CMSG_DATA(header), path.local.data(), path.local.size());
  }
  (void)::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);  // a datagram that cannot be sent is lost like any other
}

struct DatagramClient {
  int socket = -1;  // the reserved one it came by
  DatagramPath path;
  sys::UniqueFd server;
  UdpProxy::Clock::time_point expires;
  std::string key() const { return std::to_string(socket) + '/' + path.peer + '/' + path.local; }
};

}  // namespace datagram_detail
using namespace datagram_detail;

struct UdpProxy::State {
  struct Target {
    sys::Ipv4 container;
    std::uint16_t port = 0;
  };
  sys::UniqueFd epoll;
  std::map<int, Target> sockets;
  std::map<std::string, std::shared_ptr<DatagramClient>> by_key;
  std::map<int, std::shared_ptr<DatagramClient>> by_server;

  void drop(const std::shared_ptr<DatagramClient>& client) {
    by_key.erase(client->key());
    by_server.erase(client->server.get());
  }
  void drop_clients_of(int socket) {
    std::erase_if(by_server, [&](const auto& each) { return each.second->socket == socket; });
    std::erase_if(by_key, [&](const auto& each) { return each.second->socket == socket; });
  }
  std::shared_ptr<DatagramClient> client_of(int socket, DatagramPath path, const Target& target) {
    DatagramClient wanted{socket, std::move(path), {}, {}};
    const std::string key = wanted.key();
    if (const auto found = by_key.find(key); found != by_key.end()) return found->second;
    if (by_key.size() >= kMaxDatagramClients)
      drop(std::min_element(by_key.begin(), by_key.end(), [](const auto& a, const auto& b) {
             return a.second->expires < b.second->expires;
           })->second);
    auto server = sys::connect_inet(sys::InetKind::Udp, target.container.text(), target.port);
    if (!server || !sys::watch_epoll(epoll.get(), server->get(), EPOLLIN)) return nullptr;
    wanted.server = std::move(*server);
    auto client = std::make_shared<DatagramClient>(std::move(wanted));
    by_key[key] = by_server[client->server.get()] = client;
    return client;
  }
  void from_clients(int socket, const Target& target, Clock::time_point now) {
    for (int i = 0; i < 64; ++i) {  // then the others
      DatagramPath path;
      const auto datagram = receive_datagram(socket, path);
      if (!datagram) return;
      const auto client = client_of(socket, std::move(path), target);
      if (!client) continue;
      client->expires = now + kSilence;
      (void)::send(client->server.get(), datagram->data(), datagram->size(), MSG_NOSIGNAL);
    }
  }
  void from_server(const std::shared_ptr<DatagramClient>& client, Clock::time_point now) {
    char room[kMaxDatagram];
    for (int i = 0; i < 64; ++i) {
      const auto size = ::recv(client->server.get(), room, sizeof room, 0);
      if (size < 0) {
        if (errno == ECONNREFUSED) continue;  // nobody listens in the container: for UDP that is silence
        return;
      }
      client->expires = now + kSilence;
      send_datagram(client->socket, client->path, room, static_cast<std::size_t>(size));
    }
  }
};

UdpProxy::UdpProxy(std::unique_ptr<State> state) : state_(std::move(state)) {}
UdpProxy::UdpProxy(UdpProxy&&) noexcept = default;
UdpProxy& UdpProxy::operator=(UdpProxy&&) noexcept = default;
UdpProxy::~UdpProxy() = default;

Result<UdpProxy> UdpProxy::create() {
  auto epoll = sys::create_epoll();
  if (!epoll) return epoll.error();
  auto state = std::make_unique<State>();
  state->epoll = std::move(*epoll);
  return UdpProxy(std::move(state));
}
int UdpProxy::fd() const noexcept { return state_->epoll.get(); }
std::size_t UdpProxy::clients() const noexcept { return state_->by_key.size(); }

Result<void> UdpProxy::serve(int socket, sys::Ipv4 container, std::uint16_t port) {
  const int on = 1;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) < 0)
    return Error::system(errno, "name a published socket");
  const bool ipv6 = address.ss_family == AF_INET6;
  if (::setsockopt(socket, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, ipv6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof on) < 0)
    return Error::system(errno, "ask for the addresses of datagrams");
  BERTH_TRY(sys::watch_epoll(state_->epoll.get(), socket, EPOLLIN));
  state_->drop_clients_of(socket);
  state_->sockets[socket] = {container, port};
  return {};
}
void UdpProxy::forget(int socket) {
  if (!state_->sockets.erase(socket)) return;
  sys::forget_epoll(state_->epoll.get(), socket);
  state_->drop_clients_of(socket);
}
void UdpProxy::on_ready(Clock::time_point now) {
  epoll_event events[64];
  const int count = ::epoll_wait(state_->epoll.get(), events, 64, 0);
  for (int i = 0; i < count; ++i) {
    const int fd = events[i].data.fd;
    if (const auto socket = state_->sockets.find(fd); socket != state_->sockets.end())
      state_->from_clients(fd, socket->second, now);
    else if (const auto client = state_->by_server.find(fd); client != state_->by_server.end())
      state_->from_server(std::shared_ptr(client->second), now);
  }
  std::vector<std::shared_ptr<DatagramClient>> silent;
  for (const auto& [key, client] : state_->by_key)
    if (client->expires <= now) silent.push_back(client);
  for (const auto& client : silent) state_->drop(client);
}
std::optional<UdpProxy::Clock::time_point> UdpProxy::deadline() const {
  std::optional<Clock::time_point> out;
  for (const auto& [key, client] : state_->by_key) out = std::min(out.value_or(client->expires), client->expires);
  return out;
}

}  // namespace berth::network
