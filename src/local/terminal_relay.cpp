#include "terminal_relay.hpp"

#include <utility>

#include "berth/sys/regular_file.hpp"

namespace berth::local {
namespace {
constexpr std::size_t kBatch = 64 << 10;
}

TerminalRelay::TerminalRelay(async::Loop& loop, sys::UniqueFd master, sys::UniqueFd pipe,
                             std::function<void(const Error&)> failed)
    : loop_(loop), master_(std::move(master)), pipe_(std::move(pipe)), failed_(std::move(failed)) {
  wait();
}

bool TerminalRelay::move() {
  if (ended_) return false;
  auto moved = sys::splice_to_pipe(master_.get(), pipe_.get(), kBatch);
  if (!moved || moved->ended) {
    ended_ = true;
    watch_.cancel();
    pipe_.reset();  // the log sees the end
    if (!moved) failed_(moved.error());
    return false;
  }
  return moved->size > 0;
}

void TerminalRelay::wait() {
  watch_ = loop_.on_readable(master_.get(), [this] {
    if (move() || ended_) return;
    // There are bytes and the pipe is full: on once the log has taken some.
    watch_ = loop_.on_writable(pipe_.get(), [this] {
      move();
      if (!ended_) wait();
    });
  });
}

}  // namespace berth::local
