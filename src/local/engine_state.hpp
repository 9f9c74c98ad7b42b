// The inside of LocalEngine, shared by its files: engine.cpp, start.cpp, finish.cpp (exit, stop, removal), exec.cpp,
// recover.cpp.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "berth/base/random.hpp"
#include "berth/image/store.hpp"
#include "berth/local/engine.hpp"
#include "berth/local/runtime_spec.hpp"
#include "berth/logs/pump.hpp"
#include "berth/runtime/launch_plan.hpp"
#include "berth/runtime/launcher.hpp"
#include "berth/state/paths.hpp"
#include "berth/state/records.hpp"
#include "berth/sys/cgroup.hpp"
#include "berth/volume/store.hpp"
#include "stack_network.hpp"
#include "terminal_relay.hpp"

namespace berth::local {

struct Waiter {
  engine::Condition condition;
  std::function<void(const std::string&)> progress;
  engine::Done<> done;
};

// One container and what this process has of it.
struct Unit {
  state::ContainerRecord record;
  state::RunRecord run;
  engine::ContainerState shown;  // made from the two, for observers
  NetworkPlace place;
  sys::UniqueFd pidfd;
  std::shared_ptr<runtime::Launch> launch;  // while it starts
  async::Watch status;
  std::unique_ptr<logs::ContainerLog> log;
  std::unique_ptr<logs::Pump> pump;
  std::optional<Attachment> attachment;  // for the next start
  std::unique_ptr<TerminalRelay> terminal;
  sys::UniqueFd terminal_pipe;  // its way into the log, until the terminal is there
  sys::UniqueFd input;          // `stdin_open` without a terminal: held open, so that it sees no end of file
  std::vector<engine::Done<>> starting, ending;
  std::vector<Waiter> waiters;
  async::Timer grace, settling;
  sys::UniqueFd leaving;  // a process that keeps the group of a container that is being removed
  async::Watch left;
  std::optional<async::Clock::time_point> grace_ends;  // of a stop that is under way; nothing: never
  std::function<void()> on_grace_end;
  async::Watch orphan;             // of a container whose keeper has died: its end
  sys::UniqueFd reaping;           // then: that it was reaped
  std::optional<int> ended_early;  // exit code that came before the launch was known to have worked
  bool filling = false;            // volumes are being filled on a worker, or it is in line to be launched
  bool removing = false;
  bool by_policy = false;       // this start is a restart: without hooks
  bool hooking = false;         // post_start hooks run
  bool launched_again = false;  // after the zygote had died

  const ContainerId& id() const { return record.id; }
  const engine::ContainerSpec& spec() const { return record.spec; }
  bool is_running() const { return run.phase == engine::Phase::Running || run.phase == engine::Phase::Paused; }
};

// A running container that another one shares namespaces with.
struct Joined {
  int pid = 0;
  std::string directory;  // of its /etc files
  std::string hostname;
};
std::string hostname_of(const engine::ContainerSpec& spec, const ContainerId& id);
Result<sys::UniqueFd> open_namespace(const Joined& joined, const char* name);  // "net", "ipc", "pid", "mnt"
// The two ends of a stream of the container.
struct Stdio {
  sys::UniqueFd ours, container;
};

struct ExecRun {
  std::shared_ptr<runtime::Launch> launch;
  async::Watch status;
  engine::Done<int> started;
  std::function<void(int)> ended;
  sys::UniqueFd pidfd, terminal;
  int pid = 0;
  std::optional<int> ended_early;
};

// Networks and Volumes both have ensure and remove, so each has an object of its own.
struct NetworkPort : engine::Networks {
  explicit NetworkPort(LocalEngine::State& s) : state(s) {}
  void ensure(const engine::NetworkSpec& spec, engine::Done<> done) override;
  void remove(const std::string& name, engine::Done<> done) override;
  LocalEngine::State& state;
};
struct VolumePort : engine::Volumes {
  explicit VolumePort(LocalEngine::State& s) : state(s) {}
  void ensure(const engine::VolumeSpec& spec, engine::Done<> done) override;
  void remove(const std::string& name, engine::Done<> done) override;
  LocalEngine::State& state;
};

struct HookRun;  // hooks.cpp

struct LocalEngine::State : engine::Containers {
  State(async::Loop& l, runtime::KeeperLink& k, sys::UniqueFd zygote, const state::Paths& p, const ProjectName& n,
        EngineObserver o, image::ImageStore images_, std::unique_ptr<StackNetwork> net)
      : loop(l),
        keeper(k),
        launcher(std::move(zygote), k),
        paths(p),
        project(n),
        observer(std::move(o)),
        images(std::move(images_)),
        volumes(p.root),
        network(std::move(net)),
        exec_series(random_hex(4)) {}

  // engine.cpp
  void watch();
  void on_keeper();
  void on_known(const std::vector<std::shared_ptr<runtime::Launch>>& known);
  void open_gate(runtime::Launch& launch);
  void on_ended(const runtime::ChildExited& ended);
  void create(const engine::ContainerSpec& spec, const engine::CreateOptions& options,
              engine::Done<ContainerId> done) override;
  void rename(const ContainerId& id, const std::string& name, engine::Done<> done) override;

