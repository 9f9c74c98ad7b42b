// Runs the health checks of all containers of a stack: feeds a HealthMonitor each, starts its probes in the container
// (the keeper's children, reaped by it), reads what they print, tells the engine. Lives on the supervisor's loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "berth/async/loop.hpp"
#include "berth/local/engine.hpp"
#include "berth/supervisor/health.hpp"

namespace berth::supervisor {

class Probing {
 public:
  using Changed = std::function<void(const engine::ContainerState&)>;
  // Both outlive it. `changed`: a container became healthy or unhealthy.
  Probing(async::Loop& loop, local::LocalEngine& engine, Changed changed);
  ~Probing();

  // A container has started, or a predecessor of this process probed it: then goes on where that one stopped.
  void watch(const engine::ContainerState& state);
  void adopt(const engine::ContainerState& state);
  void pause_changed(const engine::ContainerState& state);
  void forget(const ContainerId& id);

 private:
  struct Run;
  struct Subject {
    HealthMonitor monitor;
    async::Timer timer;
    std::shared_ptr<Run> run;
  };
  void arm(const ContainerId& id, Subject& subject);
  void on_time(const ContainerId& id);
  void start(const ContainerId& id, Subject& subject);
  void kill(const ContainerId& id);
  void started(const ContainerId& id, const std::shared_ptr<Run>& run, const Result<int>& result);
  void report(const ContainerId& id, Run& run, int exit_code, const std::string& note);
  void ended(const ContainerId& id, const std::shared_ptr<Run>& run);
  Subject* subject_of(const ContainerId& id, const std::shared_ptr<Run>& run);

  async::Loop& loop_;
  local::LocalEngine& engine_;
  Changed changed_;
  std::map<ContainerId, Subject> subjects_;
};

}  // namespace berth::supervisor
