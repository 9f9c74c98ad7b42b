// Starting keeper + supervisor of a stack, and talking to a keeper that has given up on its supervisor.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::runtime {

inline constexpr const char* kControlName = "control";  // of the listening socket among the parked descriptors

struct StartPair {
  std::string run_dir;                       // of the project, exists; the keeper writes exits/ and keeper.reason there
  std::vector<std::string> supervisor_argv;  // [0] is the absolute path of berth
  int lock_fd = -1;     // flock'ed keeper.lock; the keeper inherits it and holds it as long as it lives
  int adopt_fd = -1;    // optional socket: Park messages of a supervisor that hands over, until its end
  int control_fd = -1;  // optional: the listening control socket, parked as kControlName before the supervisor starts
  std::string cgroup;   // leaf for the pair: "berth/<project>/keeper"
};
// Forks away from the caller: own session, stdio on /dev/null, no other descriptor, out of the caller's cgroups.
// Returns as soon as the keeper is on its way; its supervisor then listens on control.sock.
Result<void> start_pair(const StartPair& request);

// A keeper whose supervisor died 5 times within 10 s keeps the containers, stops restarting and writes why.
// retry_supervisor removes that file, which is the sign for the keeper to try again; success also where there is none.
std::optional<std::string> keeper_reason(const std::string& run_dir);
Result<void> retry_supervisor(const std::string& run_dir);

// A pair that is about to end says so, with a file: its lock will be free soon. start_pair() takes the mark away.
Result<void> mark_ending(const std::string& run_dir);
bool is_ending(const std::string& run_dir);

// The keeper's record of an ended child: wait status, from <run_dir>/exits/<name>. Nothing: none (yet).
std::optional<int> read_exit_record(const std::string& run_dir, const std::string& name);
void remove_exit_record(const std::string& run_dir, const std::string& name);

}  // namespace berth::runtime
