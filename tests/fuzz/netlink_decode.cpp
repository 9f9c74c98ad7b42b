#include <cstddef>
#include <cstdint>
#include <string_view>

#include "berth/sys/conntrack.hpp"
#include "berth/sys/nft.hpp"
#include "berth/sys/rtnetlink.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)berth::sys::decode_links(bytes);
  (void)berth::sys::decode_addresses(bytes);
  (void)berth::sys::decode_routes(bytes);
  (void)berth::sys::decode_flows(bytes);
  (void)berth::sys::decode_nft_chains(bytes);
  (void)berth::sys::decode_nft_rules(bytes);
  return 0;
}
