// First byte: the kind. What decodes encodes to something that decodes to the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "berth/control/messages.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  auto message = berth::control::decode(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1});
  if (!message) return 0;
  auto again = berth::control::decode(berth::control::kind_of(*message), berth::control::encode(*message));
  if (!again || !(*again == *message)) std::abort();
  return 0;
}
