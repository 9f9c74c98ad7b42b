#include "berth/supervisor/restart.hpp"

#include <algorithm>

namespace berth::supervisor {

bool RestartDecider::wants_restart(int exit_code) const {
  if (stopped_) return false;
  switch (policy_.mode) {
    case model::RestartMode::No: return false;
    case model::RestartMode::Always:
    case model::RestartMode::UnlessStopped: return true;
    case model::RestartMode::OnFailure:
      return exit_code != 0 && (policy_.max_attempts == 0 || restarts_ < policy_.max_attempts);
  }
  return false;
}

std::optional<RestartDecider::Duration> RestartDecider::on_exit(int exit_code, Duration ran) {
  if (!wants_restart(exit_code)) return std::nullopt;
  if (ran >= kHealthyRun || delay_ == Duration(0))
    delay_ = kFirstDelay;
  else
    delay_ = std::min(delay_ * 2, kLongestDelay);
  ++restarts_;
  return delay_;
}

void RestartDecider::on_user_start() {
  stopped_ = false;
  delay_ = Duration(0);
  restarts_ = 0;
}

}  // namespace berth::supervisor
