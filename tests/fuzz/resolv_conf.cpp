#include <cstddef>
#include <cstdint>
#include <string_view>

#include "berth/network/files.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto host = berth::network::parse_resolv_conf({reinterpret_cast<const char*>(data), size});
  (void)berth::network::resolv_conf_text(host, {}, {});
  return 0;
}
