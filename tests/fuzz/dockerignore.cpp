#include <cstddef>
#include <cstdint>

#include "berth/dockerfile/ignore.hpp"

// First line: a path; the rest: the file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto end = text.find('\n');
  if (end == std::string_view::npos || end > 512) return 0;
  if (const auto rules = berth::dockerfile::IgnoreRules::parse(text.substr(end + 1))) {
    rules->ignores(text.substr(0, end));
    rules->may_show_below(text.substr(0, end));
  }
  return 0;
}
