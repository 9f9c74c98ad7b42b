// What `top` says about a process: the columns of `ps -ef`, from the files of /proc. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::cli {

struct ProcessFacts {
  int pid = 0, parent = 0;
  int terminal = 0;  // device number; 0: none
  unsigned uid = 0;
  std::uint64_t cpu_ticks = 0;    // user and system
  std::uint64_t start_ticks = 0;  // since boot
  std::string command;
};

// From /proc/PID/{stat, status, cmdline}; nothing where they make no sense (the process ended meanwhile).
std::optional<ProcessFacts> parse_process(std::string_view stat, std::string_view status, std::string_view cmdline);
// Names by uid, from the text of a passwd file.
std::map<unsigned, std::string> parse_user_names(std::string_view passwd);

struct ClockFacts {
  std::int64_t now = 0;   // seconds since 1970
  std::int64_t boot = 0;  // when the machine booted
  long ticks = 100;       // a second
};
// UID PID PPID C STIME TTY TIME CMD
std::vector<std::string> process_row(const ProcessFacts& process, const std::map<unsigned, std::string>& users,
                                     const ClockFacts& clock);

}  // namespace berth::cli
