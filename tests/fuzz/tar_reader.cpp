#include <algorithm>
#include <cstdint>
#include <cstring>

#include "berth/image/tar_reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::size_t at = 0;
  berth::image::TarReader reader([&](char* buffer, std::size_t length) -> berth::Result<std::size_t> {
    const std::size_t n = std::min(length, size - at);
    std::memcpy(buffer, data + at, n);
    at += n;
    return n;
  });
  berth::image::TarEntry entry;
  for (;;) {
    const auto more = reader.next(entry);
    if (!more || !*more) return 0;
    char buffer[777];
    for (;;) {
      const auto n = reader.read(buffer, sizeof buffer);
      if (!n) return 0;
      if (*n == 0) break;
    }
  }
}
