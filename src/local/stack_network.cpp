#include "stack_network.hpp"

#include <linux/netlink.h>

#include <algorithm>

#include "berth/base/rollback.hpp"
#include "berth/sys/nft.hpp"

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

}  // namespace

StackNetwork::StackNetwork(async::Loop& loop, runtime::KeeperLink& keeper, const state::Paths& paths,
                           const ProjectName& project, std::function<void(const std::string&)> warn,
                           network::DnsServer dns, network::TcpProxy proxy, network::UdpProxy datagrams,
                           network::SharedNames shared, sys::Inotify resolver_files, sys::UniqueFd rules)
    : loop_(loop),
      keeper_(keeper),
      paths_(paths),
      project_(project),
      warn_(std::move(warn)),
      bridges_(paths.root),
      dns_(std::move(dns)),
      proxy_(std::move(proxy)),
      datagrams_(std::move(datagrams)),
      shared_(std::move(shared)),
      resolver_files_(std::move(resolver_files)),
      rules_(std::move(rules)) {}

Result<std::unique_ptr<StackNetwork>> StackNetwork::create(async::Loop& loop, runtime::KeeperLink& keeper,
                                                           const state::Paths& paths, const ProjectName& project,
                                                           std::function<void(const std::string&)> warn) {
  auto dns = network::DnsServer::create({});
  if (!dns) return dns.error();
  auto proxy = network::TcpProxy::create();
  if (!proxy) return proxy.error();
  auto datagrams = network::UdpProxy::create();
  if (!datagrams) return datagrams.error();
  auto shared = network::SharedNames::create(paths.run_root, project);
  if (!shared) return shared.error();
  auto resolver_files = sys::Inotify::create();
  if (!resolver_files) return resolver_files.error();
  auto rules = sys::watch_nft();
  if (!rules) return rules.error();
  std::unique_ptr<StackNetwork> network(new StackNetwork(loop, keeper, paths, project, std::move(warn), std::move(*dns),
                                                         std::move(*proxy), std::move(*datagrams), std::move(*shared),
                                                         std::move(*resolver_files), std::move(*rules)));
  BERTH_TRY(network->read_resolver());
  network->watch();
  return network;
}

