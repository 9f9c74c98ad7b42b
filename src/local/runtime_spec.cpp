#include "berth/local/runtime_spec.hpp"

#include <signal.h>

#include <algorithm>
#include <charconv>

#include "berth/base/assert.hpp"
#include "berth/runtime/default_spec.hpp"
#include "berth/sys/caps.hpp"
#include "berth/sys/pidfd.hpp"

namespace berth::local {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string hostname_in(const engine::ContainerSpec& spec, const ContainerPlace& place) {
  if (!place.hostname.empty()) return place.hostname;
  return spec.hostname.empty() ? short_id(place.id) : spec.hostname;
}

std::vector<std::string> environment_of(const engine::ContainerSpec& spec, const ContainerPlace& place) {
  std::map<std::string, std::string> all = spec.environment;
  all.try_emplace("PATH", kDefaultPath);
  all.try_emplace("HOSTNAME", hostname_in(spec, place));
  all.try_emplace("HOME", place.user.home);
  if (spec.tty) all.try_emplace("TERM", "xterm");
  std::vector<std::string> list;
  list.reserve(all.size());
  for (const auto& [name, value] : all) list.push_back(name + "=" + value);
  return list;
}

// Not called `bind`: an argument of std makes std::bind a better match, and its result is dropped in silence.
void add_bind_mount(oci::RuntimeSpec& spec, const std::string& source, const std::string& target,
                    std::vector<std::string> options = {"rbind", "rprivate"}, int source_fd = -1) {
  oci::Mount mount;
  mount.destination = target;
  mount.type = "bind";
  mount.source = source;
  mount.options = std::move(options);
  mount.source_fd = source_fd;
  runtime::put_mount(spec, std::move(mount));
}

void add_own_files(oci::RuntimeSpec& spec, const ContainerPlace& place) {
  if (!place.hosts_file.empty()) add_bind_mount(spec, place.hosts_file, "/etc/hosts");
  if (!place.resolv_file.empty()) add_bind_mount(spec, place.resolv_file, "/etc/resolv.conf");
  if (!place.hostname_file.empty()) add_bind_mount(spec, place.hostname_file, "/etc/hostname");
}

oci::Mount tmpfs_of(const engine::ContainerMount& wanted) {
  oci::Mount mount;
  mount.destination = wanted.target;
  mount.type = "tmpfs";
  mount.source = "tmpfs";
  mount.options = {"nosuid", "nodev", "noexec"};
  if (wanted.read_only) mount.options.push_back("ro");
  if (wanted.tmpfs_size.bytes > 0) mount.options.push_back("size=" + std::to_string(wanted.tmpfs_size.bytes));
  if (wanted.tmpfs_mode != 0) {
    char octal[16];
    const auto end = std::to_chars(octal, octal + sizeof octal, wanted.tmpfs_mode, 8).ptr;
    mount.options.push_back("mode=" + std::string(octal, end));
  }
  for (std::size_t at = 0; at < wanted.tmpfs_options.size();) {
    const auto comma = std::min(wanted.tmpfs_options.find(',', at), wanted.tmpfs_options.size());
    if (comma > at) mount.options.push_back(wanted.tmpfs_options.substr(at, comma - at));
    at = comma + 1;
  }
  return mount;
}

// Outer mounts first: /a must be there before /a/b, whatever the order in the file.
std::vector<std::size_t> by_depth(const std::vector<engine::ContainerMount>& mounts) {
  std::vector<std::size_t> order(mounts.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto depth = [&](std::size_t i) { return std::count(mounts[i].target.begin(), mounts[i].target.end(), '/'); };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return depth(a) < depth(b); });
  return order;
}

Result<void> add_mounts(oci::RuntimeSpec& runtime_spec, const engine::ContainerSpec& spec,
                        const ContainerPlace& place) {
  BERTH_ASSERT(place.mount_sources.size() == spec.mounts.size() && place.file_sources.size() == spec.files.size());
  for (const std::size_t i : by_depth(spec.mounts)) {
    const auto& wanted = spec.mounts[i];
    if (wanted.type == model::MountType::Tmpfs) {
      runtime::put_mount(runtime_spec, tmpfs_of(wanted));
      continue;
    }
    std::vector<std::string> options{"rbind", wanted.propagation.empty() ? "rprivate" : wanted.propagation};
    const auto& source = place.mount_sources[i];
    if (wanted.read_only || source.read_only) options.push_back("ro");
    add_bind_mount(runtime_spec, source.path, wanted.target, std::move(options), source.fd.get());
  }
  for (std::size_t i = 0; i < spec.files.size(); ++i)
    add_bind_mount(runtime_spec, place.file_sources[i], spec.files[i].target, {"bind", "rprivate", "ro"});
  return {};
}

Result<void> add_confinement(oci::RuntimeSpec& spec, const model::Confinement& wanted, const ContainerPlace& place) {
  BERTH_TRY(confine(spec.process, spec.seccomp, wanted));
  for (const auto& device : wanted.devices)
    BERTH_TRY(runtime::add_device(spec, device.source, device.target, device.permissions));
  for (const auto& text : wanted.device_cgroup_rules) {
    auto rule = runtime::parse_device_rule(text);
    if (!rule) return rule.error();
    spec.resources.devices.push_back(*rule);
  }
  for (const auto& [name, value] : wanted.sysctls) {
    BERTH_TRY(runtime::check_sysctl(spec, name));
    spec.sysctl[name] = value;
  }
  spec.root.readonly = wanted.read_only;
  return wanted.init ? runtime::use_init(spec, place.bin_dir) : Result<void>();
}

