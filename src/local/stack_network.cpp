#include "stack_network.hpp"

#include <linux/netlink.h>

#include <algorithm>

#include "berth/base/rollback.hpp"
#include "berth/network/firewall.hpp"
#include "berth/sys/file.hpp"

namespace berth::local {
namespace {

// The endpoint that carries the default route: highest gw_priority, then order of attachment; internal networks have
// none.
std::size_t default_route_of(const engine::ContainerSpec& spec,
                             const std::map<std::string, network::NetworkRecord>& networks) {
  std::size_t best = spec.endpoints.size();
  for (std::size_t i = 0; i < spec.endpoints.size(); ++i) {
    const auto record = networks.find(spec.endpoints[i].network);
    if (record == networks.end() || record->second.internal) continue;
    if (best == spec.endpoints.size() || spec.endpoints[i].gw_priority > spec.endpoints[best].gw_priority) best = i;
  }
  return best;
}

std::optional<sys::Ipv4> first_address(const NetworkPlace& place) {
  if (place.addresses.empty()) return std::nullopt;
  return sys::Ipv4::parse(place.addresses.front().ipv4);
}

}  // namespace

StackNetwork::StackNetwork(async::Loop& loop, runtime::KeeperLink& keeper, const state::Paths& paths,
                           const ProjectName& project, network::ResolvConf resolver, network::DnsServer dns,
                           network::TcpProxy proxy)
    : loop_(loop),
      keeper_(keeper),
      paths_(paths),
      project_(project),
      resolver_(std::move(resolver)),
      bridges_(paths.root),
      dns_(std::move(dns)),
      proxy_(std::move(proxy)) {}

Result<std::unique_ptr<StackNetwork>> StackNetwork::create(async::Loop& loop, runtime::KeeperLink& keeper,
                                                           const state::Paths& paths, const ProjectName& project) {
  auto text = sys::read_file("/etc/resolv.conf", 1u << 16);  // none is no failure: then only local names are known
  auto resolver = network::parse_resolv_conf(text ? *text : std::string());
  auto dns = network::DnsServer::create(resolver.servers);
  if (!dns) return dns.error();
  auto proxy = network::TcpProxy::create();
  if (!proxy) return proxy.error();
  std::unique_ptr<StackNetwork> network(
      new StackNetwork(loop, keeper, paths, project, std::move(resolver), std::move(*dns), std::move(*proxy)));
  network->watch();
  return network;
}

void StackNetwork::watch() {
  dns_watch_ = loop_.on_readable(dns_.fd(), [this] {
    dns_.on_ready(loop_.now());
    arm_dns_timer();
  });
  proxy_watch_ = loop_.on_readable(proxy_.fd(), [this] { proxy_.on_ready(); });
}

void StackNetwork::arm_dns_timer() {
  const auto deadline = dns_.deadline();
  if (!deadline) {
    dns_timer_.cancel();
    return;
  }
  dns_timer_ = loop_.after(std::max(*deadline - loop_.now(), async::Clock::duration::zero()), [this] {
    dns_.on_ready(loop_.now());
    arm_dns_timer();
  });
}

Result<void> StackNetwork::join(const engine::ContainerSpec& spec, const ContainerId& id, const std::string& name,
                                NetworkPlace& place) {
  Rollback undo;
  undo.push([&] { leave(id, place); });
  if (!place.netns) {
    auto netns = network::create_container_netns();
    if (!netns) return netns.error();
    place.netns = std::move(*netns);
    BERTH_TRY(keeper_.park("netns:" + id.value, {place.netns.get()}));
    BERTH_TRY(attach(spec, id, place));
  }
  BERTH_TRY(answer(spec, id, name, place));
  BERTH_TRY(publish(spec, id, place));
  undo.commit();
  return {};
}

Result<void> StackNetwork::resume(const engine::ContainerSpec& spec, const ContainerId& id, const std::string& name,
                                  NetworkPlace& place) {
  BERTH_TRY(answer(spec, id, name, place));
  return serve_ports(id, place);
}

Result<void> StackNetwork::attach(const engine::ContainerSpec& spec, const ContainerId& id, NetworkPlace& place) {
  place.addresses.clear();
  auto networks = bridges_.observe();
  if (!networks) return networks.error();
  const std::size_t default_route = default_route_of(spec, *networks);
  for (std::size_t i = 0; i < spec.endpoints.size(); ++i) {
    const auto& wanted = spec.endpoints[i];
    network::EndpointSpec endpoint;
    endpoint.interface_name = wanted.interface_name.empty() ? "eth" + std::to_string(i) : wanted.interface_name;
    endpoint.ipv4_address = wanted.ipv4_address;
    endpoint.mac_address = wanted.mac_address;
    endpoint.default_route = i == default_route;
    auto attached = bridges_.attach(wanted.network, id, place.netns.get(), endpoint);
    if (!attached) return attached.error();
    place.addresses.push_back({wanted.network, attached->ipv4, attached->mac});
    if (endpoint.default_route) place.gateway = attached->gateway;
  }
  return {};
}

Result<void> StackNetwork::answer(const engine::ContainerSpec& spec, const ContainerId& id, const std::string& name,
                                  NetworkPlace& place) {
  if (place.addresses.empty()) return {};
  if (!place.dns.udp) {
    auto sockets = network::open_dns_sockets(place.netns.get());
    if (!sockets) return sockets.error();
    place.dns = std::move(*sockets);
    BERTH_TRY(keeper_.park("dns:" + id.value + ":udp", {place.dns.udp.get()}));
    BERTH_TRY(keeper_.park("dns:" + id.value + ":tcp", {place.dns.tcp.get()}));
  }
  network::DnsAsker asker;
  asker.servers = spec.dns;
  asker.may_forward = !place.gateway.empty();
  for (const auto& address : place.addresses) {
    asker.networks.push_back(address.network);
    std::vector<std::string> names{name, short_id(id)};
    for (const auto& endpoint : spec.endpoints)
      if (endpoint.network == address.network)
        names.insert(names.end(), endpoint.aliases.begin(), endpoint.aliases.end());
    if (const auto ip = sys::Ipv4::parse(address.ipv4)) dns_.zone().set(address.network, id, *ip, names);
  }
  return dns_.serve(id, place.dns.udp.get(), place.dns.tcp.get(), std::move(asker));
}

Result<void> StackNetwork::publish(const engine::ContainerSpec& spec, const ContainerId& id, NetworkPlace& place) {
  if (place.ports.empty() && first_address(place)) {
    for (std::size_t i = 0; i < spec.ports.size(); ++i) {
      auto reserved = network::reserve_port(spec.ports[i]);
      if (!reserved)
        return reserved.error().while_doing("publishing port " + std::to_string(spec.ports[i].target) + " of " +
                                            spec.name);
      for (const auto& socket : reserved->sockets)
        BERTH_TRY(
            keeper_.park("port:" + short_id(id) + ":" + std::to_string(i) + ":" + socket.address, {socket.fd.get()}));
      place.ports.push_back(std::move(*reserved));
    }
  }
  return serve_ports(id, place);
}

Result<void> StackNetwork::serve_ports(const ContainerId& id, NetworkPlace& place) {
  const auto ip = first_address(place);
  if (!ip) return {};
  auto& translations = translations_[id];
  const bool had = !translations.empty();
  translations.clear();
  for (const auto& port : place.ports) {
    translations.push_back(network::translation_of(port.publication, *ip));
    if (port.publication.protocol != model::Protocol::Tcp) continue;
    for (const auto& socket : port.sockets) BERTH_TRY(proxy_.serve(socket.fd.get(), *ip, port.publication.target));
  }
  // What a predecessor left is not known: the first container of this process sets it anew.
  return had || !translations.empty() || !firewall_set_ ? refresh_firewall() : Result<void>();
}

void StackNetwork::leave(const ContainerId& id, NetworkPlace& place) {
  dns_.forget(id);
  const auto translations = translations_.extract(id);
  const bool published = translations && !translations.mapped().empty();
  for (std::size_t i = 0; i < place.ports.size(); ++i)
    for (const auto& socket : place.ports[i].sockets) {
      proxy_.forget(socket.fd.get());
      (void)keeper_.drop("port:" + short_id(id) + ":" + std::to_string(i) + ":" + socket.address);
    }
  // A keeper that is gone has dropped everything by itself; what it still holds ends with it.
  for (const char* suffix : {":udp", ":tcp"}) (void)keeper_.drop("dns:" + id.value + suffix);
  (void)keeper_.drop("netns:" + id.value);
  place = {};
  if (published)
    (void)refresh_firewall();  // stale translations point at an address that nobody has; the next change mends it
}

Result<void> StackNetwork::refresh_firewall() {
  if (!netfilter_) {
    auto socket = sys::NetlinkSocket::open(NETLINK_NETFILTER);
    if (!socket) return socket.error();
    netfilter_.emplace(std::move(*socket));
  }
  auto networks = bridges_.observe();
  if (!networks) return networks.error();
  network::ProjectFirewall firewall;
  firewall.table = network::firewall_table(paths_.root, project_);
  for (const auto& [name, record] : *networks)
    if (record.spec.project == project_ && !record.spec.network.external)
      firewall.networks.push_back(network::firewall_network(record));
  for (const auto& [id, translations] : translations_)
    firewall.ports.insert(firewall.ports.end(), translations.begin(), translations.end());
  firewall_set_ = false;
  if (firewall.networks.empty() && firewall.ports.empty()) return network::remove_firewall(*netfilter_, firewall.table);
  BERTH_TRY(network::enable_forwarding());
  BERTH_TRY(network::apply_firewall(*netfilter_, firewall));
  firewall_set_ = true;
  return {};
}

}  // namespace berth::local
