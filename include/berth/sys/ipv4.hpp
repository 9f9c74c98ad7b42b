// IPv4 addresses and subnets as values. Numbers are in host order; text is dotted decimal and nothing else
// (no octal, no short forms: inet_aton's "10.1" is a mistake in a compose file, not an address).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace berth::sys {

struct Ipv4 {
  std::uint32_t value = 0;

  static std::optional<Ipv4> parse(std::string_view text);
  std::string text() const;
  bool is_loopback() const noexcept { return value >> 24 == 127; }
  auto operator<=>(const Ipv4&) const = default;
};

// Always canonical: the host bits of `network` are zero.
struct Ipv4Subnet {
  Ipv4 network;
  int prefix = 0;

  // "10.1.0.0/16". Host bits are cleared, as ip and docker do.
  static std::optional<Ipv4Subnet> parse(std::string_view text);
  static Ipv4Subnet of(Ipv4 address, int prefix);
  std::string text() const;
  std::uint32_t mask() const noexcept { return prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix); }
  Ipv4 broadcast() const noexcept { return {network.value | ~mask()}; }
  bool contains(Ipv4 address) const noexcept { return (address.value & mask()) == network.value; }
  bool overlaps(const Ipv4Subnet& other) const noexcept { return contains(other.network) || other.contains(network); }
  auto operator<=>(const Ipv4Subnet&) const = default;
};

}  // namespace berth::sys
