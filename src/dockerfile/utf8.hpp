// One code point at a time; a byte that is not UTF-8 stands for itself, so that nothing is ever lost or refused here.
#pragma once

#include <string>
#include <string_view>

namespace berth::dockerfile {

inline char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  const std::size_t length = byte < 0x80 ? 1 : (byte >> 5) == 6 ? 2 : (byte >> 4) == 14 ? 3 : (byte >> 3) == 30 ? 4 : 0;
  if (length > 1 && at + length <= text.size()) {
    char32_t value = byte & (0xff >> (length + 1));
    bool whole = true;
    for (std::size_t i = 1; i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      whole = whole && (next >> 6) == 2;
      value = (value << 6) | (next & 0x3f);
    }
    if (whole) {
      at += length;
      return value;
    }
  }
  ++at;
  return byte < 0x80 ? byte : 0xdc00u + byte;  // a lone surrogate: no real text contains it
}

}  // namespace berth::dockerfile
