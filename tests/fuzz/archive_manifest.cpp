#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "../../src/image/archive_manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth::image;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)parse_docker_manifest(text);
  const auto is_hex = [](const std::string& digest) {
    return digest.size() == 71 && digest.find_first_not_of("0123456789abcdef", 7) == std::string::npos;
  };
  // A digest becomes a path: it must never hold anything else.
  if (const auto index = parse_oci_index(text))
    for (const auto& each : *index)
      if (!is_hex(each.digest)) std::abort();
  if (const auto manifest = parse_oci_manifest(text))
    for (const auto& each : manifest->layers)
      if (!is_hex(each.digest)) std::abort();
  return 0;
}
