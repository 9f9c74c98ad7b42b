// Feeds a ContainerLog from an event loop: watches its pipes, waits half a millisecond after a short read, tries again
// each second while the disk is full. Destroying the pump stops it; bytes stay in pipe and stage.
#pragma once

#include <functional>
#include <memory>

#include "berth/async/loop.hpp"
#include "berth/logs/container_log.hpp"

namespace berth::logs {

class Pump {
 public:
  // Both outlive the pump. `failed` gets each error of the log's own files once per second at most; reading goes on.
  Pump(async::Loop& loop, ContainerLog& log, std::function<void(const Error&)> failed);
  ~Pump();
  // After ContainerLog::attach: watches what is attached now.
  void start();
  // The process has ended: drains, writes the rest, stops watching. `feed` puts more into the pipes (false: there is no
  // more). Whoever taps a stream gets what is still owed to it as it takes it, also after the pump is gone.
  Result<void> finish(const std::function<bool()>& feed = {});

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

std::int64_t wall_clock_now();  // nanoseconds since 1970

}  // namespace berth::logs
