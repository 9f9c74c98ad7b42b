#include "berth/network/ports.hpp"

#include <cerrno>
#include <charconv>

#include "berth/sys/conntrack.hpp"
#include "berth/sys/inet_socket.hpp"
#include "port_owner.hpp"

namespace berth::network {
namespace {

struct PortRange {
  std::uint16_t first = 0, last = 0;
};
Result<PortRange> published_range(const model::Port& port) {
  if (port.published.empty()) return PortRange{};
  PortRange out;
  const char* at = port.published.data();
  const char* const end = at + port.published.size();
  auto first = std::from_chars(at, end, out.first);
  out.last = out.first;
  if (first.ec == std::errc{} && first.ptr != end && *first.ptr == '-')
    first = std::from_chars(first.ptr + 1, end, out.last);
  if (first.ec != std::errc{} || first.ptr != end || out.last < out.first)
    return Error::make(ErrorKind::Invalid, "published port `" + port.published + "` is no port or range");
  return out;
}

bool cannot_have_family(const Error& error) {
  return error.errno_value() == EAFNOSUPPORT || error.errno_value() == EADDRNOTAVAIL;
}

Result<Reservation> reserve_exactly(const std::vector<std::string>& addresses, std::uint16_t number,
                                    const model::Port& port, const PortOwners& owners) {
  const bool tcp = port.protocol == model::Protocol::Tcp;
  Reservation out;
  out.publication = {addresses.front(), number, port.target, port.protocol};
  for (const auto& address : addresses) {
    auto fd = sys::bind_inet(tcp ? sys::InetKind::Tcp : sys::InetKind::Udp, address, out.publication.host_port);
    if (fd) {
      out.publication.host_port = sys::local_port(fd->get());
      out.sockets.push_back({std::move(*fd), address});
      continue;
    }
    if (!out.sockets.empty() && cannot_have_family(fd.error())) continue;  // a host without IPv6
    if (fd.error().errno_value() != EADDRINUSE) return fd.error();
    const auto taken = out.publication.host_port;
    return Error::make(ErrorKind::Busy, "Bind for " + addresses.front() + ":" + std::to_string(taken) +
                                            " failed: port is already allocated" + port_owner(out.publication, owners))
        .with_hint("end what uses it, or publish another port, such as `" +
                   std::to_string(taken + (taken < 65535 ? 1 : -1)) + ":" + std::to_string(port.target) + "`");
  }
  return out;
}

}  // namespace

Result<Reservation> reserve_port(const model::Port& port, const PortOwners& owners) {
  if (port.protocol == model::Protocol::Sctp)
    return Error::make(ErrorKind::Unsupported,
                       "published SCTP port " + std::to_string(port.target) + " is not supported");
  auto range = published_range(port);
  if (!range) return range.error();
  const std::vector<std::string> addresses = port.host_ip.empty() || port.host_ip == "0.0.0.0"
                                                 ? std::vector<std::string>{"0.0.0.0", "::"}
                                                 : std::vector<std::string>{port.host_ip};
  Result<Reservation> last = Error::make(ErrorKind::Busy, "no free port");
  if (range->first == 0) {
    // The kernel chooses for the first address; the second may have that number taken.
    for (int attempt = 0; attempt < 16; ++attempt)
      if (last = reserve_exactly(addresses, 0, port, owners); last || last.error().kind() != ErrorKind::Busy)
        return last;
    return last;
  }
  for (std::uint32_t number = range->first; number <= range->last; ++number)
    if (last = reserve_exactly(addresses, static_cast<std::uint16_t>(number), port, owners);
        last || last.error().kind() != ErrorKind::Busy)
      return last;
  return last;
}

Result<std::size_t> forget_flows(const std::set<sys::Ipv4>& containers,
                                 const std::vector<engine::Publication>& published) {
  std::set<std::pair<std::uint8_t, std::uint16_t>> ports;
  for (const auto& publication : published)
    if (publication.protocol == model::Protocol::Udp) ports.emplace(17, publication.host_port);
  if (containers.empty() && ports.empty()) return std::size_t{0};
  return sys::delete_flows([&](const sys::TrackedFlow& flow) {
    if (containers.count(flow.source) || containers.count(flow.destination) || containers.count(flow.reply_source))
      return true;
    // The port as the client named it: the host's, not the container's.
    return ports.count({flow.protocol, flow.destination_port}) > 0 && !flow.destination.is_loopback();
  });
}

sys::NftDnat translation_of(const engine::Publication& publication, sys::Ipv4 container) {
  sys::NftDnat out;
  // An IPv6 host address has no translation; a loopback one is left out by render_firewall.
  out.host = sys::Ipv4::parse(publication.host_ip).value_or(sys::Ipv4{0x7f000001});
  out.protocol = publication.protocol == model::Protocol::Udp ? 17 : 6;
  out.host_port = publication.host_port;
  out.target = container;
  out.target_port = publication.target;
  return out;
}

}  // namespace berth::network
