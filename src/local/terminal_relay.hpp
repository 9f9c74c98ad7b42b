// Carries what a container writes to its terminal from the terminal's master into the pipe that its log reads: as for
// any other container the bytes are in the kernel, in that pipe, or in the log, whenever this process is killed.
#pragma once

#include <functional>

#include "berth/async/loop.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::local {

class TerminalRelay {
 public:
  // Both non-blocking. `failed` is called at most once; the relay has stopped then.
  TerminalRelay(async::Loop& loop, sys::UniqueFd master, sys::UniqueFd pipe, std::function<void(const Error&)> failed);

  int master() const noexcept { return master_.get(); }
  // One batch. False: nothing was there, or the pipe is full.
  bool move();
  // Nobody writes to the terminal any more and all of it was moved.
  bool ended() const noexcept { return ended_; }

 private:
  void wait();

  async::Loop& loop_;
  sys::UniqueFd master_, pipe_;
  std::function<void(const Error&)> failed_;
  async::Watch watch_;
  bool ended_ = false;
};

}  // namespace berth::local
