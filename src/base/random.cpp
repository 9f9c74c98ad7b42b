#include "berth/base/random.hpp"

#include <sys/random.h>

#include <vector>

#include "berth/base/assert.hpp"

namespace berth {

std::string random_hex(std::size_t bytes) {
  std::vector<unsigned char> raw(bytes);
  // Up to 256 bytes getrandom neither blocks (after boot) nor returns short.
  BERTH_ASSERT(bytes <= 256 && getrandom(raw.data(), raw.size(), 0) == static_cast<ssize_t>(raw.size()));
  std::string hex;
  hex.reserve(2 * bytes);
  for (unsigned char byte : raw) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

}  // namespace berth
