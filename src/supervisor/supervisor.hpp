// The supervisor's inside: sessions (one connection, one request), the queue of those that change the stack, restarts.
//
//   Up Down Act Run ──▶ queue ──▶ observe ─▶ plan ─▶ Execution ──▶ Done        one at a time; the others are told
//   behind whom Exec Follow Wait ──▶ at once
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "berth/async/loop.hpp"
#include "berth/control/server.hpp"
#include "berth/execute/execution.hpp"
#include "berth/local/engine.hpp"
#include "berth/plan/plan.hpp"
#include "berth/runtime/keeper_link.hpp"
#include "berth/state/records.hpp"
#include "berth/supervisor/restart.hpp"
#include "probing.hpp"

namespace berth::supervisor {

struct Session {
  std::unique_ptr<control::Connection> connection;
  control::Peer peer;
  std::optional<control::Message> request;
  std::vector<sys::UniqueFd> descriptors;
  // What runs for it.
  plan::Plan plan;
  std::unique_ptr<execute::Execution> execution;
  async::Timer wait_limit;                    // --wait-timeout
  std::optional<control::Problem> timed_out;  // it ran out: what was waited for then
  bool following = false;                     // gets live lines and exits
  std::set<std::string> followed;             // services; empty: all
  std::set<std::string> warnings;             // that it was given
  ContainerId one_off;                        // `run`, and the container of `attach`
  bool tapped = false;                        // ... whose output goes to the client as it comes, not in lines
  int exec_pid = 0;
  sys::UniqueFd terminal;  // of an exec: held so that detaching does not hang it up
  async::Watch drain;      // ... and read once nobody else does
  bool queued = false, finished = false, gone = false;
  bool resumed = false;  // of an earlier supervisor: it has no client
  int pending = 0;       // callbacks of the engine that will name this session
  int cancels = 0;
  int exit_code = 0;
  // `up` (up.cpp)
  std::set<std::string> scope;  // services that it is about
  bool no_lines = false;
  bool attached = false;       // its plan is done; it stays for lines and exits
  bool stopping = false;       // ... and has begun to stop its services
  bool settling = false;       // --wait: its plan is done; it looks whether all stays up
  std::optional<int> decided;  // exit code, by the end of a container that ends it all
  async::Timer settled;
  std::set<ContainerId> awaited;  // `wait`
  async::Timer watched_until;     // `events --until`
};

class Supervisor {
 public:
  Supervisor(state::Paths paths, ProjectName project);
  Result<void> start();
  void run() { loop_.run(); }

 private:
  // sessions
  void accept(std::unique_ptr<control::Connection> connection, control::Peer peer);
  void on_message(Session& session, control::Message message, std::vector<sys::UniqueFd> descriptors);
  void on_closed(Session& session);
  void send(Session& session, const control::Message& message, const std::vector<int>& descriptors = {});
  void finish(Session& session, int exit_code, std::vector<control::Problem> errors = {});
  void sweep();
  // requests
  void enqueue(Session& session);
  void next();
  void begin(Session& session);
  void limit_graces();
  // up.cpp
  void begin_up(Session& session, const control::Up& up);
  void limit_waiting(Session& session, plan::Duration limit);
  void report_unchanged(Session& session, const plan::Plan& plan);
  void up_done(Session& session, const execute::Outcome& outcome);
  void settle(Session& session);
  void note_exit(Session& session, const engine::ContainerState& state, bool again);
  void stop_attached(Session& session);
  void begin_stop_attached(Session& session);
  std::optional<int> code_of_named(const Session& session) const;
  void cancel_attached(Session& session, bool force);
  std::vector<engine::ContainerState> containers_of(const Session& session) const;
  // watch.cpp
  void begin_watch(Session& session, const control::Watch& watch);
  void end_watches();
  void begin_wait(Session& session, const control::Wait& wait);
  void note_awaited(Session& session, const engine::ContainerState& state);
  void tell_watchers(const engine::ContainerState& state, const std::string& action,
                     const std::map<std::string, std::string>& attributes = {});
  void let_watchers_go();
  // requests.cpp
  void begin_down(Session& session, const control::Down& down);
  void begin_act(Session& session, const control::Act& act);
  void begin_run(Session& session, const control::Run& run);
  // attached.cpp
  void create_one_off(Session& session, const control::Run& run);
  void attach_client(Session& session, const control::Run& run);
  void begin_exec(Session& session, const control::Exec& exec);
  void begin_attach(Session& session, const control::Attach& attach);
  void start_attached(Session& session, const ContainerId& id, local::Attachment attachment);
  std::optional<engine::ContainerState> running_replica(const std::string& service, int index) const;
  void detach(Session& session);
  void signal(Session& session, const std::string& name);
  void remove_ended_one_offs();
  bool is_being_restarted(const ContainerId& id) const;
  void execute(Session& session, plan::Plan plan, const std::optional<control::Message>& intent,
               std::function<void(const execute::Outcome&)> done);
  Result<void> check_ports(const plan::Plan& plan) const;
  void cancel(Session& session, bool force);
  void done_with_job(Session& session);
  // the engine's observers
  bool on_exit(const engine::ContainerState& state);
  void on_start(const engine::ContainerState& state);
  bool is_of(const Session& session, const engine::ContainerState& state) const;
  void on_line(const engine::ContainerState& state, const logs::LiveEntry& entry);
  void on_warning(const std::string& text);
  void on_health(const engine::ContainerState& state);
  void schedule_restart(const ContainerId& id, RestartDecider::Duration delay);
  void check_followers();
  // succession.cpp
  void finish_interrupted();
  void hand_over();
  void end_pair();
  bool is_last(const Session& session) const;
  bool may_leave() const;
  void check_idle();
  void log(const std::string& text);

  std::unique_ptr<runtime::KeeperLink> heir_;  // the next keeper, where ours died; destroyed last
  state::Paths paths_;
  ProjectName project_;
  async::Loop loop_;
  std::unique_ptr<runtime::KeeperLink> keeper_;
  std::unique_ptr<local::LocalEngine> engine_;
  std::unique_ptr<control::Server> server_;
  std::list<Session> sessions_;
  std::deque<Session*> queue_;
  Session* current_ = nullptr;
  std::map<ContainerId, RestartDecider> deciders_;
  std::map<ContainerId, async::Timer> restarts_;
  std::unique_ptr<Probing> probing_;
  // `run --rm`: once they have ended, whether or not their client is still there. True: it is being removed.
  std::map<ContainerId, bool> auto_remove_;
  std::deque<control::Happened> happened_;  // the last of it, oldest first
  async::Timer idle_;
  bool grown_ = false;    // a plan has run since memory was given back
  bool leaving_ = false;  // for a newer program
  bool ending_ = false;   // with the keeper
};

// About containers that have nothing to do with each other (`docker run`, `docker stop`): does not wait in the queue.
bool is_independent(const ProjectName& project, const control::Message& request);
const char* verb_of(const control::Message& request);
std::vector<control::Problem> problems_of(const execute::Outcome& outcome);
int code_of(const execute::Outcome& outcome);
std::int64_t wall_now();

}  // namespace berth::supervisor
