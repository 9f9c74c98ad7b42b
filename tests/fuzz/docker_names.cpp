// Files that others write and install-names reads: sudoers, and its own record.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../../src/cli/docker_names.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)berth::cli::secure_path_of(text);
  if (const auto record = berth::cli::names_record_of(text)) (void)berth::cli::to_json(*record);
  return 0;
}
