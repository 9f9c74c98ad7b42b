// When a request that failed is tried again: exponential steps with jitter, the server's own Retry-After where it gave
// one, an end. A plain state machine over the clock; somebody else waits.
//
//   while (true) { …try…; auto pause = retries.after_failure(asked); if (!pause) give up; wait(*pause); }
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "berth/async/loop.hpp"

namespace berth::registry {

struct RetryLimits {
  int attempts = 5;                           // in a row without progress, the first included
  std::chrono::milliseconds first{200};       // then three times as long each time
  std::chrono::milliseconds longest{30'000};  // of one pause that we choose
  std::chrono::seconds most_asked{120};       // of one pause that the server asks for: beyond it we give up
  std::chrono::minutes in_all{10};            // from the first failure without progress
};

class Retries {
 public:
  // `random` gives values in [0, 1).
  Retries(const async::Time& time, RetryLimits limits, std::function<double()> random);

  // How long to wait before the next attempt; nothing: give up. `asked`: the server's Retry-After.
  std::optional<std::chrono::milliseconds> after_failure(std::optional<std::chrono::seconds> asked = std::nullopt);
  // Bytes came: what failed before does not count any more.
  void progressed();
  int attempts() const noexcept { return failures_ + 1; }

 private:
  const async::Time& time_;
  RetryLimits limits_;
  std::function<double()> random_;
  int failures_ = 0;
  async::Clock::time_point since_{};
};

}  // namespace berth::registry
