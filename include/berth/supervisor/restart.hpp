// Whether and when an ended container is started again. A plain state machine: events in, a decision out; no clock, no
// I/O.
//
// Docker's rules: 100 ms, doubled for each restart, at most a minute; a run of ten seconds or more starts over at 100
// ms. (The last wait before the cap is 51.2 s, then 60 s.) `on-failure:N` gives up after N restarts, N = 0 never. A
// stop by the user ends it, also in the middle of a wait; `always` and `unless-stopped` differ only when the machine
// boots.
#pragma once

#include <chrono>
#include <optional>

#include "berth/model/project.hpp"

namespace berth::supervisor {

class RestartDecider {
 public:
  using Duration = std::chrono::nanoseconds;
  static constexpr Duration kFirstDelay = std::chrono::milliseconds(100);
  static constexpr Duration kLongestDelay = std::chrono::minutes(1);
  static constexpr Duration kHealthyRun = std::chrono::seconds(10);

  // `restarts`: how often it was restarted already, from the record, when a new supervisor takes over.
  explicit RestartDecider(model::RestartPolicy policy, int restarts = 0) : policy_(policy), restarts_(restarts) {}

  // It ran for `ran` and ended with `exit_code`: the delay until the next start, or nothing: it stays ended.
  std::optional<Duration> on_exit(int exit_code, Duration ran);
  // A verb stopped it; nothing restarts it until on_user_start().
  void on_user_stop() { stopped_ = true; }
  void on_user_start();

  int restarts() const noexcept { return restarts_; }

 private:
  bool wants_restart(int exit_code) const;

  model::RestartPolicy policy_;
  Duration delay_{0};
  int restarts_ = 0;
  bool stopped_ = false;
};

}  // namespace berth::supervisor
