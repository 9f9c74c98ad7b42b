// The whole load of one file: any bytes end in a model or in diagnostics (that can be shown), within bounds; and the
// way of each value can be told.
#include <cstdint>
#include <string>

#include "berth/compose/config.hpp"
#include "berth/text/diagnostic.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace berth::compose;
  if (size > 65536) return 0;
  MemoryFiles files;
  files.files["/p/x/compose.yaml"] = std::string(reinterpret_cast<const char*>(bytes), size);
  ConfigOptions options;
  options.load.working_dir = "/p/x";
  options.format = size % 2 ? "json" : "yaml";
  if (size % 3 == 0) options.listing = ConfigListing::Explain, options.load.explain = "services";
  const auto output = run_config(options, {}, files);
  for (const auto& diagnostic : output.diagnostics.all()) berth::text::render(diagnostic);
  return 0;
}
