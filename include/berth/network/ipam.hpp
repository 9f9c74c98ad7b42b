// Which subnet a network gets and which address a container: pure decisions over what is taken.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/sys/ipv4.hpp"

namespace berth::network {

// Subnets of length `prefix` are cut out of `range`, lowest first.
struct AddressPool {
  sys::Ipv4Subnet range;
  int prefix = 24;
};
// Docker's pools (31 networks), then /24s of 10.201.0.0/16 and its neighbours: Docker's own run out (its top
// complaint).
const std::vector<AddressPool>& default_pools();

// The first subnet of the pools that overlaps nothing in `taken` (routes, addresses, name servers, other networks).
std::optional<sys::Ipv4Subnet> choose_subnet(const std::vector<sys::Ipv4Subnet>& taken,
                                             const std::vector<AddressPool>& pools);

// The lowest free address of `range` that is not the network's, the broadcast's or in `taken`.
std::optional<sys::Ipv4> choose_address(sys::Ipv4Subnet subnet, sys::Ipv4Subnet range,
                                        const std::set<sys::Ipv4>& taken);

// An address that the user asked for: inside, not reserved, not taken.
Result<void> check_address(sys::Ipv4Subnet subnet, sys::Ipv4 address, const std::set<sys::Ipv4>& taken);

}  // namespace berth::network
