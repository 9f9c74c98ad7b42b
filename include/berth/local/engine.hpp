// The engine on this machine: containers, networks and volumes of one project, behind the ports that `execute` runs
// plans against. Lives in the project's supervisor, on its loop; holds nothing that is not also in the keeper, on disk
// or in the kernel: recover() rebuilds all of it.
//
//   LocalEngine engine(loop, keeper, zygote, paths, project, observer);
//   engine.recover();                       // adopts what an earlier supervisor left
//   Execution run(plan, engine.ports(), …);
//
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "berth/async/loop.hpp"
#include "berth/engine/ports.hpp"
#include "berth/logs/container_log.hpp"
#include "berth/runtime/keeper_link.hpp"
#include "berth/state/paths.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::local {

// What the supervisor wants to know. Called on the loop; may call back into the engine.
struct EngineObserver {
  // A container has ended by itself or was stopped. True: it will be started again (restart policy), so it keeps its
  // network.
  std::function<bool(const engine::ContainerState&)> on_exit;
  std::function<void(const engine::ContainerState&)> on_start;
  std::function<void(const engine::ContainerState&)> on_pause;  // paused or unpaused: the phase says which
  std::function<void(const engine::ContainerState&, const logs::LiveEntry&)> on_line;
  // What was done to a container, in docker's words: create, kill, stop, pause, unpause, rename, destroy.
  std::function<void(const engine::ContainerState&, const std::string& action,
                     const std::map<std::string, std::string>& attributes)>
      on_action;
  std::function<void(const std::string&)> on_warning;
  std::function<void()> on_keeper_gone;
};

// A program in a running container.
struct ExecSpec {
  ContainerId container;
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // "K=V", over the container's
  std::string user;                      // empty: the container's
  std::string working_dir;
  bool privileged = false;
  int in = -1, out = -1, err = -1;  // borrowed for the call; -1: /dev/null
  std::string group;                // a control group of its own below the container's, for kill_group(); empty: none
  bool terminal = false;            // instead of these three: take_exec_terminal() gives its master
  std::uint16_t rows = 0, columns = 0;
};

// Who is attached to a container, from its first byte on (`run`) or from now on.
struct Attachment {
  sys::UniqueFd in;  // becomes its stdin; not with a terminal, whose master takes the input
  sys::UniqueFd out,
      err;  // write ends of pipes that get a copy of what it writes, besides its log; a terminal has no err
  std::uint16_t rows = 0, columns = 0;  // of the terminal
};

class LocalEngine {
 public:
  static Result<std::unique_ptr<LocalEngine>> create(async::Loop& loop, runtime::KeeperLink& keeper,
                                                     sys::UniqueFd zygote, const state::Paths& paths,
                                                     const ProjectName& project, EngineObserver observer);
  ~LocalEngine();

  engine::Ports ports();
  // Everything of this project, and of the host what concerns it. `images` are passed through.
  Result<engine::ObservedState> observe(std::map<std::string, engine::ImageFacts> images) const;
  // Adopts containers, networks and logs after a predecessor's death; containers that ended meanwhile are reported to
  // on_exit. `parked` are the keeper's descriptors; those that are not containers' are left in it.
  Result<void> recover(std::vector<runtime::ParkedFd>& parked);

  // Whether what `starting` publishes can be had once the containers of `ending` have ended: Busy, naming the port and
  // who has it, before anything is touched.
  Result<void> check_ports(const std::vector<engine::ContainerSpec>& starting,
                           const std::set<ContainerId>& ending) const;
  // The keeper has died: everything that it held goes to the next one. The caller then ends; the next supervisor
  // recovers.
  Result<void> hand_over(runtime::KeeperLink& heir) const;

  std::vector<engine::ContainerState> containers() const;
  const engine::ContainerState* find(const ContainerId& id) const;
  std::string log_path(const ContainerId& id) const;
  // A start by the restart policy: counted, not by the user.
  void restart(const ContainerId& id, engine::Done<> done);
  // It waited for a restart that will not come: its network goes, it is an ended container now.
  void give_up_restart(const ContainerId& id);

  // `started` once it runs (or could not), `ended` with its code, only after a successful start.
  void exec(const ExecSpec& spec, engine::Done<int> started, std::function<void(int)> ended);
  void signal_exec(int pid, int signal_number);
  // SIGKILL to all that exec() started in that group of the container, and to what that started.
  Result<void> kill_group(const ContainerId& id, const std::string& group);

  // What a probe said: recorded, and told to those who wait for it.
  void report_health(const ContainerId& id, engine::Health health, engine::HealthLog log);
  // Master of a program's terminal, once it has started; the caller's from then on. Closing the last copy hangs up.
  sys::UniqueFd take_exec_terminal(int pid);

  // Upper limits of grace periods: of stops that are under way, and of those to come until the next call.
  void limit_graces(std::map<ContainerId, engine::Duration> limits);

  // For the next start of a container.
  void attach(const ContainerId& id, Attachment attachment);
  // The same while it runs, without `in`: what leads to its stdin comes back (its terminal's master, or a pipe), empty
  // where it has none. Busy where somebody is attached already.
  Result<sys::UniqueFd> attach_running(const ContainerId& id, Attachment attachment);
  // What leads to a running container's stdin: its terminal's master, or a pipe; empty where it has none.
  sys::UniqueFd input_of(const ContainerId& id) const;
  // A copy of the master of a running container's terminal; empty where it has none.
  sys::UniqueFd terminal_of(const ContainerId& id) const;

  // Nothing runs, is starting or waits for a restart.
  bool is_idle() const;
  // After a plan has run: what its making took goes back to the system.
  void release_memory();

  struct State;  // engine_state.hpp

 private:
  explicit LocalEngine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace berth::local
