#include <cstddef>
#include <cstdint>

#include "berth/dockerfile/checks.hpp"
#include "berth/dockerfile/dockerfile.hpp"
#include "berth/dockerfile/graph.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth;
  text::Diagnostics found;
  const auto file = dockerfile::parse(std::string(reinterpret_cast<const char*>(data), size), "Dockerfile", found);
  if (const auto graph = dockerfile::make_graph(file, {}, found)) dockerfile::run_checks(file, *graph, found);
  for (const auto& each : found.all()) text::render(each);
  return 0;
}
