// Both grammars of env files.
#include <cstdint>
#include <string>
#include <string_view>

#include "../../src/compose/passes.hpp"
#include "berth/text/duration.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size > 65536) return 0;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const berth::compose::Lookup lookup = [](const std::string& name) {
    return name.size() % 2 ? std::optional<std::string>("value") : std::nullopt;
  };
  (void)lookup;
  berth::compose::parse_dotenv(text, lookup);
  berth::compose::parse_raw_env(text, lookup);
  return 0;
}