void StackNetwork::watch() {
  dns_watch_ = loop_.on_readable(dns_.fd(), [this] {
    dns_.on_ready(loop_.now());
    arm_dns_timer();
  });
  proxy_watch_ = loop_.on_readable(proxy_.fd(), [this] { proxy_.on_ready(); });
  datagram_watch_ = loop_.on_readable(datagrams_.fd(), [this] {
    datagrams_.on_ready(loop_.now());
    if (!datagram_timer_) arm_datagram_timer();
  });
  shared_watch_ = loop_.on_readable(shared_.fd(), [this] { learn_shared_names(); });
  resolver_watch_ = loop_.on_readable(resolver_files_.fd(), [this] {
    (void)resolver_files_.read();  // that it happened is enough: the file is read as a whole
    if (auto read = read_resolver(); !read) warn_(read.error().to_string());
  });
  rules_watch_ = loop_.on_readable(rules_.get(), [this] { on_rules_changed(); });
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

// One timer for the client that is silent longest; those that spoke meanwhile arm it again.
void StackNetwork::arm_datagram_timer() {
  const auto deadline = datagrams_.deadline();
  if (!deadline) {
    datagram_timer_ = {};
    return;
  }
  datagram_timer_ = loop_.after(std::max(*deadline - loop_.now(), async::Clock::duration::zero()), [this] {
    datagrams_.on_ready(loop_.now());
    arm_datagram_timer();
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
  BERTH_TRY(find_way_out(spec, place));
  BERTH_TRY(answer(spec, id, name, place));
  if (!applied_) BERTH_TRY(refresh_firewall());  // after a reboot the bridge is there again, our table not yet
  BERTH_TRY(publish(spec, id, place));
  undo.commit();
  return {};
}

Result<void> StackNetwork::resume(const engine::ContainerSpec& spec, const ContainerId& id, const std::string& name,
                                  NetworkPlace& place) {
  BERTH_TRY(find_way_out(spec, place));
  BERTH_TRY(answer(spec, id, name, place));
  for (std::size_t i = 0; i < place.ports.size() && i < spec.ports.size(); ++i) {
    auto& port = place.ports[i];
    if (!port.sockets.empty()) continue;
    model::Port same = spec.ports[i];
    same.published = std::to_string(port.publication.host_port);
    auto reserved = network::reserve_port(same);
    if (!reserved) return reserved.error();
    port = std::move(*reserved);
    BERTH_TRY(park_port(id, i, port));
  }
  BERTH_TRY(serve_ports(id, place));
  // In the next turn, once all containers are here: a part of the translations would cut the others off.
  if (!std::exchange(refreshing_, true))
    loop_.post([this] {
      refreshing_ = false;
      if (auto set = refresh_firewall(); !set) warn_(set.error().to_string());
    });
  return {};
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
  }
  return {};
}

// Which of its networks leads out, from the records: also for a container that a predecessor attached.
Result<void> StackNetwork::find_way_out(const engine::ContainerSpec& spec, NetworkPlace& place) const {
  place.gateway.clear();
  place.outward.clear();
  place.host_address.clear();
  if (place.addresses.empty()) return {};
  auto networks = bridges_.observe();
  if (!networks) return networks.error();
  const std::size_t out = default_route_of(spec, *networks);
  for (std::size_t i = 0; i < place.addresses.size(); ++i) {
    const auto record = networks->find(place.addresses[i].network);
    if (record == networks->end()) continue;
    if (place.host_address.empty()) place.host_address = record->second.gateway;
    if (out == spec.endpoints.size() || spec.endpoints[out].network != record->first) continue;
    place.gateway = place.host_address = record->second.gateway;
    place.outward = place.addresses[i].ipv4;
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
  asker.links = spec.links;
  asker.may_forward = !place.gateway.empty();
  auto networks = bridges_.observe();
  if (!networks) return networks.error();
  members_[id].clear();
  for (const auto& address : place.addresses) {
    asker.networks.push_back(address.network);
    members_[id].push_back(address.network);
    const auto network = networks->find(address.network);
    if (network != networks->end() && network->second.spec.project != project_) {
      guests_.insert(id);
      BERTH_TRY(shared_.share(address.network));
    }
    BERTH_TRY(tell_names(spec, id, name, address));
  }
  learn_shared_names();
  return dns_.serve(id, place.dns.udp.get(), place.dns.tcp.get(), std::move(asker));
}

Result<void> StackNetwork::tell_names(const engine::ContainerSpec& spec, const ContainerId& id, const std::string& name,
                                      const engine::Address& address) {
  std::vector<std::string> names{name, short_id(id)};
  for (const auto& endpoint : spec.endpoints)
    if (endpoint.network == address.network)
      names.insert(names.end(), endpoint.aliases.begin(), endpoint.aliases.end());
  if (const auto ip = sys::Ipv4::parse(address.ipv4)) dns_.zone().set(address.network, id, *ip, names);
  return shared_.publish(address.network, id, {project_.value, address.ipv4, std::move(names)});
}

Result<void> StackNetwork::rename(const engine::ContainerSpec& spec, const ContainerId& id, const std::string& name,
                                  const NetworkPlace& place) {
  for (const auto& address : place.addresses) BERTH_TRY(tell_names(spec, id, name, address));
  return {};
}

void StackNetwork::leave(const ContainerId& id, NetworkPlace& place) {
  dns_.forget(id);
  members_.erase(id);
  if (auto told = shared_.withdraw(id); !told) warn_(told.error().to_string());
  const bool published = translations_.erase(id) > 0;
  const bool was_guest = guests_.erase(id) > 0;
  for (const auto& address : place.addresses)
    if (const auto ip = sys::Ipv4::parse(address.ipv4)) gone_addresses_.insert(*ip);
  for (std::size_t i = 0; i < place.ports.size(); ++i)
    for (const auto& socket : place.ports[i].sockets) {
      proxy_.forget(socket.fd.get());
      datagrams_.forget(socket.fd.get());
      (void)keeper_.drop("port:" + short_id(id) + ":" + std::to_string(i) + ":" + socket.address);
    }
  // A keeper that is gone has dropped everything by itself; what it still holds ends with it.
  for (const char* suffix : {":udp", ":tcp"}) (void)keeper_.drop("dns:" + id.value + suffix);
  (void)keeper_.drop("netns:" + id.value);
  place = {};
  if (published || was_guest) {
    // Stale translations point at an address that nobody has; the next change mends them.
    (void)refresh_firewall();
    if (published_.erase(id) > 0)
      if (auto released = network::release_ports(paths_.root, id); !released) warn_(released.error().to_string());
  }
  if (!gone_addresses_.empty()) forget_flows_later();
}

Result<void> StackNetwork::release(const ContainerId& id) {
  BERTH_TRY(shared_.withdraw(id));
  BERTH_TRY(network::release_ports(paths_.root, id));
  return bridges_.release(id);
}

}  // namespace berth::local
