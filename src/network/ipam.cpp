#include "berth/network/ipam.hpp"

#include <algorithm>

namespace berth::network {

using sys::Ipv4;
using sys::Ipv4Subnet;

const std::vector<AddressPool>& default_pools() {
  static const std::vector<AddressPool> pools = [] {
    std::vector<AddressPool> out;
    auto add = [&](const char* range, int prefix) { out.push_back({*Ipv4Subnet::parse(range), prefix}); };
    for (const char* range :
         {"172.17.0.0/16", "172.18.0.0/16", "172.19.0.0/16", "172.20.0.0/14", "172.24.0.0/14", "172.28.0.0/14"})
      add(range, 16);
    add("192.168.0.0/16", 20);
    for (const char* range : {"10.201.0.0/16", "10.202.0.0/16", "10.203.0.0/16", "10.204.0.0/16"}) add(range, 24);
    return out;
  }();
  return pools;
}

std::optional<Ipv4Subnet> choose_subnet(const std::vector<Ipv4Subnet>& taken, const std::vector<AddressPool>& pools) {
  for (const auto& pool : pools) {
    const std::uint64_t step = std::uint64_t{1} << (32 - pool.prefix);
    for (std::uint64_t at = pool.range.network.value; at <= pool.range.broadcast().value; at += step) {
      const auto candidate = Ipv4Subnet::of({static_cast<std::uint32_t>(at)}, pool.prefix);
      if (std::none_of(taken.begin(), taken.end(), [&](const Ipv4Subnet& other) { return candidate.overlaps(other); }))
        return candidate;
    }
  }
  return std::nullopt;
}

std::optional<Ipv4> choose_address(Ipv4Subnet subnet, Ipv4Subnet range, const std::set<Ipv4>& taken) {
  for (std::uint64_t at = range.network.value; at <= range.broadcast().value; ++at) {
    const Ipv4 address{static_cast<std::uint32_t>(at)};
    if (address != subnet.network && address != subnet.broadcast() && !taken.count(address)) return address;
  }
  return std::nullopt;
}

Result<void> check_address(Ipv4Subnet subnet, Ipv4 address, const std::set<Ipv4>& taken) {
  if (!subnet.contains(address))
    return Error::make(ErrorKind::Invalid,
                       "address " + address.text() + " is not in the network's subnet " + subnet.text());
  if (address == subnet.network || address == subnet.broadcast())
    return Error::make(ErrorKind::Invalid, "address " + address.text() + " is reserved in " + subnet.text());
  if (taken.count(address)) return Error::make(ErrorKind::Busy, "address " + address.text() + " is already in use");
  return {};
}

}  // namespace berth::network
