#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "../../src/registry/manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth::registry;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto check = [](const Descriptor& each) {
    // A digest becomes a path and a URL, a size a limit.
    if (!is_sha256(each.digest) || each.size < 0) std::abort();
  };
  for (const char* type : {"", kOciManifest, kOciIndex, kDockerManifest, kDockerList}) {
    const auto parsed = parse_manifest(text, type);
    if (!parsed) continue;
    if (const auto* index = std::get_if<ImageIndex>(&*parsed)) {
      for (const auto& each : index->manifests) check(each);
      (void)choose_manifest(*index, {"linux", "arm", "v7"});
    } else {
      const auto& image = std::get<ImageManifest>(*parsed);
      check(image.config);
      for (const auto& each : image.layers) check(each);
    }
  }
  (void)parse_platform(text);
  return 0;
}
