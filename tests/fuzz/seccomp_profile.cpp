// A profile named in security_opt is a file that somebody else wrote.
#include <cstddef>
#include <cstdint>
#include <string>

#include "berth/runtime/default_spec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)berth::runtime::parse_seccomp(text, 0xa80425fb);
  return 0;
}
