// The whole load of one file: any bytes end in a model or in diagnostics, within bounds.
#include <cstdint>
#include <string>

#include "berth/compose/config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace berth::compose;
  if (size > 65536) return 0;
  MemoryFiles files;
  files.files["/p/x/compose.yaml"] = std::string(reinterpret_cast<const char*>(bytes), size);
  ConfigOptions options;
  options.load.working_dir = "/p/x";
  options.format = size % 2 ? "json" : "yaml";
  run_config(options, {}, files);
  return 0;
}
