#include <linux/netlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <random>

#include "berth/network/dns.hpp"
#include "berth/sys/inet_socket.hpp"
#include "berth/sys/netns.hpp"
#include "berth/sys/nft.hpp"

namespace berth::network {
namespace dns_detail {  // named: State has members of these types

constexpr auto kTryTime = std::chrono::seconds(4);
constexpr auto kIdleTime = std::chrono::seconds(10);
constexpr std::size_t kMaxInFlight = 1024, kMaxServers = 3, kMaxClients = 512, kMaxMessage = 65535;
constexpr const char* kResolver = "127.0.0.11";

std::string framed_dns(const std::string& message) {
  return std::string{static_cast<char>(message.size() >> 8), static_cast<char>(message.size() & 255)} + message;
}

// A stream of length-prefixed messages, in and out.
struct DnsStream {
  sys::UniqueFd fd;
  std::string in, out;
  DnsServer::Clock::time_point expires;

  std::optional<std::string> next() {
    if (in.size() < 2) return std::nullopt;
    const std::size_t size =
        static_cast<std::size_t>(static_cast<unsigned char>(in[0])) << 8 | static_cast<unsigned char>(in[1]);
    if (in.size() < size + 2) return std::nullopt;
    auto message = in.substr(2, size);
    in.erase(0, size + 2);
    return message;
  }
  bool flush() {  // false: broken
    while (!out.empty()) {
      const auto size = ::send(fd.get(), out.data(), out.size(), MSG_NOSIGNAL);
      if (size < 0) return errno == EAGAIN || errno == EINTR || errno == EINPROGRESS || errno == ENOTCONN;
      out.erase(0, static_cast<std::size_t>(size));
    }
    return true;
  }
  bool fill() {  // false: ended or broken
    char room[4096];
    for (;;) {
      const auto size = ::recv(fd.get(), room, sizeof room, 0);
      if (size > 0 && in.size() < 2 * kMaxMessage)
        in.append(room, static_cast<std::size_t>(size));
      else
        return size < 0 && (errno == EAGAIN || errno == EINTR);
    }
  }
};

using DnsDeliver = std::function<void(std::string)>;

// A query on its way to the host's servers; a socket of its own per try, so its port is random, and a random id.
struct DnsExchange {
  std::string query;
  std::uint16_t id = 0;
  bool tcp = false;
  std::vector<std::string> servers;
  std::size_t next_server = 0;
  DnsStream stream;
  DnsDeliver deliver;
};

}  // namespace dns_detail
using namespace dns_detail;

struct DnsServer::State {
  struct Client {
    int udp = -1, tcp = -1;
    DnsAsker asker;
  };
  struct Connection {
    DnsStream stream;
    ContainerId container;
  };
  sys::UniqueFd epoll;
  DnsZone zone;
  std::vector<std::string> servers;
  std::map<ContainerId, Client> clients;
  std::map<int, ContainerId> sockets;  // both of each client
  std::map<int, std::shared_ptr<Connection>> connections;
  std::map<int, std::shared_ptr<DnsExchange>> exchanges;
  std::mt19937 random{std::random_device{}()};

