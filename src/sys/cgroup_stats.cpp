#include <charconv>
#include <sstream>

#include "berth/sys/cgroup.hpp"

namespace berth::sys {

namespace {

std::uint64_t number_in(const Result<std::string>& text) {
  std::uint64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);  // "max" stays 0
  return value;
}

// "key value" lines.
std::uint64_t field_in(const Result<std::string>& text, const std::string& key) {
  if (!text) return 0;
  std::istringstream lines(*text);
  std::string name;
  std::uint64_t value = 0;
  while (lines >> name >> value)
    if (name == key) return value;
  return 0;
}

// A limit at or above half of the address space is how v1 says "none".
std::uint64_t limit_in(const Result<std::string>& text) {
  const auto value = number_in(text);
  return value >= (std::uint64_t{1} << 62) ? 0 : value;
}

void add_io_v1(const Result<std::string>& text, CgroupStats& stats) {
  if (!text) return;
  std::istringstream lines(*text);
  std::string device, kind;
  std::uint64_t value = 0;
  while (lines >> device >> kind >> value) {
    if (kind == "Read") stats.read_bytes += value;
    if (kind == "Write") stats.written_bytes += value;
  }
}

void add_io_v2(const Result<std::string>& text, CgroupStats& stats) {
  if (!text) return;
  std::istringstream words(*text);
  std::string word;
  while (words >> word) {
    const auto equals = word.find('=');
    if (equals == std::string::npos) continue;
    std::uint64_t value = 0;
    std::from_chars(word.data() + equals + 1, word.data() + word.size(), value);
    if (word.rfind("rbytes", 0) == 0) stats.read_bytes += value;
    if (word.rfind("wbytes", 0) == 0) stats.written_bytes += value;
  }
}

CgroupStats stats_v2(const CgroupSet& group) {
  CgroupStats stats;
  const auto inactive = field_in(group.read("memory", "memory.stat"), "inactive_file");
  stats.memory = number_in(group.read("memory", "memory.current"));
  stats.memory -= std::min(stats.memory, inactive);
  stats.memory_limit = limit_in(group.read("memory", "memory.max"));
  stats.pids = number_in(group.read("pids", "pids.current"));
  stats.pids_limit = number_in(group.read("pids", "pids.max"));
  stats.cpu_nanoseconds = field_in(group.read("cpu", "cpu.stat"), "usage_usec") * 1000;
  stats.oom_kills = field_in(group.read("memory", "memory.events"), "oom_kill");
  add_io_v2(group.read("io", "io.stat"), stats);
  return stats;
}

}  // namespace

CgroupStats read_stats(const CgroupSet& group) {
  if (cgroup_layout().version == CgroupVersion::V2) return stats_v2(group);
  CgroupStats stats;
  const auto inactive = field_in(group.read("memory", "memory.stat"), "total_inactive_file");
  stats.memory = number_in(group.read("memory", "memory.usage_in_bytes"));
  stats.memory -= std::min(stats.memory, inactive);
  stats.memory_limit = limit_in(group.read("memory", "memory.limit_in_bytes"));
  stats.pids = number_in(group.read("pids", "pids.current"));
  stats.pids_limit = number_in(group.read("pids", "pids.max"));
  stats.cpu_nanoseconds = number_in(group.read("cpuacct", "cpuacct.usage"));
  stats.oom_kills = field_in(group.read("memory", "memory.oom_control"), "oom_kill");
  add_io_v1(group.read("blkio", "blkio.throttle.io_service_bytes"), stats);
  return stats;
}

}  // namespace berth::sys
