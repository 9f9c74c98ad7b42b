// Runs a Plan against the ports. Takes no decision: starts every action whose predecessors have succeeded, all at once;
// skips what depends on a failed one, and says so; ends when nothing runs any more. No threads, no event loop of its
// own.
//
//   Execution execution(plan, ports, now, sink);
//   execution.start([](const Outcome& outcome) { … });      // called once, possibly before start() returns
//
// The plan, the ports and the execution outlive the run. cancel() starts nothing new, ends waiting for conditions at
// once and lets what else runs come to its end.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "berth/engine/event.hpp"
#include "berth/engine/ports.hpp"
#include "berth/plan/plan.hpp"

namespace berth::execute {

struct Outcome {
  bool ok = true;
  bool cancelled = false;
  std::vector<Error> errors;  // of actions that failed, not of those skipped because of them
  int skipped = 0;
};

class Execution {
 public:
  using Now = std::function<std::int64_t()>;  // wall clock, nanoseconds since 1970

  Execution(const plan::Plan& plan, engine::Ports ports, Now now, engine::EventSink sink);
  ~Execution();
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  void start(std::function<void(const Outcome&)> done);
  void cancel();
  // What is being waited for now, in the waits' own words.
  std::vector<std::string> waiting() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace berth::execute
