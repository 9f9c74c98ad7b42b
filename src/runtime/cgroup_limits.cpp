// Limits as Docker's users write them, in the words of cgroup v1 and v2.
#include <algorithm>
#include <cmath>

#include "berth/runtime/default_spec.hpp"

namespace berth::runtime {

namespace {

constexpr std::int64_t kDefaultPeriod = 100'000;

// What the machine cannot do is a warning; a value that the kernel refuses is an error.
struct Limits {
  const sys::CgroupSet& group;
  std::vector<std::string>* warnings;

  Result<void> set(const std::string& controller, const std::string& file, const std::string& value,
                   const char* what) const {
    auto done = group.has(controller)
                    ? group.write(controller, file, value)
                    : Result<void>(Error::make(ErrorKind::Unsupported, "no controller `" + controller + "`"));
    if (done) return done;
    const auto kind = done.error().kind();
    if (kind != ErrorKind::Unsupported && kind != ErrorKind::NotFound && kind != ErrorKind::Permission)
      return done.error().while_doing(std::string("setting ") + what);
    if (warnings) warnings->push_back(std::string("the kernel here cannot set ") + what + ", continuing without");
    return {};
  }
};

Result<void> limits_v1(const Limits& to, const oci::Resources& r) {
  if (r.memory > 0) BERTH_TRY(to.set("memory", "memory.limit_in_bytes", std::to_string(r.memory), "the memory limit"));
  // Docker: swap of the same size again where nothing is said.
  const std::int64_t swap = r.memory_swap.value_or(r.memory > 0 ? 2 * r.memory : 0);
  if (swap != 0) BERTH_TRY(to.set("memory", "memory.memsw.limit_in_bytes", std::to_string(swap), "the swap limit"));
  if (r.memory_reservation > 0)
    BERTH_TRY(
        to.set("memory", "memory.soft_limit_in_bytes", std::to_string(r.memory_reservation), "the memory reservation"));
  if (r.memory_swappiness)
    BERTH_TRY(to.set("memory", "memory.swappiness", std::to_string(*r.memory_swappiness), "the swappiness"));
  if (r.oom_kill_disable) BERTH_TRY(to.set("memory", "memory.oom_control", "1", "oom_kill_disable"));
  if (r.cpu_shares > 0) BERTH_TRY(to.set("cpu", "cpu.shares", std::to_string(r.cpu_shares), "the cpu shares"));
  if (r.cpu_quota != 0) {
    const auto period = r.cpu_period > 0 ? r.cpu_period : kDefaultPeriod;
    BERTH_TRY(to.set("cpu", "cpu.cfs_period_us", std::to_string(period), "the cpu period"));
    BERTH_TRY(to.set("cpu", "cpu.cfs_quota_us", std::to_string(r.cpu_quota), "the cpu limit"));
  }
  return {};
}

Result<void> limits_v2(const Limits& to, const oci::Resources& r) {
  if (r.memory > 0) BERTH_TRY(to.set("memory", "memory.max", std::to_string(r.memory), "the memory limit"));
  // v2 counts swap alone, Docker memory and swap together.
  if (r.memory > 0 || r.memory_swap) {
    const std::int64_t total = r.memory_swap.value_or(2 * r.memory);
    const std::string swap = total < 0 ? "max" : std::to_string(std::max<std::int64_t>(0, total - r.memory));
    BERTH_TRY(to.set("memory", "memory.swap.max", swap, "the swap limit"));
  }
  if (r.memory_reservation > 0)
    BERTH_TRY(to.set("memory", "memory.low", std::to_string(r.memory_reservation), "the memory reservation"));
  if (r.memory_swappiness && to.warnings) to.warnings->push_back("cgroup v2 has no swappiness, continuing without");
  if (r.oom_kill_disable && to.warnings)
    to.warnings->push_back("cgroup v2 cannot disable the OOM killer, continuing without");
  if (r.cpu_shares > 0) {
    // 2..262144 onto 1..10000, the runtimes' common formula.
    const auto weight = 1 + (std::clamp<std::int64_t>(r.cpu_shares, 2, 262144) - 2) * 9999 / 262142;
    BERTH_TRY(to.set("cpu", "cpu.weight", std::to_string(weight), "the cpu shares"));
  }
  if (r.cpu_quota != 0) {
    const auto period = r.cpu_period > 0 ? r.cpu_period : kDefaultPeriod;
    const std::string quota = r.cpu_quota < 0 ? "max" : std::to_string(r.cpu_quota);
    BERTH_TRY(to.set("cpu", "cpu.max", quota + " " + std::to_string(period), "the cpu limit"));
  }
  return {};
}

std::vector<std::string> controllers_for(const oci::Resources& r) {
  std::vector<std::string> names;
  if (r.cpu_shares > 0 || r.cpu_quota != 0) names.push_back("cpu");
  if (!r.cpuset_cpus.empty() || !r.cpuset_mems.empty()) names.push_back("cpuset");
  return names;
}

}  // namespace

Result<sys::CgroupSet> create_cgroup(const std::string& name, const oci::Resources& resources,
                                     std::vector<std::string>* warnings) {
  auto group = sys::CgroupSet::create(name, controllers_for(resources));
  if (!group) return group.error();
  const Limits to{*group, warnings};
  const bool v2 = sys::cgroup_layout().version == sys::CgroupVersion::V2;
  const auto fill = [&]() -> Result<void> {
    BERTH_TRY(v2 ? limits_v2(to, resources) : limits_v1(to, resources));
    if (!resources.cpuset_cpus.empty()) BERTH_TRY(to.set("cpuset", "cpuset.cpus", resources.cpuset_cpus, "the cpuset"));
    if (!resources.cpuset_mems.empty())
      BERTH_TRY(to.set("cpuset", "cpuset.mems", resources.cpuset_mems, "the memory nodes"));
    if (resources.pids) {
      const std::string limit = *resources.pids <= 0 ? "max" : std::to_string(*resources.pids);
      BERTH_TRY(to.set("pids", "pids.max", limit, "the process limit"));
    }
    std::vector<sys::DeviceAccess> rules;
    for (const auto& r : resources.devices) rules.push_back({r.allow, r.type, r.major, r.minor, r.access});
    return sys::set_device_rules(*group, rules);
  };
  if (auto done = fill(); !done) {
    (void)group->remove();
    return done.error();
  }
  return group;
}

}  // namespace berth::runtime
