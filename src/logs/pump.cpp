#include "berth/logs/pump.hpp"

#include <time.h>

#include <array>
#include <utility>

#include "berth/sys/regular_file.hpp"

namespace berth::logs {
namespace {
constexpr auto kCoalesce = std::chrono::microseconds(500);
constexpr auto kRetry = std::chrono::seconds(1);
constexpr std::array kStreams{Stream::Stdout, Stream::Stderr};
}  // namespace

// What a finished stream still owes to its tap, written as the tap takes it. Lives in its own watch.
struct Debt {
  sys::UniqueFd pipe;
  std::string text;
  async::Watch watch;

  static void pay(async::Loop& loop, ContainerLog::Tap tap) {
    if (!tap.pipe || tap.owed.empty()) return;
    if (!sys::set_nonblocking(tap.pipe.get())) return;
    auto debt = std::make_shared<Debt>();
    debt->pipe = std::move(tap.pipe);
    debt->text = std::move(tap.owed);
    debt->watch = loop.on_writable(debt->pipe.get(), [debt]() mutable {
      auto written = sys::write_some(debt->pipe.get(), debt->text);
      if (written) debt->text.erase(0, *written);
      if (written && !debt->text.empty()) return;
      // Paid, or nobody wants it. The watch holds this callback: it goes last.
      auto last = std::move(debt);
      last->watch.cancel();
    });
  }
};

struct Pump::Impl {
  async::Loop& loop;
  ContainerLog& log;
  std::function<void(const Error&)> failed;
  std::array<async::Watch, 2> watches;
  std::array<async::Timer, 2> pauses;
  async::Timer retry;
  async::Clock::time_point last_report{};

  Impl(async::Loop& on, ContainerLog& of, std::function<void(const Error&)> report)
      : loop(on), log(of), failed(std::move(report)) {}

  void report(const Error& error) {
    if (last_report != async::Clock::time_point{} && loop.now() - last_report < kRetry) return;
    last_report = loop.now();
    if (failed) failed(error);
  }

  void watch(std::size_t i) {
    if (log.pipe_of(kStreams[i]) < 0) return;
    watches[i] = loop.on_readable(log.pipe_of(kStreams[i]), [this, i] { read(i); });
  }

  void read(std::size_t i) {
    auto progress = log.on_readable(kStreams[i], wall_clock_now());
    if (!progress) {
      report(progress.error());
      return pause(i, kRetry);
    }
    retry_later();
    if (*progress == ContainerLog::Progress::Ended) watches[i].cancel();  // a closed pipe stays readable for ever
    if (*progress == ContainerLog::Progress::Drained) pause(i, kCoalesce);
    if (*progress == ContainerLog::Progress::Held)
      watches[i] = loop.on_writable(log.tap_of(kStreams[i]), [this, i] { watch(i); });
  }

  void pause(std::size_t i, async::Clock::duration time) {
    watches[i].cancel();
    pauses[i] = loop.after(time, [this, i] { watch(i); });
  }

  void retry_later() {
    if (!log.is_blocked() || retry) return;
    retry = loop.after(kRetry, [this] {
      retry.cancel();
      if (auto written = log.retry(wall_clock_now()); !written) report(written.error());
      retry_later();
    });
  }
};

Pump::Pump(async::Loop& loop, ContainerLog& log, std::function<void(const Error&)> failed)
    : impl_(std::make_shared<Impl>(loop, log, std::move(failed))) {}
Pump::~Pump() = default;

void Pump::start() {
  // What a predecessor staged is written before anything new.
  if (auto written = impl_->log.retry(wall_clock_now()); !written) impl_->report(written.error());
  for (std::size_t i = 0; i < kStreams.size(); ++i) {
    impl_->pauses[i].cancel();
    impl_->watches[i].cancel();
    impl_->watch(i);
  }
}

Result<void> Pump::finish(const std::function<bool()>& feed) {
  for (auto& watch : impl_->watches) watch.cancel();
  for (auto& pause : impl_->pauses) pause.cancel();
  auto finished = impl_->log.finish(wall_clock_now(), feed);
  for (const auto stream : kStreams) Debt::pay(impl_->loop, impl_->log.take_tap(stream));
  return finished;
}

std::int64_t wall_clock_now() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

}  // namespace berth::logs