  // await.cpp
  void await(const ContainerId& id, engine::Condition condition, std::function<void(const std::string&)> progress,
             engine::Done<> done) override;
  Result<bool> holds(const Unit& unit, engine::Condition condition) const;
  void tell_waiters(Unit& unit);
  Error unmet(const Unit& unit, const std::string& what) const;

  // start.cpp
  void start(const ContainerId& id, engine::Done<> done) override;
  void fill_volumes(const std::shared_ptr<Unit>& unit);
  void line_up(const ContainerId& id);
  void launch_next();
  Result<void> launch(Unit& unit);
  Result<std::vector<MountSource>> mount_sources(const Unit& unit);
  Error why_not_executed(const Unit& unit, const Error& failed);
  Result<std::vector<std::string>> file_sources(const Unit& unit);
  Result<void> write_etc_files(const Unit& unit);
  Result<Joined> find_joined(const std::string& wanted, const std::string& joiner) const;
  std::string stdio_path(const ContainerId& id, logs::Stream stream) const;
  Result<Stdio> make_stdio(const ContainerId& id, logs::Stream stream) const;
  void drop_stdio(const Unit& unit);
  Result<void> prepare_stdio(Unit& unit, runtime::LaunchRequest& request, std::vector<sys::UniqueFd>& keep);
  Result<void> adopt_terminal(Unit& unit, sys::UniqueFd master);
  void on_status(const ContainerId& id);
  void started(Unit& unit, Result<void> result);
  void answer_start(Unit& unit, const Result<void>& result);
  Result<void> open_log(Unit& unit);

  // recover.cpp
  Result<void> adopt_log(Unit& unit, sys::UniqueFd out, sys::UniqueFd err, sys::UniqueFd master);
  Result<void> adopt(Unit& unit);
  void on_orphan(const ContainerId& id);
  Result<void> drop_left(const std::set<std::string>& names, std::vector<runtime::ParkedFd>& descriptors);
  void discard(const Unit& unit);
  void collect_garbage();

  // finish.cpp
  void stop(const ContainerId& id, const engine::StopOptions& options, engine::Done<> done) override;
  void kill(const ContainerId& id, const std::string& signal, engine::Done<> done) override;
  void pause(const ContainerId& id, engine::Done<> done) override;
  void unpause(const ContainerId& id, engine::Done<> done) override;
  void remove(const ContainerId& id, const engine::RemoveOptions& options, engine::Done<> done) override;
  void ended(Unit& unit, int exit_code);
  void release(Unit& unit);
  void unmount_volumes(const Unit& unit);
  void remove_cgroup(const ContainerId& id);
  void when_cgroup_is_gone(const std::shared_ptr<Unit>& unit, int looks_left, const std::function<void()>& then);
  void finish_removal(const std::shared_ptr<Unit>& unit, const engine::RemoveOptions& options, engine::Done<> done);
  void remove_files(const std::shared_ptr<Unit>& unit, const engine::RemoveOptions& options, engine::Done<> done);

  void stop_now(const ContainerId& id, std::optional<engine::Duration> grace, const std::string& signal);
  std::optional<engine::Duration> grace_of(const Unit& unit, std::optional<engine::Duration> wanted) const;
  void give_grace(Unit& unit, std::optional<engine::Duration> grace, std::function<void()> at_its_end);
  void limit_graces(std::map<ContainerId, engine::Duration> limits);

  // hooks.cpp
  void run_hooks(const Unit& unit, const std::string& kind, const std::vector<model::Hook>& hooks, engine::Done<> done);
  Result<void> kill_hooks(const ContainerId& id);
  void next_hook(const std::shared_ptr<HookRun>& run);
  void show_hook_output(HookRun& run, std::string_view bytes);

  // exec.cpp
  void exec(const ExecSpec& spec, engine::Done<int> started, std::function<void(int)> ended);
  void on_exec_status(const std::string& name);

  std::shared_ptr<Unit> unit_of(const ContainerId& id) const;
  Result<state::ContainerRecord> record_of(const std::string& name) const;
  std::string cgroup_name(const ContainerId& id) const { return state::container_cgroup(project, id); }
  Result<void> save(Unit& unit);  // the run record, and what observers see
  void show(Unit& unit);
  void tell(const Unit& unit, const std::string& action, const std::map<std::string, std::string>& attributes = {}) {
    if (observer.on_action) observer.on_action(unit.shown, action, attributes);
  }
  void warn(const std::string& text) {
    if (observer.on_warning) observer.on_warning(text);
  }

  async::Loop& loop;
  runtime::KeeperLink& keeper;
  runtime::StackLauncher launcher;
  state::Paths paths;
  ProjectName project;
  EngineObserver observer;
  image::ImageStore images;
  volume::VolumeStore volumes;
  std::unique_ptr<StackNetwork> network;
  async::Watch keeper_watch, zygote_watch;
  std::map<ContainerId, std::shared_ptr<Unit>> units;
  std::deque<ContainerId> line;  // to be launched
  std::map<ContainerId, engine::Duration> grace_limits;
  std::map<std::string, ExecRun> execs;  // by launch name
  const std::string exec_series;         // so that no name is one of a predecessor's
  int last_exec = 0;
  NetworkPort network_port{*this};
  VolumePort volume_port{*this};
};

std::int64_t wall_clock();
inline Error no_container(const ContainerId& id) {
  return Error::make(ErrorKind::NotFound, "no container " + short_id(id));
}

}  // namespace berth::local
