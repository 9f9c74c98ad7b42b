#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "berth/image/reference.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto reference = berth::image::parse_reference({reinterpret_cast<const char*>(data), size});
  if (!reference) return 0;
  const auto again = berth::image::parse_reference(reference->to_string());
  if (!again || !(*again == *reference)) std::abort();
  return 0;
}
