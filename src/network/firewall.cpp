#include "berth/network/firewall.hpp"

#include <linux/netlink.h>

#include "berth/sys/file.hpp"
#include "stable_hash.hpp"

namespace berth::network {
namespace {

void render_forward(const ProjectFirewall& firewall, sys::NetlinkBatch& batch) {
  sys::add_nft_chain(batch, firewall.table, "forward", "filter", sys::NftHook::Forward, 0);
  // First: an accept below ends this chain, and a translated connection must not leave an internal network either.
  for (const auto& network : firewall.networks)
    for (const bool out : {true, false}) {
      if (!network.internal) continue;
      sys::NftRule rule(batch, firewall.table, "forward");
      rule.in_interface(network.bridge, !out);
      rule.out_interface(network.bridge, out);
      rule.drop();
    }
  for (const auto& network : firewall.networks) {
    if (network.internal) continue;
    // Each rule names its bridge, so an accept here decides for no other network of the project.
    auto entering = [&](sys::NftRule& rule) {
      rule.in_interface(network.bridge, false);
      rule.out_interface(network.bridge);
    };
    {
      sys::NftRule rule(batch, firewall.table, "forward");
      entering(rule);
      rule.conntrack_state(sys::kNftEstablished | sys::kNftRelated);
      rule.accept();
    }
    {
      sys::NftRule rule(batch, firewall.table, "forward");
      entering(rule);
      rule.translated();
      rule.accept();
    }
    sys::NftRule rule(batch, firewall.table, "forward");
    entering(rule);
    rule.drop();
  }
}

void render_translation(const ProjectFirewall& firewall, sys::NetlinkBatch& batch) {
  std::vector<sys::NftDnat> any, by_address;
  for (const auto& port : firewall.ports)
    if (!port.host.is_loopback()) (port.host.value == 0 ? any : by_address).push_back(port);
  if (any.empty() && by_address.empty()) return;
  const sys::Ipv4Subnet loopback = *sys::Ipv4Subnet::parse("127.0.0.0/8");
  if (!any.empty()) sys::add_nft_dnat_map(batch, firewall.table, "published", 1, false, any);
  if (!by_address.empty()) sys::add_nft_dnat_map(batch, firewall.table, "published_at", 2, true, by_address);
  for (const auto& [chain, hook] :
       {std::pair{"prerouting", sys::NftHook::Prerouting}, {"output", sys::NftHook::Output}}) {
    sys::add_nft_chain(batch, firewall.table, chain, "nat", hook, -100);
    for (const bool addressed : {true, false}) {
      if ((addressed ? by_address : any).empty()) continue;
      sys::NftRule rule(batch, firewall.table, chain);
      rule.destination(loopback, false);
      if (!addressed) rule.destination_is_local();
      rule.dnat_by_map(addressed ? "published_at" : "published", addressed ? 2 : 1, addressed);
    }
  }
}

void render_masquerade(const ProjectFirewall& firewall, sys::NetlinkBatch& batch) {
  sys::add_nft_chain(batch, firewall.table, "postrouting", "nat", sys::NftHook::Postrouting, 100);
  for (const auto& network : firewall.networks) {
    {  // A container that calls a published port of its own network: the answer must come back through the host.
      sys::NftRule rule(batch, firewall.table, "postrouting");
      rule.source(network.subnet);
      rule.out_interface(network.bridge);
      rule.translated();
      rule.masquerade();
    }
    if (network.internal || !network.masquerade) continue;
    sys::NftRule rule(batch, firewall.table, "postrouting");
    rule.source(network.subnet);
    rule.out_interface(network.bridge, false);
    rule.masquerade();
  }
}

}  // namespace

FirewallNetwork firewall_network(const NetworkRecord& record) {
  return {record.bridge, sys::Ipv4Subnet::parse(record.subnet).value_or(sys::Ipv4Subnet{}), record.internal,
          record.masquerade};
}

std::string firewall_table(const std::string& root, const ProjectName& project) {
  return "berth_" + stable_hex(root + '\n' + project.value, 8);
}

void render_firewall(const ProjectFirewall& firewall, sys::NetlinkBatch& batch) {
  sys::begin_nft_batch(batch);
  sys::replace_nft_table(batch, firewall.table);
  render_forward(firewall, batch);
  render_translation(firewall, batch);
  render_masquerade(firewall, batch);
  sys::end_nft_batch(batch);
}

Result<void> apply_firewall(sys::NetlinkSocket& socket, const ProjectFirewall& firewall) {
  sys::NetlinkBatch batch;
  render_firewall(firewall, batch);
  return socket.commit(batch, "set firewall table", firewall.table);
}

Result<void> apply_firewall(const ProjectFirewall& firewall) {
  auto socket = sys::NetlinkSocket::open(NETLINK_NETFILTER);
  if (!socket) return socket.error();
  return apply_firewall(*socket, firewall);
}

Result<void> remove_firewall(sys::NetlinkSocket& socket, const std::string& table) {
  sys::NetlinkBatch batch;
  sys::begin_nft_batch(batch);
  sys::delete_nft_table(batch, table);
  sys::end_nft_batch(batch);
  auto removed = socket.commit(batch, "remove firewall table", table);
  // A kernel that does not know the family has no table of it. Stacks without networks of their own run there.
  if (!removed && removed.error().errno_value() == EOPNOTSUPP) return {};
  return removed;
}

Result<void> remove_firewall(const std::string& table) {
  auto socket = sys::NetlinkSocket::open(NETLINK_NETFILTER);
  if (!socket) return socket.error();
  return remove_firewall(*socket, table);
}

Result<bool> has_firewall(sys::NetlinkSocket& socket, const ProjectFirewall& firewall) {
  auto rules = sys::observe_nft_rules(socket, firewall.table);
  if (!rules) return rules.error();
  sys::NetlinkBatch batch;
  render_firewall(firewall, batch);
  return rules->size() == sys::count_nft_rules(batch.bytes());
}

}  // namespace berth::network
