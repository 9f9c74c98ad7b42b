#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include "berth/sys/rtnetlink.hpp"

namespace berth::sys {
namespace {

// Messages of type `wanted`: `read(header, attributes)`; false leaves the message out.
template <class Header, class T, class Read>
Result<std::vector<T>> decode_dump(std::string_view bytes, std::uint16_t wanted, Read read) {
  std::vector<T> out;
  auto walked = for_each_netlink_message(bytes, [&](std::uint16_t type, std::string_view payload) -> Result<void> {
    if (type != wanted) return {};
    Header header{};
    if (payload.size() < sizeof header) return Error::make(ErrorKind::Protocol, "truncated rtnetlink message");
    std::memcpy(&header, payload.data(), sizeof header);
    NetlinkAttributes attributes(payload.substr(std::min<std::size_t>(payload.size(), NLMSG_ALIGN(sizeof header))));
    T item;
    if (read(header, attributes, item)) out.push_back(std::move(item));
    if (attributes.broken()) return Error::make(ErrorKind::Protocol, "malformed rtnetlink attribute");
    return {};
  });
  if (!walked) return walked.error();
  return out;
}

template <class Header>
Result<std::string> dump(NetlinkSocket& socket, std::uint16_t type, const Header& header, const char* operation) {
  NetlinkBatch request;
  request.begin(type, NLM_F_REQUEST | NLM_F_DUMP, header);
  return socket.ask(request, operation, "this network namespace");
}

}  // namespace

Result<std::vector<Link>> decode_links(std::string_view bytes) {
  return decode_dump<ifinfomsg, Link>(bytes, RTM_NEWLINK,
                                      [](const ifinfomsg& header, NetlinkAttributes& attributes, Link& link) {
                                        link.index = header.ifi_index;
                                        link.up = (header.ifi_flags & IFF_UP) != 0;
                                        while (attributes.next()) switch (attributes.type()) {
                                            case IFLA_IFNAME: link.name = attributes.text(); break;
                                            case IFLA_IFALIAS: link.alias = attributes.text(); break;
                                            case IFLA_ADDRESS: link.mac = mac_text(attributes.value()); break;
                                            case IFLA_MASTER: link.master = static_cast<int>(attributes.u32()); break;
                                            case IFLA_MTU: link.mtu = attributes.u32(); break;
                                            case IFLA_GROUP: link.group = attributes.u32(); break;
                                            case IFLA_LINKINFO: {
                                              NetlinkAttributes info(attributes.value());
                                              while (info.next())
                                                if (info.type() == IFLA_INFO_KIND) link.kind = info.text();
                                              break;
                                            }
                                          }
                                        return true;
                                      });
}

Result<std::vector<LinkAddress>> decode_addresses(std::string_view bytes) {
  return decode_dump<ifaddrmsg, LinkAddress>(
      bytes, RTM_NEWADDR, [](const ifaddrmsg& header, NetlinkAttributes& attributes, LinkAddress& out) {
        out.index = static_cast<int>(header.ifa_index);
        out.prefix = header.ifa_prefixlen;
        bool local = false;
        while (attributes.next()) {
          if (attributes.type() != IFA_LOCAL && (attributes.type() != IFA_ADDRESS || local)) continue;
          local = attributes.type() == IFA_LOCAL;
          out.address = {attributes.be32()};
        }
        return header.ifa_family == AF_INET && out.prefix <= 32;
      });
}

Result<std::vector<Route>> decode_routes(std::string_view bytes) {
  return decode_dump<rtmsg, Route>(bytes, RTM_NEWROUTE,
                                   [](const rtmsg& header, NetlinkAttributes& attributes, Route& out) {
                                     out.table = header.rtm_table;
                                     out.type = header.rtm_type;
                                     Ipv4 destination;
                                     while (attributes.next()) switch (attributes.type()) {
                                         case RTA_DST: destination = {attributes.be32()}; break;
                                         case RTA_OIF: out.output = static_cast<int>(attributes.u32()); break;
                                         case RTA_GATEWAY: out.gateway = Ipv4{attributes.be32()}; break;
                                         case RTA_TABLE: out.table = attributes.u32(); break;
                                         case RTA_PRIORITY: out.metric = attributes.u32(); break;
                                       }
                                     if (header.rtm_family != AF_INET || header.rtm_dst_len > 32) return false;
                                     out.destination = Ipv4Subnet::of(destination, header.rtm_dst_len);
                                     return true;
                                   });
}

Result<std::vector<Link>> observe_links(NetlinkSocket& socket) {
  auto bytes = dump(socket, RTM_GETLINK, ifinfomsg{}, "list links of");
  if (!bytes) return bytes.error();
  return decode_links(*bytes);
}

Result<Link> observe_link(NetlinkSocket& socket, const std::string& name) {
  NetlinkBatch request;
  request.begin(RTM_GETLINK, NLM_F_REQUEST, ifinfomsg{});
  request.text(IFLA_IFNAME, name);
  auto bytes = socket.ask(request, "look up network link", name);
  if (!bytes) {
    if (bytes.error().errno_value() == ENODEV)
      return Error::make(ErrorKind::NotFound, "no network link `" + name + "`");
    return bytes.error();
  }
  auto links = decode_links(*bytes);
  if (!links) return links.error();
  if (links->size() != 1)
    return Error::make(ErrorKind::Protocol, "unexpected answer about network link `" + name + "`");
  return std::move(links->front());
}

Result<std::vector<LinkAddress>> observe_addresses(NetlinkSocket& socket) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  auto bytes = dump(socket, RTM_GETADDR, header, "list addresses of");
  if (!bytes) return bytes.error();
  return decode_addresses(*bytes);
}

Result<std::vector<Route>> observe_routes(NetlinkSocket& socket) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  auto bytes = dump(socket, RTM_GETROUTE, header, "list routes of");
  if (!bytes) return bytes.error();
  return decode_routes(*bytes);
}

}  // namespace berth::sys
