// What the process itself is: stdio or terminal, limits, rights, directory; the gate; exec.
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <utility>

#include "berth/sys/caps.hpp"
#include "berth/sys/file.hpp"
#include "plan_parts.hpp"

namespace berth::runtime {

namespace {

struct LimitName {
  const char* name;
  int number;
};
constexpr LimitName kLimits[] = {
    {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},       {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK}};

Result<int> limit_number(const std::string& type) {
  std::string name = type;
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  if (name.rfind("rlimit_", 0) == 0) name.erase(0, 7);
  for (const auto& limit : kLimits)
    if (name == limit.name) return limit.number;
  return Error::make(ErrorKind::Invalid, "unknown ulimit `" + type + "`");
}

void give_to_user(int fd, uid_t uid) {
  struct stat info {};
  // Pipes and terminals only: never a device such as /dev/null that others share.
  if (uid != 0 && fstat(fd, &info) == 0 && (S_ISFIFO(info.st_mode) || isatty(fd)))
    (void)fchown(fd, uid, static_cast<gid_t>(-1));
}

std::string path_of(const std::vector<std::string>& environment) {
  for (const auto& entry : environment)
    if (entry.rfind("PATH=", 0) == 0) return entry.substr(5);
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

std::vector<std::string> candidates_for(const oci::Process& process) {
  const std::string& program = process.args[0];
  if (program.find('/') != std::string::npos) return {program};
  std::vector<std::string> candidates;
  const std::string path = path_of(process.env);
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find(':', at), path.size());
    const std::string directory = path.substr(at, end - at);
    candidates.push_back((directory.empty() ? "." : directory) + "/" + program);
    at = end + 1;
  }
  return candidates;
}

void add_identity(PlanBuilder& plan, const oci::Process& process) {
  const auto& user = process.user;
  const auto& groups = user.additional_gids;
  const std::string label = "become user " + std::to_string(user.uid) + ":" + std::to_string(user.gid);
  plan.op(label, SYS_setgroups,
          {groups.size(), groups.empty() ? Argument(0) : plan.blob(groups.data(), groups.size() * 4)});
  plan.op(label, SYS_setresgid, {user.gid, user.gid, user.gid});
  plan.op(label, SYS_setresuid, {user.uid, user.uid, user.uid});
  // Inheritable stays empty (CVE-2022-24769); another user than root starts with none at all.
  const std::uint64_t held = user.uid == 0 ? process.capabilities & sys::all_capabilities() : 0;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const auto low = static_cast<std::uint32_t>(held), high = static_cast<std::uint32_t>(held >> 32);
  const std::array<__user_cap_data_struct, 2> sets = {{{low, low, 0}, {high, high, 0}}};
  plan.op("set capabilities", SYS_capset, {plan.value(header), plan.value(sets)});
}

void add_filter(PlanBuilder& plan, const std::vector<std::byte>* filter) {
  if (filter) plan.op("load the seccomp filter", SYS_seccomp, {SECCOMP_SET_MODE_FILTER, 0, plan.filter(*filter)});
}

void add_gate(PlanBuilder& plan) {
  const std::string label = "wait for the go-ahead";
  const int result =
      plan.save(plan.op(label, SYS_read, {Argument::slot(init::kGateSlot), plan.blob("\0\0\0\0", 4), 1}));
  plan.special(label, init::Special::Require,
               {Argument::slot(result), 1, ECANCELED});  // 0: whoever launched us is gone
}

// CLONE_CLEAR_SIGHAND leaves ignored signals ignored; the keeper ignores none, a calling process may.
void add_signals(PlanBuilder& plan) {
  const std::uint64_t defaults[4] = {};
  const Argument zero = plan.blob(defaults, sizeof defaults);
  for (int number = 1; number < 32; ++number) {
    struct sigaction now {};
    const bool ignored = sigaction(number, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
    if (ignored) plan.op("reset signals", SYS_rt_sigaction, {number, zero, 0, 8});
  }
  plan.op("reset signals", SYS_rt_sigprocmask, {SIG_SETMASK, zero, 0, 8});
}

}  // namespace

std::vector<std::string> lower_to_allowed(oci::Process& process) {
  std::vector<std::string> notes;
  const bool raises = (sys::all_capabilities() >> CAP_SYS_RESOURCE & 1) != 0;
  if (process.oom_score_adj.value_or(0) < 0 && !raises) {
    process.oom_score_adj.reset();
    notes.push_back("oom_score_adj cannot be lowered on this machine, continuing without");
  }
  for (auto& limit : process.rlimits) {
    const auto number = limit_number(limit.type);
    rlimit own{};
    if (!number || getrlimit(static_cast<__rlimit_resource>(*number), &own) != 0) continue;  // the plan says why
    std::uint64_t most = raises ? RLIM_INFINITY : own.rlim_max;
    if (*number == RLIMIT_NOFILE)
      if (const auto kernel = sys::read_file("/proc/sys/fs/nr_open"))
        most = std::min<std::uint64_t>(most, std::strtoull(kernel->c_str(), nullptr, 10));
    if (limit.hard <= most) continue;
    limit.hard = most;
    limit.soft = std::min(limit.soft, most);
    notes.push_back("the limit " + limit.type + " cannot be raised above " + std::to_string(most) +
                    " on this machine, continuing with that");
  }
  return notes;
}

Result<void> add_channels(PlanBuilder& plan, LaunchPlan& launch, const Stdio& stdio, const oci::User& user) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return Error::system(errno, "make", "a status socket");
  launch.status.reset(pair[0]);
  plan.own(sys::UniqueFd(pair[1]));
  if (pipe2(pair, O_CLOEXEC) != 0) return Error::system(errno, "make", "a gate pipe");
  plan.own(sys::UniqueFd(pair[0]));
  launch.gate.reset(pair[1]);
  for (int fd : {stdio.in, stdio.out, stdio.err}) {
    if (fd >= 0) {
      give_to_user(fd, user.uid);
      plan.borrow(fd);
      continue;
    }
    auto null = sys::open("/dev/null", O_RDWR);
    if (!null) return null.error();
    plan.own(std::move(*null));
  }
  return {};
}

