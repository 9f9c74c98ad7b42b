// Signals as a descriptor: for commands that block in work of their own and ask now and then whether they were
// interrupted. (Event loops use async::Loop::on_signal.)
#pragma once

#include <chrono>
#include <initializer_list>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::sys {

// Blocks the signals for the process from now on; the descriptor becomes readable when one has come, and stays so.
Result<UniqueFd> watch_signals(std::initializer_list<int> signals);
bool is_readable(int fd);  // at once

// Signals and a clock behind one descriptor, for work that polls a single one: readable when a signal has come or when
// `every` has passed since the last look.
class Wakeups {
 public:
  // `every` zero: signals only.
  static Result<Wakeups> create(std::initializer_list<int> signals, std::chrono::milliseconds every);
  int fd() const noexcept { return both_.get(); }
  bool is_signalled() const { return is_readable(signals_.get()); }
  bool take_tick();  // true where the clock has ticked since the last call

 private:
  UniqueFd signals_, clock_, both_;
};

}  // namespace berth::sys
