#include "berth/sys/signal_fd.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <cerrno>

namespace berth::sys {

Result<UniqueFd> watch_signals(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals) sigaddset(&set, number);
  if (const int failed = ::pthread_sigmask(SIG_BLOCK, &set, nullptr)) return Error::system(failed, "block signals");
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return Error::system(errno, "watch signals");
  return fd;
}

bool is_readable(int fd) {
  pollfd poll{fd, POLLIN, 0};
  return ::poll(&poll, 1, 0) > 0 && (poll.revents & POLLIN);
}

}  // namespace berth::sys
