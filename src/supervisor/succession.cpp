// How a supervisor begins and ends: what its predecessor left undone, a new keeper where the old one died, the end of
// the pair.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "berth/runtime/start_pair.hpp"
#include "berth/state/paths.hpp"
#include "berth/sys/file.hpp"
#include "intent.hpp"
#include "supervisor.hpp"

namespace berth::supervisor {
namespace {

// As the keeper started us: the path of the program, also when another one has been installed there meanwhile.
Result<std::vector<std::string>> own_arguments() {
  auto text = sys::read_file("/proc/self/cmdline", 1u << 16);
  if (!text) return text.error();
  std::vector<std::string> arguments;
  for (std::size_t at = 0; at < text->size();) {
    const auto end = std::min(text->find('\0', at), text->size());
    arguments.push_back(text->substr(at, end - at));
    at = end + 1;
  }
  return arguments;
}

}  // namespace

// A session without a client: it is queued first, so that every other request finds it done.
void Supervisor::finish_interrupted() {
  auto interrupted = take_up_intent(paths_, project_);
  if (interrupted.given_up) log("warning: " + interrupted.given_up->to_string());
  if (!interrupted.request) return;
  if (auto* up = std::get_if<control::Up>(&*interrupted.request)) up->attach = false;
  log(std::string("finishing the ") + verb_of(*interrupted.request) + " of an earlier supervisor");
  Session& session = sessions_.emplace_back();
  session.gone = true;
  session.resumed = true;
  session.request = std::move(interrupted.request);
  enqueue(session);
}

// The containers run on, but nobody would reap later ones: they would be children of a process that is gone. So a new
// keeper gets all descriptors and starts a supervisor of its own, and this one ends.
void Supervisor::hand_over() {
  const auto hand = [&]() -> Result<void> {
    auto lock = sys::try_lock_file(paths_.keeper_lock(project_), sys::LockMode::Exclusive);
    if (!lock) return lock.error();  // another pair is there already
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return Error::system(errno, "make a socket");
    sys::UniqueFd theirs(ends[1]);
    heir_ = std::make_unique<runtime::KeeperLink>(sys::UniqueFd(ends[0]));
    auto arguments = own_arguments();
    if (!arguments) return arguments.error();
    runtime::StartPair pair;
    pair.run_dir = paths_.run(project_);
    pair.supervisor_argv = std::move(*arguments);
    pair.lock_fd = lock->get();
    pair.adopt_fd = theirs.get();
    pair.cgroup = state::keeper_cgroup(project_);
    BERTH_TRY(runtime::start_pair(pair));
    theirs.reset();
    BERTH_TRY(heir_->park(runtime::kControlName, {server_->fd()}));
    return engine_->hand_over(*heir_);
  };
  log("the keeper is gone: starting another");
  if (auto handed = hand(); !handed)
    log("error: " + handed.error().to_string() + "; the next command starts a pair that adopts what runs");
  loop_.stop();  // the new supervisor starts when our end of the socket closes, which is after everything else of ours
}

// In this order: after Quit the keeper never starts a supervisor again, after the marker a client that wants a new pair
// waits for the keeper's lock.
void Supervisor::end_pair() {
  ending_ = true;
  server_->stop_accepting();
  if (auto quit = keeper_->quit(); !quit) log(quit.error().to_string());
  if (auto marked = runtime::mark_ending(paths_.run(project_)); !marked) log(marked.error().to_string());
  (void)::unlink(paths_.control_socket(project_).c_str());  // a new pair replaces it
}

// Nobody but `session` wants anything of this supervisor.
bool Supervisor::is_last(const Session& session) const {
  return queue_.empty() && std::all_of(sessions_.begin(), sessions_.end(),
                                       [&](const Session& other) { return &other == &session || other.finished; });
}

// A newer program is installed: what only listens connects again, what works is waited for.
bool Supervisor::may_leave() const {
  if (current_ || !queue_.empty()) return false;
  return std::none_of(sessions_.begin(), sessions_.end(), [](const Session& session) {
    if (session.finished) return !session.gone;  // its answer is on the way
    return session.execution || session.pending > 0 || !session.one_off.empty() || !session.following;
  });
}

void Supervisor::check_idle() {
  if (ending_) {
    if (sessions_.empty()) loop_.stop();
    return;
  }
  if (leaving_ && may_leave()) return loop_.stop();
  const bool busy = !engine_->is_idle() || !sessions_.empty() || current_ || !queue_.empty() || !auto_remove_.empty();
  if (busy) return idle_.cancel();
  if (idle_) return;
  idle_ = loop_.after(std::chrono::seconds(1), [this] {
    end_pair();
    loop_.stop();
  });
}

}  // namespace berth::supervisor