  void ask(const ContainerId& container, const std::string& query, DnsTransport transport, DnsDeliver deliver,
           Clock::time_point now);
  void try_next(std::shared_ptr<DnsExchange> exchange, Clock::time_point now);
  void on_exchange(int fd, Clock::time_point now);
  void on_udp(int fd, const ContainerId& container, Clock::time_point now);
  void on_accept(int fd, const ContainerId& container, Clock::time_point now);
  void on_connection(int fd, Clock::time_point now);
  void expire(Clock::time_point now);
  void send_on(const std::weak_ptr<Connection>& weak, const std::string& reply);
};

void DnsServer::State::ask(const ContainerId& container, const std::string& query, DnsTransport transport,
                           DnsDeliver deliver, Clock::time_point now) {
  const auto client = clients.find(container);
  if (client == clients.end()) return;
  if (auto reply = answer_dns(query, zone, client->second.asker, transport, random()))
    return deliver(std::move(*reply));
  auto exchange = std::make_shared<DnsExchange>();
  exchange->query = query;
  exchange->tcp = transport == DnsTransport::Tcp;
  exchange->servers = client->second.asker.servers.empty() ? servers : client->second.asker.servers;
  exchange->servers.resize(std::min(exchange->servers.size(), kMaxServers));
  exchange->deliver = [deliver = std::move(deliver), query, transport](std::string reply) {
    deliver(fit_dns_reply(std::move(reply), query, transport));
  };
  if (exchanges.size() >= kMaxInFlight) return exchange->deliver(dns_failure(query, DnsCode::ServerFailure));
  try_next(std::move(exchange), now);
}

void DnsServer::State::try_next(std::shared_ptr<DnsExchange> exchange, Clock::time_point now) {
  exchange->stream = {};
  while (exchange->next_server < exchange->servers.size()) {
    const auto& server = exchange->servers[exchange->next_server++];
    auto fd = sys::connect_inet(exchange->tcp ? sys::InetKind::Tcp : sys::InetKind::Udp, server, 53);
    if (!fd) continue;
    exchange->id = static_cast<std::uint16_t>(random());
    std::string message = exchange->query;
    message[0] = static_cast<char>(exchange->id >> 8);
    message[1] = static_cast<char>(exchange->id & 255);
    exchange->stream.fd = std::move(*fd);
    exchange->stream.expires = now + kTryTime;
    const int raw = exchange->stream.fd.get();
    if (exchange->tcp)
      exchange->stream.out = framed_dns(message);
    else if (::send(raw, message.data(), message.size(), MSG_NOSIGNAL) < 0)
      continue;
    if (!sys::watch_epoll(epoll.get(), raw, EPOLLIN | (exchange->tcp ? EPOLLOUT : 0u))) continue;
    exchanges[raw] = std::move(exchange);
    return;
  }
  // Nobody to ask: one label is no name of the internet, it is a service that does not run. "No such name" lets a
  // client fail at once; at a temporary failure some try on for half a minute.
  const auto query = decode_dns_query(exchange->query);
  const bool service = query && query->name.find('.') == std::string::npos;
  exchange->deliver(dns_failure(exchange->query, service ? DnsCode::NameError : DnsCode::ServerFailure));
}

void DnsServer::State::on_exchange(int fd, Clock::time_point now) {
  const auto exchange = exchanges.at(fd);
  std::optional<std::string> reply;
  bool alive = true;
  if (exchange->tcp) {
    alive = exchange->stream.flush();
    if (alive && exchange->stream.out.empty()) (void)sys::watch_epoll(epoll.get(), fd, EPOLLIN);
    alive = alive && exchange->stream.fill();
    reply = exchange->stream.next();
  } else {
    char room[kMaxMessage];
    const auto size = ::recv(fd, room, sizeof room, 0);
    if (size >= 0)
      reply.emplace(room, static_cast<std::size_t>(size));
    else
      alive = errno == EAGAIN || errno == EINTR;
  }
  if (reply &&
      (reply->size() < 12 ||
       (static_cast<unsigned char>((*reply)[0]) << 8 | static_cast<unsigned char>((*reply)[1])) != exchange->id ||
       !((*reply)[2] & 0x80)))
    reply.reset();  // not the answer to this question
  if (!reply && alive) return;
  exchanges.erase(fd);
  const int code = reply ? (*reply)[3] & 15 : 2;
  // SERVFAIL and REFUSED: another server may know better.
  if (!reply || ((code == 2 || code == 5) && exchange->next_server < exchange->servers.size()))
    return try_next(exchange, now);
  std::copy_n(exchange->query.begin(), 2, reply->begin());
  exchange->deliver(std::move(*reply));
}

void DnsServer::State::on_udp(int fd, const ContainerId& container, Clock::time_point now) {
  for (int i = 0; i < 64; ++i) {  // then the others
    char room[4096];
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    // It stays in the socket until it is answered: a successor finds what we leave when we are killed in between.
    const auto length = ::recvfrom(fd, room, sizeof room, MSG_PEEK, reinterpret_cast<sockaddr*>(&from), &size);
    if (length < 0) return;
    ask(
        container, std::string(room, static_cast<std::size_t>(length)), DnsTransport::Udp,
        [this, fd, container, from, size](std::string reply) {
          const auto client = clients.find(container);
          if (client == clients.end() || client->second.udp != fd) return;  // it has gone meanwhile
          // A datagram that cannot be sent is lost like any other: the resolver asks again.
          (void)::sendto(fd, reply.data(), reply.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&from), size);
        },
        now);
    if (::recv(fd, room, 0, 0) < 0) return;
  }
}

