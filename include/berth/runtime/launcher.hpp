// Starting what a LaunchPlan describes. Nothing here blocks; everything runs on the thread of the owner's event loop.
//
//            launch()          Launched          open_gate()             status ends
//   plan ──▶ InFlight ──▶ pid known (gated) ──▶ set-up runs on ──▶ running │ failed
//
// The gate: the child does all of its set-up but waits before exec until open_gate(). The owner writes its record {id,
// pid, start time} first. If the owner dies before, the child exits 125 by itself; nobody has to clean up.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/runtime/keeper_link.hpp"
#include "berth/runtime/launch_plan.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::runtime {

struct LaunchOutcome {
  bool running = false;
  int exit_code = 0;  // 125 set-up failed, 126 not executable, 127 not found; where not running
  Error error;        // names the step that failed
};

class ArenaPool;

// One start. Destroying it before open_gate() makes the child exit 125; afterwards the child lives on.
class Launch {
 public:
  ~Launch();
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;

  const std::string& name() const noexcept { return name_; }
  // 0 until the answer of the launcher (and, for a child that joins a pid namespace, its second process) is there.
  int pid() const noexcept { return pid_; }
  int pidfd() const noexcept { return pidfd_.get(); }
  sys::UniqueFd take_pidfd() { return std::move(pidfd_); }
  // Master of the terminal; arrives before the gate is reached. Take it once on_status() or the outcome says so.
  sys::UniqueFd take_terminal() { return std::move(terminal_); }
  // It asked for one that is not here yet. Open the gate only afterwards, so that the terminal has an owner in time.
  bool awaits_terminal() const noexcept { return awaits_terminal_; }

  // Watch this for reading from the beginning, call on_status() when it is. Nothing: not decided yet (the pid or the
  // terminal may have arrived). Once an outcome was returned, stop watching.
  int status_fd() const noexcept { return status_.get(); }
  std::optional<LaunchOutcome> on_status();

  // Call once pid() is known and recorded. The keeper knows the pid by its name from the moment pid() is set.
  Result<void> open_gate();

 private:
  friend class StackLauncher;
  friend class DirectLauncher;
  friend struct LaunchAccess;
  Launch() = default;
  LaunchOutcome decide();

  std::string name_, program_;
  std::vector<std::string> labels_;
  std::vector<StepHint> hints_;
  sys::UniqueFd status_, gate_, pidfd_, terminal_;
  std::function<void()> release_memory_;
  std::function<void(int)> on_pid_;  // tells the keeper the name of a child that it did not start itself
  struct MemoryView;                 // the plan's header, to see how far the child came
  std::shared_ptr<MemoryView> memory_;
  int pid_ = 0;
  bool forks_ = false;
  bool awaits_terminal_ = false;
  bool refused_ = false;    // there is no child
  bool abandoned_ = false;  // there may be one, but who could have told its pid is gone
  std::optional<Error> failure_;
  int failure_code_ = 125;
};

// Supervisor side. Launches through the zygote; plans that must not share memory go to the keeper, by the same call.
class StackLauncher {
 public:
  // `zygote` is descriptor 4 of the supervisor. The link outlives the launcher.
  StackLauncher(sys::UniqueFd zygote, KeeperLink& keeper);
  ~StackLauncher();

  Result<std::shared_ptr<Launch>> launch(LaunchPlan plan);

  // Gives back the memory of plans that have been walked.
  void release_memory();

  // Watch for reading; -1 while there is no zygote (a new one is asked for, see on_keeper_event).
  int zygote_fd() const noexcept;
  // Answers of the zygote: the launches whose pid is known now. A dead zygote fails those in flight
  // (ECHILD, by their status) and asks for another.
  std::vector<std::shared_ptr<Launch>> on_zygote_readable();
  // Give it every event of the KeeperLink: it takes Launched and ZygoteArrived. Returned as above.
  std::vector<std::shared_ptr<Launch>> on_keeper_event(const KeeperEvent& event);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Child of the calling process, for build containers and for tests: no keeper, no zygote. The caller waits on the pidfd
// and reaps with waitid(P_PIDFD). Call from the thread that lives longest: ParentDeath::Kill watches the thread, not
// the process.
class DirectLauncher {
 public:
  // The pid is known when it returns.
  static Result<std::shared_ptr<Launch>> launch(LaunchPlan plan);
};

// For callers without an event loop (builds, tests): opens the gate, waits for the outcome.
LaunchOutcome finish_launch(Launch& launch);
// Reaps a child of the calling process; blocks until it has ended. The wait status.
Result<int> reap(int pidfd);

}  // namespace berth::runtime
