#include "berth/sys/window_size.hpp"

#include <sys/ioctl.h>

namespace berth::sys {

std::optional<WindowSize> window_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0) return std::nullopt;
  return WindowSize{size.ws_row, size.ws_col};
}

}  // namespace berth::sys