void DnsServer::State::on_accept(int fd, const ContainerId& container, Clock::time_point now) {
  while (auto accepted = sys::accept_inet(fd)) {
    if (connections.size() >= kMaxClients) continue;
    auto connection = std::make_shared<Connection>();
    connection->container = container;
    connection->stream.expires = now + kIdleTime;
    const int raw = accepted.get();
    connection->stream.fd = std::move(accepted);
    if (sys::watch_epoll(epoll.get(), raw, EPOLLIN)) connections[raw] = std::move(connection);
  }
}

void DnsServer::State::send_on(const std::weak_ptr<Connection>& weak, const std::string& reply) {
  const auto connection = weak.lock();
  if (!connection) return;
  connection->stream.out += framed_dns(reply);
  const int fd = connection->stream.fd.get();
  if (!connection->stream.flush())
    connections.erase(fd);
  else if (!connection->stream.out.empty())
    (void)sys::watch_epoll(epoll.get(), fd, EPOLLIN | EPOLLOUT);
}

void DnsServer::State::on_connection(int fd, Clock::time_point now) {
  const auto connection = connections.at(fd);
  const bool alive = connection->stream.flush() && connection->stream.fill();
  connection->stream.expires = now + kIdleTime;
  if (connection->stream.out.empty()) (void)sys::watch_epoll(epoll.get(), fd, EPOLLIN);
  const std::weak_ptr<Connection> weak = connection;
  while (auto query = connection->stream.next())
    ask(
        connection->container, *query, DnsTransport::Tcp, [this, weak](std::string reply) { send_on(weak, reply); },
        now);
  if (!alive) connections.erase(fd);
}

void DnsServer::State::expire(Clock::time_point now) {
  std::vector<std::shared_ptr<DnsExchange>> late;
  for (auto at = exchanges.begin(); at != exchanges.end();) {
    if (at->second->stream.expires > now) {
      ++at;
      continue;
    }
    late.push_back(at->second);
    at = exchanges.erase(at);
  }
  std::erase_if(connections, [&](const auto& each) { return each.second->stream.expires <= now; });
  for (auto& exchange : late) try_next(exchange, now);
}

DnsServer::DnsServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
DnsServer::DnsServer(DnsServer&&) noexcept = default;
DnsServer& DnsServer::operator=(DnsServer&&) noexcept = default;
DnsServer::~DnsServer() = default;

Result<DnsServer> DnsServer::create(std::vector<std::string> servers) {
  auto epoll = sys::create_epoll();
  if (!epoll) return epoll.error();
  auto state = std::make_unique<State>();
  state->epoll = std::move(*epoll);
  state->servers = std::move(servers);
  return DnsServer(std::move(state));
}
DnsZone& DnsServer::zone() noexcept { return state_->zone; }
void DnsServer::set_servers(std::vector<std::string> servers) { state_->servers = std::move(servers); }
int DnsServer::fd() const noexcept { return state_->epoll.get(); }

