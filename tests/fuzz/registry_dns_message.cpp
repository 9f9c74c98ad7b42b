#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../../src/registry/dns_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth::registry;
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const DnsType type : {DnsType::A, DnsType::Aaaa}) {
    (void)parse_dns_answer(text, 0x1234, "registry.example", type);
    (void)dns_question(1, text, type);
  }
  (void)addresses_in_hosts(text, "registry.example");
  return 0;
}
