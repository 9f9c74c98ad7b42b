#include "berth/sys/conntrack.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>

#include "berth/sys/netlink.hpp"

namespace berth::sys {
namespace {

constexpr std::uint16_t conntrack_type(int message) {
  return static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | message);
}

struct FlowEnds {
  bool ipv4 = false;
  Ipv4 source, destination;
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint8_t protocol = 0;
};

FlowEnds decode_tuple(std::string_view bytes) {
  FlowEnds out;
  for (NetlinkAttributes part(bytes); part.next();) {
    if (part.type() == CTA_TUPLE_IP)
      for (NetlinkAttributes ip(part.value()); ip.next();) {
        if (ip.type() == CTA_IP_V4_SRC) out.source = {ip.be32()}, out.ipv4 = ip.value().size() == 4;
        if (ip.type() == CTA_IP_V4_DST) out.destination = {ip.be32()};
      }
    if (part.type() == CTA_TUPLE_PROTO)
      for (NetlinkAttributes proto(part.value()); proto.next();) {
        if (proto.type() == CTA_PROTO_NUM && !proto.value().empty())
          out.protocol = static_cast<std::uint8_t>(proto.value()[0]);
        if (proto.type() == CTA_PROTO_SRC_PORT) out.source_port = proto.be16();
        if (proto.type() == CTA_PROTO_DST_PORT) out.destination_port = proto.be16();
      }
  }
  return out;
}

}  // namespace

Result<std::vector<TrackedFlow>> decode_flows(std::string_view bytes) {
  std::vector<TrackedFlow> out;
  BERTH_TRY(for_each_netlink_message(bytes, [&](std::uint16_t type, std::string_view payload) -> Result<void> {
    if (type != conntrack_type(IPCTNL_MSG_CT_NEW)) return {};
    if (payload.size() < sizeof(nfgenmsg)) return Error::make(ErrorKind::Protocol, "truncated conntrack message");
    TrackedFlow flow;
    bool ipv4 = false;
    NetlinkAttributes attribute(payload.substr(NLMSG_ALIGN(sizeof(nfgenmsg))));
    while (attribute.next()) {
      if (attribute.type() == CTA_TUPLE_ORIG) {
        const FlowEnds ends = decode_tuple(attribute.value());
        ipv4 = ends.ipv4;
        flow.protocol = ends.protocol;
        flow.source = ends.source;
        flow.destination = ends.destination;
        flow.source_port = ends.source_port;
        flow.destination_port = ends.destination_port;
        flow.tuple = std::string(attribute.value());
      } else if (attribute.type() == CTA_TUPLE_REPLY) {
        const FlowEnds ends = decode_tuple(attribute.value());
        flow.reply_source = ends.source;
        flow.reply_destination = ends.destination;
      } else if (attribute.type() == CTA_ID) {
        flow.id = attribute.u32();
      } else if (attribute.type() == CTA_ZONE) {
        flow.zone = attribute.be16();
      }
    }
    if (attribute.broken()) return Error::make(ErrorKind::Protocol, "malformed conntrack message");
    if (ipv4) out.push_back(std::move(flow));
    return {};
  }));
  return out;
}

Result<std::vector<TrackedFlow>> observe_flows() {
  auto socket = NetlinkSocket::open(NETLINK_NETFILTER);
  if (!socket) return socket.error();
  NetlinkBatch request;
  request.begin(conntrack_type(IPCTNL_MSG_CT_GET), NLM_F_REQUEST | NLM_F_DUMP, nfgenmsg{AF_INET, NFNETLINK_V0, 0});
  auto bytes = socket->ask(request, "list tracked flows", "");
  if (!bytes) return bytes.error();
  return decode_flows(*bytes);
}

Result<std::size_t> delete_flows(const std::function<bool(const TrackedFlow&)>& stale) {
  auto flows = observe_flows();
  if (!flows) return flows.error();
  NetlinkBatch batch;
  std::size_t count = 0;
  for (const auto& flow : *flows) {
    if (!stale(flow)) continue;
    ++count;
    batch.begin(conntrack_type(IPCTNL_MSG_CT_DELETE), NLM_F_REQUEST, nfgenmsg{AF_INET, NFNETLINK_V0, 0});
    batch.attribute(CTA_TUPLE_ORIG | NLA_F_NESTED, flow.tuple.data(), flow.tuple.size());
    if (flow.zone != 0) {
      const std::uint16_t zone = htons(flow.zone);
      batch.attribute(CTA_ZONE, &zone, sizeof zone);
    }
    batch.u32(CTA_ID, flow.id);
  }
  if (count == 0) return count;
  auto socket = NetlinkSocket::open(NETLINK_NETFILTER);
  if (!socket) return socket.error();
  if (auto done = socket->commit(batch, "delete tracked flows", ""); !done && done.error().errno_value() != ENOENT)
    return done.error();
  return count;
}

}  // namespace berth::sys
