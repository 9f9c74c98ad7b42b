// How large the terminal behind a descriptor is.
#pragma once

#include <cstdint>
#include <optional>

namespace berth::sys {

struct WindowSize {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
};

// Nothing where it is no terminal, or one that does not know its size.
std::optional<WindowSize> window_size(int fd);

}  // namespace berth::sys
