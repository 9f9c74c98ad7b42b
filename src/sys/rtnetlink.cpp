#include "berth/sys/rtnetlink.hpp"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

namespace berth::sys {
namespace {

constexpr std::uint16_t kChange = NLM_F_REQUEST;
constexpr std::uint16_t kCreate = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL;

ifinfomsg link_header(int index, bool up) {
  ifinfomsg header{};
  header.ifi_index = index;
  if (up) header.ifi_flags = header.ifi_change = IFF_UP;
  return header;
}
void without_ipv6_address(NetlinkBatch& batch) {
  // A hairpin port reflects duplicate address detection back and would mark the address as failed.
  const auto families = batch.nest(IFLA_AF_SPEC);
  const auto inet6 = batch.nest(AF_INET6);
  batch.u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  batch.end(inet6);
  batch.end(families);
}
int hex_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

}  // namespace

std::optional<std::string> parse_mac(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < 17; i += 3) {
    const int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0 || (i + 2 < 17 && text[i + 2] != ':' && text[i + 2] != '-')) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
  }
  if ((out[0] & 1) != 0 || out == std::string(6, '\0')) return std::nullopt;
  return out;
}

std::string mac_text(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    if (!out.empty()) out += ':';
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

void add_bridge(NetlinkBatch& batch, const BridgeRequest& request) {
  batch.begin(RTM_NEWLINK, kCreate, link_header(0, false));
  batch.text(IFLA_IFNAME, request.name);
  batch.u32(IFLA_MTU, request.mtu);
  if (request.group) batch.u32(IFLA_GROUP, request.group);
  if (!request.mac.empty()) batch.attribute(IFLA_ADDRESS, request.mac.data(), request.mac.size());
  const auto info = batch.nest(IFLA_LINKINFO);
  batch.text(IFLA_INFO_KIND, "bridge");
  const auto data = batch.nest(IFLA_INFO_DATA);
  batch.u32(IFLA_BR_STP_STATE, 0);
  batch.u32(IFLA_BR_FORWARD_DELAY, 0);
  batch.end(data);
  batch.end(info);
  // The alias is no attribute of creation.
  batch.begin(RTM_NEWLINK, kChange, link_header(0, true));
  batch.text(IFLA_IFNAME, request.name);
  if (!request.alias.empty()) batch.attribute(IFLA_IFALIAS, request.alias.data(), request.alias.size());
  without_ipv6_address(batch);
}

void add_veth(NetlinkBatch& batch, const VethRequest& request) {
  batch.begin(RTM_NEWLINK, kCreate, link_header(0, true));
  batch.text(IFLA_IFNAME, request.host_name);
  batch.u32(IFLA_MTU, request.mtu);
  batch.u32(IFLA_MASTER, static_cast<std::uint32_t>(request.bridge));
  const auto info = batch.nest(IFLA_LINKINFO);
  batch.text(IFLA_INFO_KIND, "veth");
  const auto data = batch.nest(IFLA_INFO_DATA);
  const auto peer = batch.nest(VETH_INFO_PEER);
  const ifinfomsg peer_header{};
  batch.append(&peer_header, sizeof peer_header);
  batch.text(IFLA_IFNAME, request.peer_name);
  batch.u32(IFLA_MTU, request.mtu);
  if (!request.peer_mac.empty()) batch.attribute(IFLA_ADDRESS, request.peer_mac.data(), request.peer_mac.size());
  batch.u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(request.netns));
  batch.end(peer);
  batch.end(data);
  batch.end(info);
  if (!request.hairpin && !request.isolated) return;
  batch.begin(RTM_NEWLINK, kChange, link_header(0, false));
  batch.text(IFLA_IFNAME, request.host_name);
  const auto port_info = batch.nest(IFLA_LINKINFO);
  batch.text(IFLA_INFO_SLAVE_KIND, "bridge");
  const auto port = batch.nest(IFLA_INFO_SLAVE_DATA);
  if (request.hairpin) batch.u8(IFLA_BRPORT_MODE, 1);
  if (request.isolated) batch.u8(IFLA_BRPORT_ISOLATED, 1);
  batch.end(port);
  batch.end(port_info);
}

void set_link_up(NetlinkBatch& batch, int index) { batch.begin(RTM_NEWLINK, kChange, link_header(index, true)); }
void set_link_up(NetlinkBatch& batch, const std::string& name) {
  batch.begin(RTM_NEWLINK, kChange, link_header(0, true));
  batch.text(IFLA_IFNAME, name);
  without_ipv6_address(batch);
}

void add_address(NetlinkBatch& batch, int index, Ipv4 address, int prefix) {
  const ifaddrmsg header{AF_INET, static_cast<std::uint8_t>(prefix), 0, RT_SCOPE_UNIVERSE,
                         static_cast<std::uint32_t>(index)};
  batch.begin(RTM_NEWADDR, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE, header);
  batch.be32(IFA_LOCAL, address.value);
  batch.be32(IFA_ADDRESS, address.value);
  if (prefix < 31) batch.be32(IFA_BROADCAST, Ipv4Subnet::of(address, prefix).broadcast().value);
}

void add_default_route(NetlinkBatch& batch, int index, Ipv4 gateway) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_BOOT;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  batch.begin(RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE, header);
  batch.be32(RTA_GATEWAY, gateway.value);
  batch.u32(RTA_OIF, static_cast<std::uint32_t>(index));
}

void delete_link(NetlinkBatch& batch, int index) { batch.begin(RTM_DELLINK, kChange, link_header(index, false)); }

}  // namespace berth::sys
