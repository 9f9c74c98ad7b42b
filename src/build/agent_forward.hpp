// RUN --mount=type=ssh: a socket of the step's own whose connections are passed on to the caller's SSH agent. The
// host's socket is not shown to the step, so that its owner and mode can be the mount's. One thread, no blocking; the
// owner polls.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <list>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::build {

class AgentForward {
 public:
  struct Access {
    mode_t mode = 0600;
    uid_t uid = 0;
    gid_t gid = 0;
  };
  // Listens at `path`; `agent` is the socket of the agent.
  static Result<AgentForward> listen(const std::string& path, std::string agent, const Access& access);

  // What to wait for now, and what came of it: the same entries, with revents.
  std::vector<pollfd> wanted() const;
  void on_ready(const std::vector<pollfd>& ready);

 private:
  struct Connection {
    sys::UniqueFd step, agent;
    std::string to_agent, to_step;  // what was read and could not be written yet
  };
  void accept_one();

  static constexpr std::size_t kMostConnections = 64;
  std::string agent_;
  sys::UniqueFd listener_;
  std::list<Connection> connections_;
};

}  // namespace berth::build
