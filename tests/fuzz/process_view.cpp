// Files of /proc of a process that named itself: stat, status, cmdline and passwd, separated by byte 1.
#include <array>
#include <cstdint>
#include <string_view>

#include "../../src/cli/render/process_view.hpp"
#include "../../src/cli/render/stats_view.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(bytes), size);
  std::array<std::string_view, 4> parts;
  for (auto& part : parts) {
    const auto end = rest.find('\1');
    part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  const auto users = berth::cli::parse_user_names(parts[3]);
  if (const auto process = berth::cli::parse_process(parts[0], parts[1], parts[2]))
    (void)berth::cli::process_row(*process, users, {1'700'000'000, 1'600'000'000, 100});
  (void)berth::cli::parse_net_dev(parts[0]);
  (void)berth::cli::parse_mem_total(parts[1]);
  return 0;
}
