#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "berth/oci/image_config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto config = berth::oci::parse_image_config({reinterpret_cast<const char*>(data), size});
  if (!config) return 0;
  const auto again = berth::oci::parse_image_config(berth::oci::to_json(*config));
  if (!again || !(*again == *config)) std::abort();
  return 0;
}
