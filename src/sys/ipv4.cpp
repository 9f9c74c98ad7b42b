#include "berth/sys/ipv4.hpp"

#include <charconv>

namespace berth::sys {

std::optional<Ipv4> Ipv4::parse(std::string_view text) {
  Ipv4 out;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && (at == end || *at++ != '.')) return std::nullopt;
    unsigned value = 0;
    const auto [next, failed] = std::from_chars(at, end, value);
    if (failed != std::errc{} || value > 255 || next - at > 3 || (next - at > 1 && *at == '0')) return std::nullopt;
    out.value = out.value << 8 | value;
    at = next;
  }
  return at == end ? std::optional(out) : std::nullopt;
}

std::string Ipv4::text() const {
  return std::to_string(value >> 24) + '.' + std::to_string(value >> 16 & 255) + '.' +
         std::to_string(value >> 8 & 255) + '.' + std::to_string(value & 255);
}

Ipv4Subnet Ipv4Subnet::of(Ipv4 address, int prefix) {
  Ipv4Subnet out{address, prefix};
  out.network.value &= out.mask();
  return out;
}

std::optional<Ipv4Subnet> Ipv4Subnet::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = Ipv4::parse(text.substr(0, slash));
  const auto digits = text.substr(slash + 1);
  int prefix = -1;
  const auto [next, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (!address || failed != std::errc{} || next != digits.data() + digits.size() || prefix < 0 || prefix > 32)
    return std::nullopt;
  return of(*address, prefix);
}

std::string Ipv4Subnet::text() const { return network.text() + '/' + std::to_string(prefix); }

}  // namespace berth::sys
