#include "agent_forward.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "berth/sys/unix_socket.hpp"

namespace berth::build {
namespace {

constexpr short kReadable = POLLIN | POLLHUP | POLLERR;

short events_of(const std::vector<pollfd>& ready, int fd) {
  for (const auto& each : ready)
    if (each.fd == fd) return each.revents;
  return 0;
}

// One direction. Nothing is read while something is still to be written, so that neither side can make us hold more
// than one buffer. False where a side has closed or failed.
bool pass_on(int from, int to, bool readable, std::string& pending) {
  if (pending.empty() && readable) {
    std::array<char, 16384> buffer;
    const auto received = sys::receive_some(from, buffer);
    if (!received || received->ended) return false;
    pending.assign(buffer.data(), received->size);
  }
  if (pending.empty()) return true;
  const auto sent = sys::send_some(to, pending);
  if (!sent) return false;
  pending.erase(0, *sent);
  return true;
}

}  // namespace

Result<AgentForward> AgentForward::listen(const std::string& path, std::string agent, const Access& access) {
  AgentForward out;
  out.agent_ = std::move(agent);
  auto listener = sys::listen_unix(path);
  if (!listener) return listener.error();
  out.listener_ = std::move(*listener);
  if (chmod(path.c_str(), access.mode) != 0 || chown(path.c_str(), access.uid, access.gid) != 0)
    return Error::system(errno, "prepare the socket", path);
  return out;
}

std::vector<pollfd> AgentForward::wanted() const {
  std::vector<pollfd> out;
  if (connections_.size() < kMostConnections) out.push_back({listener_.get(), POLLIN, 0});
  for (const Connection& each : connections_) {
    const auto events = [](const std::string& from_here, const std::string& to_here) {
      return static_cast<short>((from_here.empty() ? POLLIN : 0) | (to_here.empty() ? 0 : POLLOUT));
    };
    out.push_back({each.step.get(), events(each.to_agent, each.to_step), 0});
    out.push_back({each.agent.get(), events(each.to_step, each.to_agent), 0});
  }
  return out;
}

void AgentForward::accept_one() {
  auto step = sys::accept_unix(listener_.get());
  if (!step || !*step) return;
  auto agent = sys::connect_unix(agent_);
  if (!agent) return;  // closing tells the step that the agent is gone
  connections_.push_back({std::move(*step), std::move(*agent), {}, {}});
}

void AgentForward::on_ready(const std::vector<pollfd>& ready) {
  for (auto each = connections_.begin(); each != connections_.end();) {
    const short step = events_of(ready, each->step.get()), agent = events_of(ready, each->agent.get());
    const bool goes_on =
        !(step | agent) || (pass_on(each->step.get(), each->agent.get(), step & kReadable, each->to_agent) &&
                            pass_on(each->agent.get(), each->step.get(), agent & kReadable, each->to_step));
    each = goes_on ? std::next(each) : connections_.erase(each);
  }
  if (events_of(ready, listener_.get())) accept_one();
}

}  // namespace berth::build
