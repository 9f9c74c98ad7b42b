#include "retries.hpp"

#include <algorithm>

namespace berth::registry {

Retries::Retries(const async::Time& time, RetryLimits limits, std::function<double()> random)
    : time_(time), limits_(limits), random_(std::move(random)) {}

std::optional<std::chrono::milliseconds> Retries::after_failure(std::optional<std::chrono::seconds> asked) {
  using std::chrono::milliseconds;
  const auto now = time_.now();
  if (failures_ == 0) since_ = now;
  ++failures_;
  if (failures_ >= limits_.attempts) return std::nullopt;
  milliseconds step = limits_.first;
  for (int i = 1; i < failures_ && step < limits_.longest; ++i) step *= 3;
  step = std::min(step, limits_.longest);
  // Between half of it and all of it: clients that failed together do not come back together.
  auto pause = milliseconds(static_cast<std::int64_t>(static_cast<double>(step.count()) * (0.5 + random_() / 2)));
  if (asked) {
    if (*asked > limits_.most_asked) return std::nullopt;
    pause = std::max<milliseconds>(pause, *asked);
  }
  if (now - since_ + pause > limits_.in_all) return std::nullopt;
  return pause;
}

void Retries::progressed() { failures_ = 0; }

}  // namespace berth::registry