Result<void> DnsServer::serve(const ContainerId& container, int udp, int tcp, DnsAsker asker) {
  for (const int fd : {udp, tcp}) {
    BERTH_TRY(sys::watch_epoll(state_->epoll.get(), fd, EPOLLIN));
    state_->sockets[fd] = container;
  }
  state_->clients[container] = {udp, tcp, std::move(asker)};
  return {};
}
void DnsServer::forget(const ContainerId& container) {
  const auto found = state_->clients.find(container);
  if (found != state_->clients.end()) {
    for (const int fd : {found->second.udp, found->second.tcp}) {
      sys::forget_epoll(state_->epoll.get(), fd);
      state_->sockets.erase(fd);
    }
    state_->clients.erase(found);
  }
  std::erase_if(state_->connections, [&](const auto& each) { return each.second->container == container; });
  state_->zone.remove(container);
}

void DnsServer::on_ready(Clock::time_point now) {
  epoll_event events[64];
  const int count = ::epoll_wait(state_->epoll.get(), events, 64, 0);
  for (int i = 0; i < count; ++i) {
    const int fd = events[i].data.fd;
    if (const auto socket = state_->sockets.find(fd); socket != state_->sockets.end()) {
      const auto container = socket->second;
      if (state_->clients.at(container).udp == fd)
        state_->on_udp(fd, container, now);
      else
        state_->on_accept(fd, container, now);
    } else if (state_->exchanges.count(fd))
      state_->on_exchange(fd, now);
    else if (state_->connections.count(fd))
      state_->on_connection(fd, now);
  }
  state_->expire(now);
}

std::optional<DnsServer::Clock::time_point> DnsServer::deadline() const {
  std::optional<Clock::time_point> out;
  for (const auto& [fd, exchange] : state_->exchanges)
    out = std::min(out.value_or(exchange->stream.expires), exchange->stream.expires);
  for (const auto& [fd, connection] : state_->connections)
    out = std::min(out.value_or(connection->stream.expires), connection->stream.expires);
  return out;
}

namespace {
Result<void> translate_resolver(sys::NetlinkSocket& socket,
                                void (*begin_table)(sys::NetlinkBatch& batch, const sys::NftTable& table),
                                const sys::UniqueFd& udp, const sys::UniqueFd& tcp) {
  const auto resolver = *sys::Ipv4::parse(kResolver);
  const std::string table = "berth_dns";
  sys::NetlinkBatch batch;
  sys::begin_nft_batch(batch);
  begin_table(batch, table);
  sys::add_nft_chain(batch, table, "output", "nat", sys::NftHook::Output, -100);
  for (const auto& [protocol, fd] : {std::pair<std::uint8_t, int>{17, udp.get()}, {6, tcp.get()}}) {
    sys::NftRule rule(batch, table, "output");
    rule.destination(sys::Ipv4Subnet::of(resolver, 32));
    rule.protocol(protocol);
    rule.destination_port(53);
    rule.dnat(resolver, sys::local_port(fd));
  }
  sys::end_nft_batch(batch);
  return socket.commit(batch, "translate the resolver's port to", kResolver);
}
}  // namespace

Result<DnsSockets> open_dns_sockets(int netns) {
  auto scope = sys::NetnsScope::enter(netns);
  if (!scope) return scope.error();
  auto udp = sys::bind_inet(sys::InetKind::Udp, kResolver, 0);
  if (!udp) return udp.error();
  auto tcp = sys::bind_inet(sys::InetKind::Tcp, kResolver, 0);
  if (!tcp) return tcp.error();
  auto socket = sys::NetlinkSocket::open(NETLINK_NETFILTER);
  if (!socket) return socket.error();
  auto translated = translate_resolver(*socket, sys::add_nft_table, *udp, *tcp);
  if (!translated && translated.error().kind() == ErrorKind::AlreadyExists)  // of a supervisor that died here
    translated = translate_resolver(*socket, sys::replace_nft_table, *udp, *tcp);
  if (!translated) return translated.error();
  return DnsSockets{std::move(*udp), std::move(*tcp)};
}

}  // namespace berth::network