void add_stdio(PlanBuilder& plan, const oci::Process& process, bool fresh_devpts) {
  if (!process.terminal) {
    for (int n = 0; n < 3; ++n) plan.op("set up stdio", SYS_dup3, {Argument::slot(init::kStdinSlot + n), n, 0});
    return;
  }
  const std::string label = "open a terminal";
  const int master = plan.save(plan.op(
      label, SYS_openat, {AT_FDCWD, plan.text("/dev/pts/ptmx"), O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW, 0}));
  const int unlocked = 0;
  plan.op(label, SYS_ioctl,
          {Argument::slot(master), TIOCSPTLCK, plan.value(unlocked)});  // fails on anything but a ptmx
  const int peer = plan.save(plan.op(label, SYS_ioctl, {Argument::slot(master), TIOCGPTPEER, O_RDWR | O_NOCTTY}));
  if (process.rows != 0) {
    winsize size{process.rows, process.columns, 0, 0};
    plan.op(label, SYS_ioctl, {Argument::slot(master), TIOCSWINSZ, plan.value(size)});
  }
  plan.op(label, SYS_fchown, {Argument::slot(peer), process.user.uid, -1}).tolerate[0] = EPERM;
  plan.special(label, init::Special::SendFd, {Argument::slot(master), init::StatusKind::Terminal});
  for (int n = 0; n < 3; ++n) plan.op(label, SYS_dup3, {Argument::slot(peer), n, 0});
  if (fresh_devpts) {
    plan.op("make `/dev/console`", SYS_mknodat, {AT_FDCWD, plan.text("/dev/console"), S_IFREG | 0600, 0}).tolerate[0] =
        EEXIST;
    plan.op("make `/dev/console`", SYS_mount, {plan.text("/dev/pts/0"), plan.text("/dev/console"), 0, MS_BIND, 0});
  }
}

// By the process that will run the program: a leader that exits takes the session's terminal along.
void add_session(PlanBuilder& plan, const oci::Process& process) {
  plan.op("start a session", SYS_setsid).tolerate[0] = EPERM;
  if (process.terminal) plan.op("take the terminal", SYS_ioctl, {0, TIOCSCTTY, 0}).tolerate[0] = EPERM;
}

void add_cgroup_join(PlanBuilder& plan, const std::vector<sys::UniqueFd>& procs) {
  for (const auto& file : procs)
    plan.op("join the control group", SYS_write, {Argument::slot(plan.borrow(file.get())), plan.text("0"), 1});
}

