// What one container's process gets: the fields of the OCI runtime-spec that berth uses, plus three extensions
// (overlay, descriptors in place of paths, tri-state namespaces). Plain values; `runtime::default_spec()` fills in what
// Docker does by default, `runtime::build_launch_plan` turns it into system calls.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace berth::oci {

struct User {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::vector<std::uint32_t> additional_gids;
  bool operator==(const User&) const = default;
};

struct Rlimit {
  std::string type;        // "RLIMIT_NOFILE" or "nofile"
  std::uint64_t soft = 0;  // UINT64_MAX: unlimited
  std::uint64_t hard = 0;
  bool operator==(const Rlimit&) const = default;
};

struct Process {
  std::vector<std::string> args;
  std::vector<std::string> env;  // "K=V"; the first PATH is where args[0] is looked for
  std::string cwd = "/";         // made when it is missing, as docker does
  User user;
  std::uint64_t capabilities = 0;  // bit N: CAP_N. Bounding set; permitted and effective too where uid is 0
  std::vector<Rlimit> rlimits;
  bool no_new_privileges = false;
  bool terminal = false;
  std::uint16_t rows = 0, columns = 0;  // of the terminal; 0: the kernel's default
  std::optional<int> oom_score_adj;     // nothing: 0
};

struct Overlay {
  std::vector<std::string> lower;  // top first, absolute
  std::string upper;               // empty: read-only
  std::string work;
};

struct Root {
  std::string path;  // directory of the host that becomes "/"; with an overlay: an empty directory to mount it on
  bool readonly = false;
  std::optional<Overlay> overlay;
};

struct Mount {
  std::string destination;  // absolute, in the container
  std::string type;         // bind, tmpfs, proc, sysfs, mqueue, devpts, cgroup
  std::string source;       // bind: absolute path of the host
  std::vector<std::string>
      options;         // as in the runtime-spec: ro nosuid nodev noexec rprivate rslave size=64m mode=1777 …
  int source_fd = -1;  // bind: an O_PATH descriptor in place of `source` (borrowed until the plan is built)
};

enum class NamespaceMode { New, Host, Join };
struct Namespace {
  NamespaceMode mode = NamespaceMode::New;
  int fd = -1;       // Join: descriptor of the namespace (borrowed until the plan is built) …
  std::string path;  // … or its path
  // Join, of pid and ipc: the mount namespace of the container that has it (borrowed). Its /proc, its /dev/shm show the
  // namespace, and are taken along.
  int mounts = -1;
};

struct Namespaces {
  Namespace pid, network, ipc, uts, cgroup;  // the mount namespace is always new
};

struct Device {
  std::string path;
  char type = 'c';  // c, b, p
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint32_t mode = 0666;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

struct DeviceRule {
  bool allow = false;
  char type = 'a';                     // a, b, c
  std::optional<std::uint32_t> major;  // nothing: all
  std::optional<std::uint32_t> minor;
  std::string access = "rwm";
};

// Zero and nothing mean: no limit.
struct Resources {
  std::int64_t memory = 0;  // bytes
  std::int64_t memory_reservation = 0;
  std::optional<std::int64_t> memory_swap;  // memory + swap in bytes; -1: unlimited
  std::optional<int> memory_swappiness;
  bool oom_kill_disable = false;
  std::int64_t cpu_shares = 0;
  std::int64_t cpu_quota = 0;   // microseconds a period
  std::int64_t cpu_period = 0;  // 0: 100000
  std::string cpuset_cpus;
  std::string cpuset_mems;
  std::optional<std::int64_t> pids;  // -1: unlimited
  std::vector<DeviceRule> devices;   // in order, as written; empty: no device control
};

struct RuntimeSpec {
  Process process;
  Root root;
  std::string hostname;
  std::string domainname;
  std::vector<Mount> mounts;  // in order; a later one hides an earlier one
  Namespaces namespaces;
  std::vector<Device> devices;  // nodes made in /dev besides the default ones
  Resources resources;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::map<std::string, std::string> sysctl;
  std::string seccomp;             // empty: the default profile; "unconfined"; else the text of a profile (JSON)
  std::string rootfs_propagation;  // empty: private
};

}  // namespace berth::oci
