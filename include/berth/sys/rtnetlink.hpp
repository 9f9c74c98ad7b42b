// Links, addresses and routes: requests that append to a NetlinkBatch, and decoders of the kernel's dumps.
//
// Traps (measured): a veth peer cannot be created up (ENOTCONN): raise it in the container's own batch. Deleting one
// veth waits for RCU (14 ms), deleting a bridge 30-55 ms: close namespaces instead, delete several bridges in one
// batch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/sys/ipv4.hpp"
#include "berth/sys/netlink.hpp"

namespace berth::sys {

// "02:42:ac:11:00:02" to 6 bytes; nothing where it is not a unicast MAC address.
std::optional<std::string> parse_mac(std::string_view text);
std::string mac_text(std::string_view bytes);

struct BridgeRequest {
  std::string name;
  std::string alias;  // kept by the kernel; says whose it is even when all records are lost
  std::string mac;    // 6 bytes; a bridge without its own takes the lowest of its ports and changes with them
  std::uint32_t mtu = 1500;
  std::uint32_t group = 0;
};
void add_bridge(NetlinkBatch& batch, const BridgeRequest& request);  // up, STP off, no forward delay, no IPv6 address

struct VethRequest {
  std::string host_name;
  int bridge = 0;  // index
  int netns = -1;  // where the peer goes, in the same message
  std::string peer_name;
  std::string peer_mac;  // 6 bytes
  std::uint32_t mtu = 1500;
  bool hairpin = true;    // without it a container cannot reach itself by its published port
  bool isolated = false;  // from other isolated ports of the bridge
};
void add_veth(NetlinkBatch& batch, const VethRequest& request);

void set_link_up(NetlinkBatch& batch, int index);
void set_link_up(NetlinkBatch& batch, const std::string& name);              // and without an IPv6 link-local address
void add_address(NetlinkBatch& batch, int index, Ipv4 address, int prefix);  // replaces an equal one
void add_default_route(NetlinkBatch& batch, int index, Ipv4 gateway);
void delete_link(NetlinkBatch& batch, int index);

struct Link {
  int index = 0;
  std::string name;
  std::string alias;
  std::string kind;  // "bridge", "veth", ""
  std::string mac;   // text
  int master = 0;
  std::uint32_t mtu = 0;
  std::uint32_t group = 0;
  bool up = false;
  bool operator==(const Link&) const = default;
};
struct LinkAddress {
  int index = 0;
  Ipv4 address;
  int prefix = 0;
  bool operator==(const LinkAddress&) const = default;
};
struct Route {
  Ipv4Subnet destination;  // 0.0.0.0/0: default
  int output = 0;          // link index
  std::optional<Ipv4> gateway;
  std::uint32_t table = 0;
  std::uint32_t metric = 0;
  std::uint8_t type = 0;  // RTN_UNICAST, RTN_LOCAL, ...
  bool operator==(const Route&) const = default;
};
// Decoders of foreign bytes; pure.
Result<std::vector<Link>> decode_links(std::string_view bytes);
Result<std::vector<LinkAddress>> decode_addresses(std::string_view bytes);
Result<std::vector<Route>> decode_routes(std::string_view bytes);

Result<std::vector<Link>> observe_links(NetlinkSocket& socket);
Result<Link> observe_link(NetlinkSocket& socket, const std::string& name);  // NotFound
Result<std::vector<LinkAddress>> observe_addresses(NetlinkSocket& socket);
Result<std::vector<Route>> observe_routes(NetlinkSocket& socket);  // IPv4, all tables

}  // namespace berth::sys