Result<void> add_process(PlanBuilder& plan, const oci::Process& process, const ProcessOptions& options) {
  if (process.args.empty()) return Error::make(ErrorKind::Invalid, "no command to run");
  auto filter = seccomp_filter(options.seccomp, process.capabilities);
  if (!filter) return filter.error();
  if (options.set_oom_score) {
    const std::string value = std::to_string(process.oom_score_adj.value_or(0)),
                      label = "set oom_score_adj to " + value;
    const int slot = plan.save(
        plan.op(label, SYS_openat, {AT_FDCWD, plan.text("/proc/self/oom_score_adj"), O_WRONLY | O_CLOEXEC, 0}));
    plan.op(label, SYS_write, {Argument::slot(slot), plan.text(value), value.size()});
  }
  plan.op("make a session keyring", SYS_keyctl, {KEYCTL_JOIN_SESSION_KEYRING, 0}).tolerate[0] = ENOSYS;
  for (const auto& limit : process.rlimits) {
    auto number = limit_number(limit.type);
    if (!number) return number.error();
    const rlimit value{limit.soft, limit.hard};
    plan.op("set the limit " + limit.type, SYS_prlimit64, {0, *number, plan.value(value), 0});
  }
  for (int n = 0; n <= sys::last_capability(); ++n)
    if (!(process.capabilities >> n & 1))
      plan.op("drop " + sys::capability_name(n), SYS_prctl, {PR_CAPBSET_DROP, n, 0, 0, 0});
  // Before the filter: a profile need not allow it. As root: the directory may belong to somebody else.
  const std::string cwd = process.cwd.empty() ? "/" : process.cwd;
  if (cwd[0] != '/')
    return Error::make(ErrorKind::Invalid, "the working directory must be an absolute path: `" + cwd + "`");
  for (std::size_t at = cwd.find('/', 1); cwd.size() > 1; at = cwd.find('/', at + 1)) {
    auto& made = plan.op("make the working directory `" + cwd + "`", SYS_mkdirat,
                         {AT_FDCWD, plan.text(cwd.substr(0, at)), 0755});
    made.tolerate[0] = EEXIST, made.tolerate[1] = EROFS;
    if (at == std::string::npos) break;
  }
  plan.op("enter the working directory `" + cwd + "`", SYS_chdir, {plan.text(cwd)});
  plan.special("enter the working directory `" + cwd + "`: it lies outside of the container", init::Special::CheckCwd);
  // Without no_new_privs only CAP_SYS_ADMIN may load a filter, and it goes a moment later.
  if (!process.no_new_privileges) add_filter(plan, *filter);
  add_identity(plan, process);
  if (process.no_new_privileges) plan.op("set no_new_privs", SYS_prctl, {PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0});
  if (options.fork_before_exec) plan.special("start the process", init::Special::Fork);
  add_session(plan, process);
  // Changing the user clears it, so it comes after.
  if (options.parent_death == ParentDeath::Kill)
    plan.op("die with the parent", SYS_prctl, {PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0});
  plan.op("close descriptors", SYS_close_range, {3, ~0u, CLOSE_RANGE_CLOEXEC});
  add_gate(plan);
  add_signals(plan);
  if (process.no_new_privileges) add_filter(plan, *filter);
  plan.special("execute `" + process.args[0] + "`", init::Special::Exec,
               {plan.table(candidates_for(process)), plan.table(process.args), plan.table(process.env)});
  return {};
}

Result<const std::vector<std::byte>*> seccomp_filter(const std::string& seccomp, std::uint64_t capabilities) {
  static std::map<std::pair<std::string, std::uint64_t>, std::vector<std::byte>>
      cache;  // one thread, see launch_plan.hpp
  if (seccomp == "unconfined") return static_cast<const std::vector<std::byte>*>(nullptr);
  const auto key = std::pair(seccomp, capabilities);
  if (const auto at = cache.find(key); at != cache.end())
    return static_cast<const std::vector<std::byte>*>(&at->second);
  sys::SeccompProfile profile;
  if (seccomp.empty()) {
    profile = default_seccomp(capabilities);
  } else {
    auto parsed = parse_seccomp(seccomp, capabilities);
    if (!parsed) return parsed.error();
    profile = std::move(*parsed);
  }
  auto compiled = sys::compile_seccomp(profile);
  if (!compiled) return compiled.error();
  return static_cast<const std::vector<std::byte>*>(&(cache[key] = std::move(*compiled)));
}

}  // namespace berth::runtime
