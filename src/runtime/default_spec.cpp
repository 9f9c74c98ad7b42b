#include "berth/runtime/default_spec.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "berth/base/random.hpp"
#include "berth/keeper/programs.hpp"
#include "berth/sys/caps.hpp"
#include "berth/sys/file.hpp"

namespace berth::runtime {

namespace {

const char* const kMasked[] = {"/proc/acpi",
                               "/proc/asound",
                               "/proc/interrupts",
                               "/proc/kcore",
                               "/proc/keys",
                               "/proc/latency_stats",
                               "/proc/sched_debug",
                               "/proc/scsi",
                               "/proc/timer_list",
                               "/proc/timer_stats",
                               "/sys/devices/virtual/powercap",
                               "/sys/firmware"};
const char* const kReadOnly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

// One per processor that has it; the same for every container, so looked up once.
const std::vector<std::string>& thermal_throttles() {
  static const std::vector<std::string> paths = [] {
    std::vector<std::string> found;
    const std::string base = "/sys/devices/system/cpu";
    if (auto names = sys::list_directory(base))
      for (const auto& name : *names)
        if (name.rfind("cpu", 0) == 0 && sys::exists(base + "/" + name + "/thermal_throttle"))
          found.push_back(base + "/" + name + "/thermal_throttle");
    return found;
  }();
  return paths;
}

oci::DeviceRule rule(bool allow, char type, std::optional<std::uint32_t> major, std::optional<std::uint32_t> minor,
                     const char* access) {
  return {.allow = allow, .type = type, .major = major, .minor = minor, .access = access};
}

// All denied, then what every container may use: making any node (opening is another matter), and the usual devices.
std::vector<oci::DeviceRule> default_device_rules() {
  std::vector<oci::DeviceRule> rules{rule(false, 'a', {}, {}, "rwm"), rule(true, 'c', {}, {}, "m"),
                                     rule(true, 'b', {}, {}, "m")};
  constexpr std::uint32_t kCharacter[][2] = {{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 1}, {5, 2}};
  for (const auto& [major, minor] : kCharacter) rules.push_back(rule(true, 'c', major, minor, "rwm"));
  rules.push_back(rule(true, 'c', 136, {}, "rwm"));
  return rules;
}

void add_host_devices(oci::RuntimeSpec& spec, const std::string& directory, int depth) {
  auto names = sys::list_directory(directory);
  if (!names) return;
  for (const auto& name : *names) {
    if (depth == 0 &&
        (name == "pts" || name == "shm" || name == "mqueue" || name == "fd" || name == "console" || name == "ptmx"))
      continue;
    const std::string path = directory + "/" + name;
    struct stat info {};
    if (lstat(path.c_str(), &info) != 0) continue;
    if (S_ISDIR(info.st_mode) && depth < 4) add_host_devices(spec, path, depth + 1);
    if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode))
      spec.devices.push_back({.path = path,
                              .type = S_ISBLK(info.st_mode) ? 'b' : 'c',
                              .major = major(info.st_rdev),
                              .minor = minor(info.st_rdev),
                              .mode = info.st_mode & 07777,
                              .uid = info.st_uid,
                              .gid = info.st_gid});
  }
}

}  // namespace

oci::RuntimeSpec default_spec(const DefaultOptions& options) {
  oci::RuntimeSpec spec;
  spec.process.capabilities = options.privileged ? sys::all_capabilities() : sys::kDefaultCapabilities;
  const std::string kernel_view = options.privileged ? "rw" : "ro";
  const std::string shm = "size=" + std::to_string(options.shm_size);
  spec.mounts = {
      {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}, -1},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}, -1},
      {"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}, -1},
      {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", shm}, -1},
      {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}, -1},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", kernel_view}, -1},
      {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", kernel_view}, -1},
  };
  if (options.privileged) {
    spec.seccomp = "unconfined";
    spec.resources.devices = {rule(true, 'a', {}, {}, "rwm")};
    add_host_devices(spec, "/dev", 0);
    return spec;
  }
  spec.masked_paths.assign(std::begin(kMasked), std::end(kMasked));
  spec.masked_paths.insert(spec.masked_paths.end(), thermal_throttles().begin(), thermal_throttles().end());
  spec.readonly_paths.assign(std::begin(kReadOnly), std::end(kReadOnly));
  spec.resources.devices = default_device_rules();
  return spec;
}

