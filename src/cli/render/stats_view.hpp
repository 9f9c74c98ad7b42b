// What `stats` says about a container: docker's columns, from two samples of its counters. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "berth/sys/cgroup.hpp"

namespace berth::cli {

struct StatsSample {
  std::int64_t time = 0;  // nanoseconds, any clock that does not jump
  sys::CgroupStats counters;
  std::uint64_t received_bytes = 0, sent_bytes = 0;
};

struct StatsOf {
  std::string id, name;
  std::optional<StatsSample> before, now;  // nothing: it does not run
  std::uint64_t machine_memory = 0;        // the limit where it has none
};

// Received and sent, of all interfaces but lo, from /proc/PID/net/dev.
std::pair<std::uint64_t, std::uint64_t> parse_net_dev(std::string_view text);
std::uint64_t parse_mem_total(std::string_view meminfo);

// CONTAINER ID, NAME, CPU %, MEM USAGE / LIMIT, MEM %, NET I/O, BLOCK I/O, PIDS; "--" while nothing is known.
std::vector<std::string> stats_row(const StatsOf& stats);
std::vector<std::string> stats_header();
std::map<std::string, std::string> stats_fields(const StatsOf& stats);
std::string binary_size(std::uint64_t bytes);       // docker's units.BytesSize: four significant digits
std::string stats_json_line(const StatsOf& stats);  // docker stats' keys, with its newline

}  // namespace berth::cli
