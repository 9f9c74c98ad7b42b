#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "../../src/registry/docker_config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth::registry;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto config = parse_docker_config(text)) {
    (void)find_credential(*config, "docker.io", "library/x");
    (void)find_credential(*config, "quay.io", "a/b/c");
    (void)helper_of(*config, "quay.io");
  }
  Credential credential;
  credential.user = "u";
  credential.password = "p";
  if (const auto changed = with_credential(text, "h:1", credential)) {
    const auto again = parse_docker_config(*changed);
    if (again && find_credential(*again, "h:1", "") != credential) std::abort();
  }
  (void)without_credential(text, "h:1");
  if (const auto plain = base64_decode(text); plain && base64_decode(base64_encode(*plain)) != plain) std::abort();
  return 0;
}
