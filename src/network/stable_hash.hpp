// Names made from names: FNV-1a, the same in every build and on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace berth::network {

inline std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3u;
  return hash ^ hash >> 29;
}

inline std::string stable_hex(std::string_view text, std::size_t digits) {  // at most 16
  auto hash = stable_hash(text);
  std::string out;
  for (; out.size() < digits; hash >>= 4) out += "0123456789abcdef"[hash & 15];
  return out;
}

}  // namespace berth::network
