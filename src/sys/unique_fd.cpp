#include "berth/sys/unique_fd.hpp"

#include <unistd.h>

namespace berth::sys {

void UniqueFd::reset(int fd) noexcept {
  // close(2) on Linux releases the descriptor even where it reports an error; there is nothing to try again.
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

}  // namespace berth::sys