oci::Namespace namespace_of(const std::string& mode, int joined) {
  oci::Namespace wanted;
  if (mode == "host") wanted.mode = oci::NamespaceMode::Host;
  if (joined >= 0) {
    wanted.mode = oci::NamespaceMode::Join;
    wanted.fd = joined;
  }
  return wanted;
}

}  // namespace

std::optional<int> parse_signal(const std::string& text) { return sys::parse_signal(text); }

Result<std::uint64_t> capabilities_of(const model::Confinement& confinement) {
  auto choice = sys::choose_capabilities(confinement.cap_add, confinement.cap_drop);
  if (!choice.unknown.empty())
    return Error::make(ErrorKind::Invalid, "unknown capability `" + choice.unknown.front() + "`");
  return choice.set;
}

Result<void> confine(oci::Process& process, std::string& seccomp, const model::Confinement& wanted) {
  if (wanted.privileged) {
    process.capabilities = sys::all_capabilities();
  } else {
    auto capabilities = capabilities_of(wanted);
    if (!capabilities) return capabilities.error();
    process.capabilities = *capabilities;
  }
  for (const auto& option : wanted.security_opt) {
    const auto split = option.find_first_of(":=");
    const std::string key = option.substr(0, split);
    const std::string value = split == std::string::npos ? "" : option.substr(split + 1);
    if (key == "no-new-privileges")
      process.no_new_privileges = value != "false";
    else if (key == "seccomp")
      seccomp = value == "builtin" ? "" : value;
    else if ((key == "apparmor" || key == "label") && (value == "unconfined" || value == "disable"))
      continue;
    else
      return Error::make(ErrorKind::Unsupported, "security_opt `" + option + "` cannot be applied on this machine");
  }
  for (const auto& [name, limit] : wanted.ulimits)
    process.rlimits.push_back({name, static_cast<std::uint64_t>(limit.soft), static_cast<std::uint64_t>(limit.hard)});
  process.oom_score_adj = wanted.oom_score_adj;
  return {};
}

oci::Resources runtime_resources(const engine::ContainerSpec& spec) {
  const auto& wanted = spec.resources;
  oci::Resources resources;
  resources.memory = wanted.memory.bytes;
  resources.memory_reservation = wanted.memory_reservation.bytes;
  resources.memory_swap = wanted.memory_swap;
  resources.memory_swappiness = wanted.memory_swappiness;
  resources.oom_kill_disable = wanted.oom_kill_disable;
  resources.cpu_shares = wanted.cpu_shares;
  resources.cpu_quota = wanted.cpu_quota;
  resources.cpu_period = wanted.cpu_period;
  if (wanted.cpus > 0) {
    constexpr std::int64_t kPeriod = 100000;  // microseconds; the kernel's default, and what docker writes for `cpus`
    resources.cpu_period = kPeriod;
    resources.cpu_quota = static_cast<std::int64_t>(wanted.cpus * kPeriod);
  }
  resources.cpuset_cpus = wanted.cpuset;
  resources.pids = wanted.pids;
  return resources;
}

Result<oci::RuntimeSpec> runtime_spec_of(const engine::ContainerSpec& spec, const ContainerPlace& place) {
  runtime::DefaultOptions defaults;
  if (spec.confinement.shm_size.bytes > 0) defaults.shm_size = spec.confinement.shm_size.bytes;
  defaults.privileged = spec.confinement.privileged;
  oci::RuntimeSpec result = runtime::default_spec(defaults);

  result.process.args = spec.entrypoint;
  result.process.args.insert(result.process.args.end(), spec.command.begin(), spec.command.end());
  if (result.process.args.empty())
    return Error::make(ErrorKind::Invalid, "`" + spec.name + "` has no command: neither the service nor image `" +
                                               spec.image + "` names one")
        .with_hint("give the service a `command:`");
  result.process.env = environment_of(spec, place);
  result.process.cwd = spec.working_dir.empty() ? "/" : spec.working_dir;
  result.process.user = place.user.user;
  result.process.terminal = spec.tty;
  result.hostname = hostname_in(spec, place);
  result.domainname = spec.domainname;

  result.root.path = place.mount_point;
  result.root.overlay = oci::Overlay{place.lower, place.upper, place.work};

  const auto device_rules = std::move(result.resources.devices);
  result.resources = runtime_resources(spec);
  result.resources.devices = device_rules;

  result.namespaces.network = namespace_of(spec.network_mode, place.network_namespace);
  result.namespaces.pid = namespace_of(spec.confinement.pid, place.pid_namespace);
  result.namespaces.ipc = namespace_of(spec.confinement.ipc, place.ipc_namespace);
  result.namespaces.pid.mounts = place.pid_mounts;
  result.namespaces.ipc.mounts = place.ipc_mounts;
  result.namespaces.uts = namespace_of(spec.confinement.uts, place.uts_namespace);
  if (spec.confinement.ipc == "none")
    std::erase_if(result.mounts, [](const oci::Mount& mount) { return mount.destination == "/dev/shm"; });
  if (spec.confinement.cgroup == "host") result.namespaces.cgroup.mode = oci::NamespaceMode::Host;

  add_own_files(result, place);
  BERTH_TRY(add_mounts(result, spec, place));
  BERTH_TRY(add_confinement(result, spec.confinement, place));
  return result;
}

}  // namespace berth::local
