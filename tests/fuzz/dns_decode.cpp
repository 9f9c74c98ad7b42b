#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "berth/network/dns.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth::network;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)decode_dns_query(bytes);
  DnsZone zone;
  zone.set("n", berth::ContainerId("a"), berth::sys::Ipv4{0xac120002}, {"web"});
  DnsAsker asker;
  asker.networks = {"n"};
  const auto reply = answer_dns(bytes, zone, asker, DnsTransport::Udp, 1);
  if (reply && reply->size() < 12) __builtin_trap();
  (void)fit_dns_reply(std::string(bytes), bytes, DnsTransport::Udp);
  return 0;
}
