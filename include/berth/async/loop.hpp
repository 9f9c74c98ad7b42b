// The event loop: one thread, all mutable state on it. Boost.Asio stays behind this header; the state machines of the
// other modules (launches, logs, DNS, proxies, restarts, the control protocol) take events from here and nothing else.
//
// Callbacks run on the thread in run(), never from inside the call that registered them. Handles are move-only;
// destroying one cancels it, and its callback does not run afterwards (also when the event was already queued).
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include "berth/base/error.hpp"

namespace berth::async {

using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC: steps of the wall clock do not move timers

// Time as policies see it. The loop is the real one; tests use ManualClock (manual_clock.hpp).
class Time {
 public:
  virtual ~Time() = default;
  virtual Clock::time_point now() const = 0;
};

class Watch {
 public:
  struct State;
  Watch();
  explicit Watch(std::unique_ptr<State> state);
  Watch(Watch&&) noexcept;
  Watch& operator=(Watch&&) noexcept;
  ~Watch();
  explicit operator bool() const noexcept { return state_ != nullptr; }
  // Stops watching. The descriptor itself is the caller's and stays open.
  void cancel();

 private:
  std::unique_ptr<State> state_;
};

class Timer {
 public:
  struct State;
  Timer();
  explicit Timer(std::unique_ptr<State> state);
  Timer(Timer&&) noexcept;
  Timer& operator=(Timer&&) noexcept;
  ~Timer();
  explicit operator bool() const noexcept { return state_ != nullptr; }
  void cancel();

 private:
  std::unique_ptr<State> state_;
};

class Loop : public Time {
 public:
  // `workers`: threads for on_worker, started when first needed.
  explicit Loop(std::size_t workers = 2);
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Clock::time_point now() const override;

  // Level-triggered: calls back for as long as `fd` is readable (writable) or has hung up. The descriptor must stay
  // open while it is watched. pidfds, signalfds, inotify, netlink and listening sockets are all watched by this.
  Watch on_readable(int fd, std::function<void()> callback);
  Watch on_writable(int fd, std::function<void()> callback);
  // Once, at or after now() + delay.
  Timer after(Clock::duration delay, std::function<void()> callback);
  // Once, in the next turn of the loop; also from a worker, to tell how far it is. Not cancellable: guard with a weak
  // pointer where the owner may go.
  void post(std::function<void()> callback);
  // Runs `work` on a worker thread, then `done` on the loop. Values in, values out: `work` touches nothing of the loop.
  // An exception of `work` ends the program (we are wrong); return a Result.
  template <class T>
  void on_worker(std::function<T()> work, std::function<void(T)> done) {
    auto slot = std::make_shared<std::unique_ptr<T>>();
    run_on_worker([work = std::move(work), slot] { *slot = std::make_unique<T>(work()); },
                  [done = std::move(done), slot] { done(std::move(**slot)); });
  }

  // SIGINT, SIGTERM and the like as events; the signal is blocked for the process from then on.
  Watch on_signal(int signal_number, std::function<void()> callback);

  // Until stop(). Returns at once when nothing is watched, timed or working.
  void run();
  void stop();

 private:
  void run_on_worker(std::function<void()> work, std::function<void()> done);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace berth::async
