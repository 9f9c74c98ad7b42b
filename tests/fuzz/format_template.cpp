// --format as it is typed: parsed, then filled in twice, as a list and as a table.
#include <cstdint>
#include <string_view>

#include "../../src/cli/render/template.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto format = berth::cli::parse_format(text);
  if (!format || !*format) return 0;
  const berth::cli::TemplateRow row{{{"Name", "web \"1\""}, {"State", "running"}, {"Ports", ""}}, "{\"a\":1}"};
  (void)berth::cli::format_rows(**format, {row, row}, {{"Name", "NAMES"}});
  return 0;
}
