#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "berth/dockerfile/mode.hpp"
#include "berth/dockerfile/mount.hpp"
#include "berth/dockerfile/platform.hpp"
#include "berth/dockerfile/words.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth::dockerfile;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Lookup lookup = [](std::string_view name) -> std::optional<std::string> {
    if (name.size() > 3) return std::nullopt;
    return "a/b.c $x " + std::string(name);
  };
  (void)expand_word(text, '\\', lookup);
  (void)expand_words(text, '`', lookup);
  (void)expand_body(text, lookup);
  (void)parse_run_mount(text, '\\', lookup);
  if (const auto mode = FileMode::parse(text))
    if (mode->applied_to(0644, false) > 07777 || mode->applied_to(07777, true) > 07777) std::abort();
  if (const auto platform = normal_platform(std::string(text), "linux/amd64"))
    if (*normal_platform(*platform, "linux/arm64") != *platform) std::abort();  // a normal form is its own
  return 0;
}
