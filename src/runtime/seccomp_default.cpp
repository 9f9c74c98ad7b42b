// Docker's default seccomp profile as a table: what is allowed always, and what a capability unlocks. Facts, not code:
// a line changes when Docker's profile does.
#include <errno.h>

#include <map>
#include <sstream>

#include "berth/runtime/default_spec.hpp"
#include "berth/sys/caps.hpp"

namespace berth::runtime {

namespace {

constexpr const char* kAlways =
    "_llseek _newselect accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown "
    "chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 "
    "clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3 "
    "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old "
    "eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate "
    "fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr "
    "flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate "
    "ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake futimesat get_robust_list "
    "get_thread_area getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 "
    "getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid "
    "getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday "
    "getuid getuid32 getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel "
    "io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl ioprio_get ioprio_set "
    "ipc kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link "
    "linkat listen listmount listxattr listxattrat llistxattr lremovexattr lseek lsetxattr lstat lstat64 madvise "
    "map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 "
    "mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 "
    "mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock "
    "munlockall munmap name_to_handle_at nanosleep newfstatat open openat openat2 pause pidfd_open "
    "pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 "
    "preadv preadv2 prlimit64 process_mrelease pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read readahead "
    "readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr "
    "removexattrat rename renameat renameat2 restart_syscall riscv_hwprobe rmdir rseq rt_sigaction rt_sigpending "
    "rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 "
    "rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr "
    "sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity "
    "sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop semtimedop "
    "semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list set_thread_area "
    "set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer "
    "setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 "
    "setrlimit setsid setsockopt setuid setuid32 setxattr setxattrat shmat shmctl shmdt shmget shutdown "
    "sigaltstack signalfd signalfd4 sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs "
    "statfs64 statmount statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create "
    "timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create "
    "timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate truncate64 "
    "ugetrlimit umask uname unlink unlinkat uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice "
    "wait4 waitid waitpid write writev ";

// arch_prctl and modify_ldt belong to x86; ptrace and process_vm_* are safe from Linux 4.8 on.
constexpr const char* kAlwaysHere = "ptrace process_vm_readv process_vm_writev arch_prctl modify_ldt";

struct WithCapability {
  const char* capability;
  const char* names;
};
constexpr WithCapability kWith[] = {
    {"DAC_READ_SEARCH", "open_by_handle_at "},
    {"SYS_ADMIN",
     "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr "
     "lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl "
     "quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare "},
    {"SYS_BOOT", "reboot "},
    {"SYS_CHROOT", "chroot "},
    {"SYS_MODULE", "delete_module finit_module init_module "},
    {"SYS_PACCT", "acct "},
    {"SYS_PTRACE", "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace "},
    {"SYS_RAWIO", "ioperm iopl "},
    {"SYS_TIME", "clock_settime clock_settime64 settimeofday stime "},
    {"SYS_TTY_CONFIG", "vhangup "},
    {"SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node "},
    {"SYSLOG", "syslog "},
    {"BPF", "bpf "},
    {"PERFMON", "perf_event_open "},
};
constexpr std::uint64_t kNamespaceFlags = 0x7E020000;  // CLONE_NEW*, which clone may not carry without SYS_ADMIN
constexpr std::uint64_t kPersonalities[] = {0x0, 0x8, 0x20000, 0x20008, 0xffffffff};

std::vector<std::string> profile_words(const char* text) {
  std::istringstream words(text);
  std::vector<std::string> list;
  for (std::string word; words >> word;) list.push_back(word);
  return list;
}

sys::SeccompRule allow(const char* names, std::vector<sys::SeccompArgument> arguments = {}) {
  return {.names = profile_words(names),
          .action = sys::SeccompAction::Allow,
          .errno_value = 0,
          .arguments = std::move(arguments)};
}

bool holds(std::uint64_t capabilities, const char* name) {
  const auto number = sys::capability_number(name);
  return number && (capabilities >> *number & 1u) != 0;
}

}  // namespace

sys::SeccompProfile default_seccomp(std::uint64_t capabilities) {
  using sys::SeccompCompare;
  sys::SeccompProfile profile;
  profile.default_action = sys::SeccompAction::Errno;
  profile.default_errno = EPERM;
  profile.rules.push_back(allow(kAlways));
  profile.rules.push_back(allow(kAlwaysHere));
  // AF_ALG (38) and AF_VSOCK (40) reach past the network namespace.
  profile.rules.push_back(allow("socket", {{0, SeccompCompare::Less, 38, 0}}));
  profile.rules.push_back(allow("socket", {{0, SeccompCompare::Equal, 39, 0}}));
  profile.rules.push_back(allow("socket", {{0, SeccompCompare::Greater, 40, 0}}));
  for (auto persona : kPersonalities)
    profile.rules.push_back(allow("personality", {{0, SeccompCompare::Equal, persona, 0}}));
  for (const auto& with : kWith)
    if (holds(capabilities, with.capability)) profile.rules.push_back(allow(with.names));
  if (!holds(capabilities, "SYS_ADMIN")) {
    profile.rules.push_back(allow("clone", {{0, SeccompCompare::MaskedEqual, kNamespaceFlags, 0}}));
    // Its flags are in memory that a filter cannot read: libraries fall back to clone.
    profile.rules.push_back(
        {.names = {"clone3"}, .action = sys::SeccompAction::Errno, .errno_value = ENOSYS, .arguments = {}});
  }
  return profile;
}

}  // namespace berth::runtime
