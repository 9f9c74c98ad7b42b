#include "berth/sys/signal_fd.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

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

Result<Wakeups> Wakeups::create(std::initializer_list<int> signals, std::chrono::milliseconds every) {
  Wakeups made;
  auto watched = watch_signals(signals);
  if (!watched) return watched.error();
  made.signals_ = std::move(*watched);
  made.both_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  if (!made.both_) return Error::system(errno, "make an epoll set");
  const auto watch = [&](int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    return ::epoll_ctl(made.both_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
  };
  if (!watch(made.signals_.get())) return Error::system(errno, "watch signals");
  if (every.count() == 0) return made;
  made.clock_ = UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!made.clock_) return Error::system(errno, "make a timer");
  itimerspec spec{};
  spec.it_interval.tv_sec = every.count() / 1000;
  spec.it_interval.tv_nsec = every.count() % 1000 * 1'000'000;
  spec.it_value = spec.it_interval;
  if (::timerfd_settime(made.clock_.get(), 0, &spec, nullptr) < 0 || !watch(made.clock_.get()))
    return Error::system(errno, "start a timer");
  return made;
}

bool Wakeups::take_tick() {
  std::uint64_t ticks = 0;
  return clock_ && ::read(clock_.get(), &ticks, sizeof ticks) == sizeof ticks;
}

}  // namespace berth::sys