void put_mount(oci::RuntimeSpec& spec, oci::Mount mount) {
  const auto same = [&](const oci::Mount& other) { return other.destination == mount.destination; };
  spec.mounts.erase(std::remove_if(spec.mounts.begin(), spec.mounts.end(), same), spec.mounts.end());
  spec.mounts.push_back(std::move(mount));
}

Result<void> add_device(oci::RuntimeSpec& spec, const std::string& source, const std::string& target,
                        const std::string& permissions) {
  struct stat info {};
  if (stat(source.c_str(), &info) != 0) return Error::system(errno, "add the device", source);
  if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode))
    return Error::make(ErrorKind::Invalid, "`" + source + "` is not a device");
  const char type = S_ISBLK(info.st_mode) ? 'b' : 'c';
  spec.devices.push_back({.path = target,
                          .type = type,
                          .major = major(info.st_rdev),
                          .minor = minor(info.st_rdev),
                          .mode = info.st_mode & 07777,
                          .uid = info.st_uid,
                          .gid = info.st_gid});
  spec.resources.devices.push_back(
      rule(true, type, major(info.st_rdev), minor(info.st_rdev), permissions.empty() ? "rwm" : permissions.c_str()));
  return {};
}

Result<oci::DeviceRule> parse_device_rule(const std::string& text) {
  const auto wrong = [&] {
    return Error::make(ErrorKind::Invalid, "`" + text + "` is not a device rule")
        .with_hint("write it like `c 1:3 rwm` or `a *:* rwm`");
  };
  const auto first = text.find(' '), second = text.rfind(' ');
  const auto colon = text.find(':');
  if (first != 1 || second == first || colon == std::string::npos || colon < first || colon > second) return wrong();
  oci::DeviceRule made{.allow = true, .type = text[0], .major = {}, .minor = {}, .access = text.substr(second + 1)};
  if (std::string("abc").find(made.type) == std::string::npos || made.access.empty() ||
      made.access.find_first_not_of("rwm") != std::string::npos)
    return wrong();
  const auto number = [&](std::string part, std::optional<std::uint32_t>& into) {
    if (part == "*") return true;
    std::uint32_t value = 0;
    const auto parsed = std::from_chars(part.data(), part.data() + part.size(), value);
    into = value;
    return parsed.ec == std::errc() && parsed.ptr == part.data() + part.size();
  };
  if (!number(text.substr(2, colon - 2), made.major) || !number(text.substr(colon + 1, second - colon - 1), made.minor))
    return wrong();
  return made;
}

Result<void> use_init(oci::RuntimeSpec& spec, const std::string& bin_dir) {
  const auto program = init_stub_program();
  const std::string path = bin_dir + "/init-" BERTH_VERSION;
  const std::string_view bytes(reinterpret_cast<const char*>(program.data()), program.size());
  // Compared, not trusted: what is bound into containers is exactly what we carry.
  if (auto present = sys::read_file(path); !present || *present != bytes) {
    BERTH_TRY(sys::make_directories(bin_dir));
    BERTH_TRY(sys::write_file_atomic(path, bytes, sys::Durability::Volatile, 0555));
    if (chmod(path.c_str(), 0555) != 0) return Error::system(errno, "make executable", path);
  }
  put_mount(spec, {"/sbin/docker-init", "bind", path, {"bind", "ro"}, -1});
  spec.process.args.insert(spec.process.args.begin(), {"/sbin/docker-init", "--"});
  return {};
}

Result<void> check_sysctl(const oci::RuntimeSpec& spec, const std::string& name) {
  static const char* const kIpc[] = {"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
                                     "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"};
  const auto is = [&](const char* one) { return name == one; };
  const auto refuse = [&](const char* why) {
    return Error::make(ErrorKind::Invalid, "sysctl `" + name + "` cannot be set for a container: " + why);
  };
  if (std::any_of(std::begin(kIpc), std::end(kIpc), is) || name.rfind("fs.mqueue.", 0) == 0) {
    if (spec.namespaces.ipc.mode == oci::NamespaceMode::Host) return refuse("it shares the host's ipc namespace");
    return {};
  }
  if (name.rfind("net.", 0) == 0) {
    if (spec.namespaces.network.mode == oci::NamespaceMode::Host) return refuse("it shares the host's network");
    return {};
  }
  if (name == "kernel.domainname" && spec.namespaces.uts.mode != oci::NamespaceMode::Host) return {};
  return refuse("it is not kept per namespace, so it would change the host");
}

}  // namespace berth::runtime
