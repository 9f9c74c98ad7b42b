// Records are read back from disk: whatever a full disk or a power cut left there must be refused, not crash.
#include <cstdint>
#include <string_view>

#include "berth/state/records.hpp"
#include "berth/text/json_codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto record = berth::json::decode_text<berth::state::ContainerRecord>(text))
    (void)berth::json::encode_text(*record);
  (void)berth::json::decode_text<berth::state::RunRecord>(text);
  return 0;
}
