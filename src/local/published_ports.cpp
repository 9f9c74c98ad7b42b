// Published ports of a stack, and the firewall table that serves them.
#include <linux/netlink.h>

#include <algorithm>

#include "berth/network/host_firewall.hpp"
#include "stack_network.hpp"

namespace berth::local {

Result<void> StackNetwork::publish(const engine::ContainerSpec& spec, const ContainerId& id, NetworkPlace& place) {
  if (spec.ports.empty()) return {};
  if (place.outward.empty()) {
    warn_(spec.name + ": its ports are not published: " +
          (place.addresses.empty() ? "it has no network" : "all its networks are internal"));
    return {};
  }
  if (place.ports.empty()) {
    auto owners = network::read_port_owners(paths_.root);
    if (!owners) return owners.error();
    for (std::size_t i = 0; i < spec.ports.size(); ++i) {
      auto reserved = network::reserve_port(spec.ports[i], *owners);
      if (!reserved)
        return reserved.error()
            .while_doing("publishing port " + std::to_string(spec.ports[i].target) + " of " + spec.name)
            .with_key("ports." + std::to_string(i));
      BERTH_TRY(park_port(id, i, *reserved));
      new_publications_.push_back(reserved->publication);
      published_[id].push_back(reserved->publication);
      place.ports.push_back(std::move(*reserved));
    }
    BERTH_TRY(network::claim_ports(paths_.root, {project_.value, spec.name, id}, published_[id]));
    forget_flows_later();
  }
  BERTH_TRY(serve_ports(id, place));
  return refresh_firewall();
}

Result<void> StackNetwork::park_port(const ContainerId& id, std::size_t index, const network::Reservation& port) {
  for (const auto& socket : port.sockets)
    BERTH_TRY(
        keeper_.park("port:" + short_id(id) + ":" + std::to_string(index) + ":" + socket.address, {socket.fd.get()}));
  return {};
}

Result<void> StackNetwork::serve_ports(const ContainerId& id, NetworkPlace& place) {
  const auto ip = sys::Ipv4::parse(place.outward);
  if (!ip || place.ports.empty()) return {};
  auto& translations = translations_[id];
  translations.clear();
  published_[id].clear();
  for (const auto& port : place.ports) {
    translations.push_back(network::translation_of(port.publication, *ip));
    published_[id].push_back(port.publication);
    for (const auto& socket : port.sockets)
      BERTH_TRY(port.publication.protocol == model::Protocol::Udp
                    ? datagrams_.serve(socket.fd.get(), *ip, port.publication.target)
                    : proxy_.serve(socket.fd.get(), *ip, port.publication.target));
  }
  return {};
}

Result<network::ProjectFirewall> StackNetwork::wanted_firewall() const {
  auto networks = bridges_.observe();
  if (!networks) return networks.error();
  network::ProjectFirewall firewall;
  firewall.table = network::firewall_table(paths_.root, project_);
  for (const auto& [name, record] : *networks) {
    // Networks of others that our containers are in, too: their own stack may not have come up since the last boot.
    const bool joined = std::any_of(members_.begin(), members_.end(), [&](const auto& member) {
      return std::find(member.second.begin(), member.second.end(), name) != member.second.end();
    });
    if (record.spec.project == project_ || joined) firewall.networks.push_back(network::firewall_network(record));
  }
  for (const auto& [id, translations] : translations_)
    firewall.ports.insert(firewall.ports.end(), translations.begin(), translations.end());
  return firewall;
}

Result<void> StackNetwork::refresh_firewall() {
  if (!netfilter_) {
    auto socket = sys::NetlinkSocket::open(NETLINK_NETFILTER);
    if (!socket) return socket.error();
    netfilter_.emplace(std::move(*socket));
  }
  auto firewall = wanted_firewall();
  if (!firewall) return firewall.error();
  if (firewall->networks.empty() && firewall->ports.empty()) {
    applied_.reset();
    BERTH_TRY(network::remove_firewall(*netfilter_, firewall->table));
    auto passed = network::pass_host_firewall(*netfilter_, firewall->table, {});
    return passed ? Result<void>() : Result<void>(passed.error());
  }
  BERTH_TRY(network::apply_firewall(*netfilter_, *firewall));
  applied_ = *firewall;
  return pass_others(*firewall);
}

// What is not our table: forwarding, and other people's firewalls.
Result<void> StackNetwork::pass_others(const network::ProjectFirewall& firewall) {
  std::vector<std::string> bridges;
  for (const auto& network : firewall.networks) bridges.push_back(network.bridge);
  if (std::any_of(firewall.networks.begin(), firewall.networks.end(), [](const auto& one) { return !one.internal; })) {
    auto turned_on = network::enable_forwarding(*netfilter_, paths_.root);
    if (!turned_on) return turned_on.error();
    if (*turned_on)
      warn_(
          "IPv4 forwarding was off on this host; it is on for containers, and for nothing else, until the last network "
          "is removed");
  }
  auto notes = network::pass_host_firewall(*netfilter_, firewall.table, bridges, !firewall.ports.empty());
  if (!notes) return notes.error();
  for (const auto& note : *notes) warn_(note);
  return {};
}

// A `down` may have been killed between a network's removal and this.
Result<void> StackNetwork::settle() {
  BERTH_TRY(refresh_firewall());
  auto restored = network::restore_forwarding(*netfilter_, paths_.root);
  return restored ? Result<void>() : Result<void>(restored.error());
}

Result<void> StackNetwork::network_removed(const std::string& name) {
  BERTH_TRY(refresh_firewall());
  BERTH_TRY(shared_.unshare(name));
  auto restored = network::restore_forwarding(*netfilter_, paths_.root);  // as was said when it was turned on
  return restored ? Result<void>() : Result<void>(restored.error());
}

Result<void> StackNetwork::check_ports(const std::vector<PortWish>& wishes, const std::set<ContainerId>& free) const {
  auto owners = network::read_port_owners(paths_.root);
  if (!owners) return owners.error();
  // What our own containers hold and will have let go.
  std::vector<engine::Publication> freed;
  for (const auto& [id, publications] : published_)
    if (free.count(id)) freed.insert(freed.end(), publications.begin(), publications.end());
  std::vector<network::Reservation> held;  // so that two wishes for the same port collide
  for (const auto& wish : wishes)
    for (std::size_t i = 0; i < wish.ports.size(); ++i) {
      const auto& port = wish.ports[i];
      const bool will_be_free = std::any_of(freed.begin(), freed.end(), [&](const engine::Publication& one) {
        return one.protocol == port.protocol && std::to_string(one.host_port) == port.published;
      });
      if (will_be_free) continue;
      auto reserved = network::reserve_port(port, *owners);
      if (!reserved)
        return reserved.error()
            .while_doing("publishing port " + std::to_string(port.target) + " of " + wish.container)
            .with_key(wish.service.value + ".ports." + std::to_string(i));
      (*owners)[network::port_key(reserved->publication)] = {project_.value, wish.container, {}};
      held.push_back(std::move(*reserved));
    }
  return {};
}

// Once for all that changes in this turn: each time is a dump of the kernel's flows.
void StackNetwork::forget_flows_later() {
  if (std::exchange(forgetting_, true)) return;
  loop_.post([this] {
    forgetting_ = false;
    auto gone = std::exchange(gone_addresses_, {});
    const auto published = std::exchange(new_publications_, {});
    if (auto forgotten = network::forget_flows(gone, published); !forgotten) warn_(forgotten.error().to_string());
  });
}

}  // namespace berth::local
