#include <cstddef>
#include <cstdint>
#include <string_view>

#include "berth/sys/rtnetlink.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)berth::sys::decode_links(bytes);
  (void)berth::sys::decode_addresses(bytes);
  (void)berth::sys::decode_routes(bytes);
  return 0;
}
