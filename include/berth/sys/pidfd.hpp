// Processes by descriptor: never signals a recycled pid. No function here blocks.
//
// Traps: a pidfd polls readable (POLLIN) when the process is a zombie, POLLHUP only once it is reaped; PIDFD_GET_INFO
// gives the exit code only after the reaping (Linux 6.15) and only through a pidfd opened before; pidfd_open after it
// is ESRCH.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::sys {

Result<UniqueFd> open_pidfd(int pid);
Result<void> send_signal(int pidfd, int signal_number);
// "SIGTERM", "term", "15", "RTMIN+3"; nothing where there is no such signal.
std::optional<int> parse_signal(const std::string& text);
bool has_exited(int pidfd);   // zombies included
int pid_of_pidfd(int pidfd);  // from /proc/self/fdinfo; -1 when it is gone

// What identifies a process through restarts of ours: same pid, start time, boot.
struct ProcessIdentity {
  int pid = 0;
  std::uint64_t start_time = 0;  // clock ticks after boot, field 22 of /proc/PID/stat
  std::string boot;
  bool operator==(const ProcessIdentity&) const = default;
};
Result<ProcessIdentity> identify_process(int pid);
// A pidfd of exactly that process; ErrorKind::NotFound when it has ended (or the pid belongs to another one now).
Result<UniqueFd> open_process(const ProcessIdentity& identity);

// Parent of the process, -1 where it is gone: whoever that is reaps it.
int parent_of(int pid);
// Becomes readable once the process has been reaped by its parent, not before. Watch it beside the pidfd, which it
// borrows. Older kernels than 6.9 never tell.
Result<UniqueFd> watch_reaping(int pidfd);

// Wait status (as of waitpid) of a process that has ended and was reaped, where the kernel keeps it (6.15).
std::optional<int> exit_status_of(int pidfd);
// Binds the pidfd onto a file (created), so that the exit status survives all of our processes. Linux 6.15.
Result<void> pin_pidfd(int pidfd, const std::string& path);

// Exit code as people know it: 0..255, or 128 + signal.
int exit_code_of_status(int wait_status);

}  // namespace berth::sys
