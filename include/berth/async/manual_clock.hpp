// A clock that a test moves by hand. Policies take `const Time&`; nothing here waits.
#pragma once

#include "berth/async/loop.hpp"

namespace berth::async {

class ManualClock : public Time {
 public:
  ManualClock() = default;
  explicit ManualClock(Clock::time_point start) : now_(start) {}

  Clock::time_point now() const override { return now_; }
  void advance(Clock::duration step) { now_ += step; }
  // Time never runs backwards: an earlier point is ignored.
  void advance_to(Clock::time_point point) {
    if (point > now_) now_ = point;
  }

 private:
  Clock::time_point now_{};
};

}  // namespace berth::async
