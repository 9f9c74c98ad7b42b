// The launch plan: what happens between clone and exec, as a flat list of system calls whose arguments were prepared
// before.
//
//   PlanHeader │ strings, tables, filters … │ Op Op Op …          one piece of memory, at one address in both processes
//
// A plan is built by `runtime` at address 0 with a list of words to relocate, placed into an arena, and walked by a
// child that may share that memory with the zygote: walk() makes raw system calls and nothing else. It never returns.
//
// Who learns what: `reached` in the header is the index of the op that is being tried; a failing op is reported on the
// status socket as Status{Failed, op, errno}. The end of the status socket alone says nothing (it also comes when the
// child dies): the program runs if the socket ended without a message and `reached` is the exec op.
#pragma once

#include <errno.h>
#include <linux/prctl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "berth/init/raw.hpp"

namespace berth::init {

inline constexpr int kSlots = 384;     // descriptors and results that ops refer to by number
inline constexpr int kMaxFds = 240;    // a message carries 253 at most
inline constexpr int kStatusSlot = 0;  // our end of the status socket
inline constexpr int kGateSlot = 1;    // read end of the gate pipe
inline constexpr int kStdinSlot = 2;   // and 3, 4
inline constexpr int kFirstFreeSlot = 5;
inline constexpr Word kPlanBase =
    0x200000000000;  // where arenas are mapped: far from everything the kernel chooses itself
inline constexpr Word kLowPlanBase = 0x2000000000;  // where addresses have 39 bits

// Exit codes of a child that never ran its program.
inline constexpr int kSetupFailed = 125;
inline constexpr int kNotExecutable = 126;
inline constexpr int kNotFound = 127;

// Ops beyond plain system calls.
enum class Special : std::uint16_t {
  CheckCwd = 0xF000,  // getcwd must begin with "/": "(unreachable)" means that the directory lies outside of the root
  Require,            // argument 0 must equal argument 1; argument 2 is the errno to fail with
  Load32,             // result = the 32-bit word at argument 0
  SendFd,             // sends descriptor argument 0 on the status socket as Status{kind = argument 1}
  Fork,               // the child goes on with the plan as our sibling; we send Status{Forked, pid} + pidfd and exit
  Exec,               // execve of the first candidate that works: argument 0 table of paths, 1 argv, 2 envp
};

struct Op {
  std::uint16_t code = 0;      // number of a system call, or Special
  std::uint8_t from_slot = 0;  // bit i: argument i is the number of a slot
  std::uint8_t reserved = 0;
  std::int16_t save = -1;  // slot that receives the result
  std::int16_t tolerate[2] = {0, 0};
  std::uint16_t reserved2 = 0;
  std::uint32_t reserved3 = 0;
  Word argument[6] = {};
};
static_assert(sizeof(Op) == 64);

struct PlanHeader {
  std::uint32_t count;             // of ops
  std::uint32_t size;              // of the whole plan, bytes
  volatile std::uint32_t reached;  // index of the op being tried
  volatile std::uint32_t alive;    // cleared by the kernel when the child has left this memory (CLONE_CHILD_CLEARTID)
  Op* ops;
  std::int64_t slot[kSlots];
};

enum class StatusKind : std::uint32_t { Failed = 1, Forked = 2, Terminal = 3 };

// Message on the status socket (SOCK_SEQPACKET).
struct Status {
  StatusKind kind;
  std::int32_t op;
  std::int32_t value;  // errno of Failed, pid of Forked
  std::uint32_t reserved;
};

inline void send_status(PlanHeader* plan, StatusKind kind, std::int32_t op, std::int32_t value, int fd = -1) {
  Status status{kind, op, value, 0};
  iovec part{&status, sizeof status};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (fd >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    *reinterpret_cast<int*>(CMSG_DATA(rights)) = fd;
  }
  call(SYS_sendmsg, word(static_cast<long>(plan->slot[kStatusSlot])), word(&header), MSG_NOSIGNAL);
}

inline long check_cwd() {
  char path[4096];
  long length = call(SYS_getcwd, word(path), sizeof path);
  if (length < 0) return length;
  return path[0] == '/' ? 0 : -ENOENT;
}

// As execvp does: a name that is not there is looked for in the next directory; EACCES is remembered.
inline long exec_first(const Word* candidates, Word argv, Word envp) {
  long verdict = -ENOENT;
  for (; *candidates; ++candidates) {
    long result = call(SYS_execve, *candidates, argv, envp);
    if (result == -EACCES) {
      verdict = result;
    } else if (result != -ENOENT && result != -ENOTDIR) {
      return result;
    }
  }
  return verdict;
}

// Only the parent returns from here with 0 or an error; see Special::Fork.
inline long fork_sibling(PlanHeader* plan, std::int32_t op) {
  int pidfd = -1;
  // clone, not clone3: the seccomp filter may be loaded already and answers ENOSYS to the latter.
  long pid = call(SYS_clone, CLONE_PARENT | CLONE_PIDFD, 0, word(&pidfd), 0, 0);
  if (pid <= 0) return pid;
  send_status(plan, StatusKind::Forked, op, static_cast<std::int32_t>(pid), pidfd);
  exit_group(0);
}

[[noreturn]] inline void walk(PlanHeader* plan) {
  for (std::uint32_t i = 0; i < plan->count; ++i) {
    const Op& op = plan->ops[i];
    plan->reached = i;
    const auto index = static_cast<std::int32_t>(i);
    Word a[6];
    for (int k = 0; k < 6; ++k)
      a[k] = (op.from_slot >> k) & 1 ? static_cast<Word>(plan->slot[op.argument[k]]) : op.argument[k];
    long result = 0;
    switch (static_cast<Special>(op.code)) {
      case Special::CheckCwd: result = check_cwd(); break;
      case Special::Require: result = a[0] == a[1] ? 0 : -static_cast<long>(a[2]); break;
      case Special::Load32: result = *reinterpret_cast<const volatile std::int32_t*>(a[0]); break;
      case Special::SendFd: send_status(plan, static_cast<StatusKind>(a[1]), index, 0, static_cast<int>(a[0])); break;
      case Special::Fork: result = fork_sibling(plan, index); break;
      case Special::Exec: result = exec_first(reinterpret_cast<const Word*>(a[0]), a[1], a[2]); break;
      default: result = call(op.code, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
    if (result < 0 && result != -op.tolerate[0] && result != -op.tolerate[1] &&
        static_cast<Special>(op.code) != Special::Load32) {
      send_status(plan, StatusKind::Failed, index, static_cast<std::int32_t>(-result));
      if (static_cast<Special>(op.code) != Special::Exec) exit_group(kSetupFailed);
      exit_group(result == -ENOENT ? kNotFound : kNotExecutable);
    }
    if (op.save >= 0) plan->slot[op.save] = result;
  }
  exit_group(kSetupFailed);
}

}  // namespace berth::init
