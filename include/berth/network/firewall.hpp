// One nf_tables table per project, `berth_<8 hex>` in family ip, replaced as a whole: the kernel's state is a pure
// function of ProjectFirewall. Nothing may enter a bridge from elsewhere but translated connections and answers, which
// is isolation between networks and the block of direct access in one rule; an internal network lets nothing in or out.
//
// 127.0.0.1 and ::1 are not translated (no route_localnet): the reserved sockets (ports.hpp) serve them through
// proxy.hpp. An accept here cannot override a drop in somebody else's base chain (ufw, firewalld, Docker's FORWARD
// policy): host_firewall.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/base/ids.hpp"
#include "berth/network/bridges.hpp"
#include "berth/sys/ipv4.hpp"
#include "berth/sys/nft.hpp"

namespace berth::network {

struct FirewallNetwork {
  std::string bridge;
  sys::Ipv4Subnet subnet;
  bool internal = false;
  bool masquerade = true;
};
FirewallNetwork firewall_network(const NetworkRecord& record);

struct ProjectFirewall {
  std::string table;
  std::vector<FirewallNetwork> networks;
  std::vector<sys::NftDnat> ports;  // host 0.0.0.0: any address; loopback ones are left out by render
};

// Of root and project, so that two roots on one host do not share tables.
std::string firewall_table(const std::string& root, const ProjectName& project);
void render_firewall(const ProjectFirewall& firewall, sys::NetlinkBatch& batch);  // pure

// Closing any NETLINK_NETFILTER socket after something was removed or replaced, also one that only asked, waits until
// the kernel has freed it (RCU, 13 ms and more): who changes firewalls more than once keeps one socket for all of it.
Result<void> apply_firewall(sys::NetlinkSocket& socket, const ProjectFirewall& firewall);
Result<void> apply_firewall(const ProjectFirewall& firewall);
Result<void> remove_firewall(sys::NetlinkSocket& socket, const std::string& table);  // not there: no failure
Result<void> remove_firewall(const std::string& table);
// Somebody else may flush tables: whether ours has all its rules.
Result<bool> has_firewall(sys::NetlinkSocket& socket, const ProjectFirewall& firewall);

// net.ipv4.ip_forward. Where it is off it goes on, which is recorded in ROOT/global/forwarding.json, and a table drops
// what is forwarded between interfaces none of which is ours, so that the host does not become a router. True then.
Result<bool> enable_forwarding(sys::NetlinkSocket& socket, const std::string& root);
Result<bool> enable_forwarding(const std::string& root);
// Without networks below `root`: as it was before berth. True where it is off again.
Result<bool> restore_forwarding(sys::NetlinkSocket& socket, const std::string& root);
Result<bool> restore_forwarding(const std::string& root);

}  // namespace berth::network
