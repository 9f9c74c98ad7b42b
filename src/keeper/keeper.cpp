// keeper: parent of a stack's containers and of their supervisor, holder of descriptors, writer of exit records.
// Freestanding and static: no C library, no allocation. Usage: KEEPER RUN_DIR LOCK_FD ADOPT_FD SUPERVISOR [ARGUMENT...]
//
// The protocol is berth/init/wire.hpp. It never waits for the supervisor: what cannot be sent now is sent when there is
// room.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "berth/init/plan.hpp"
#include "freestanding.hpp"

namespace berth::keeper {

namespace {

constexpr int kMaxParked = 8192;
constexpr int kMaxChildren = 4096;
constexpr int kDeathLimit = 5;         // that many deaths of the supervisor …
constexpr long kDeathWindow = 10'000;  // … within these milliseconds: stop restarting
constexpr const char* kReasonFile = "keeper.reason";
constexpr const char* kEndingFile = "ending";

struct Parked {
  int fd;
  char name[sizeof(Message::name)];
};
struct Child {
  int pid;
  bool ended;  // reaped; the supervisor has not been told yet
  int status;
  char name[sizeof(Message::name)];
};

Parked parked[kMaxParked];
int parked_count;
Child children[kMaxChildren];
int child_count;
int running_named;  // children with a name that have not ended

int peer = -1;   // our end of the pair with the supervisor
int supervisor;  // pid; 0: none
int zygote;      // pid
int lock_fd = -1;
int restarts;
long deaths[kDeathLimit];
int death_count;
long restart_at = -1;   // when to start the next supervisor; -1: not planned
int reason_watch = -1;  // inotify descriptor while we have given up
bool quitting;
char** supervisor_argv;
char** environment;

// --- records
// -------------------------------------------------------------------------------------------------------------

void write_file(const char* path, const char* text, unsigned length) {
  Text<160> temporary;
  temporary.add(path).add(".tmp");
  long fd = call(SYS_openat, word(AT_FDCWD), word(temporary.bytes), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;  // a full or vanished run directory: Exited still tells the supervisor
  const bool whole = call(SYS_write, word(fd), word(text), length) == static_cast<long>(length);
  close_fd(static_cast<int>(fd));
  if (whole) call(SYS_renameat2, word(AT_FDCWD), word(temporary.bytes), word(AT_FDCWD), word(path), 0);
}

bool is_file_name(const char* name) {
  if (!*name || *name == '.') return false;
  for (; *name; ++name) {
    const char c = *name;
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
          c == '-'))
      return false;
  }
  return true;
}

void record_exit(const Child& child) {
  if (!is_file_name(child.name)) return;
  Text<128> path;
  path.add("exits/").add(child.name);
  Text<32> value;
  value.add(child.status).add("\n");
  write_file(path.bytes, value.bytes, value.length);
}

// --- children
// ------------------------------------------------------------------------------------------------------------

Child* find_child(int pid) {
  for (int i = 0; i < child_count; ++i)
    if (children[i].pid == pid && !children[i].ended) return &children[i];
  return nullptr;
}

void add_child(int pid, const char* name) {
  Child* child = find_child(pid);
  if (!child) {
    if (child_count == kMaxChildren) return;  // runs on, its exit is told without a name
    child = &children[child_count++];
    *child = {};
    child->pid = pid;
  }
  if (!child->name[0] && *name) ++running_named;
  copy_name(child->name, name);
}

bool is_our_child(int pid) {
  siginfo_t info;
  return call(SYS_waitid, P_PID, word(pid), word(&info), WEXITED | WNOHANG | WNOWAIT, 0) == 0;
}

// The process may have ended before its name came: killed at its gate, with the container that it was to join. A child
// that is not there would never be reaped, and running_named never be 0.
void name_child(int pid, const char* name) {
  if (find_child(pid) || is_our_child(pid)) return add_child(pid, name);
  for (int i = 0; i < child_count; ++i) {
    Child& child = children[i];  // ended, not told yet
    if (child.pid != pid || child.name[0]) continue;
    copy_name(child.name, name);
    record_exit(child);
  }
}

// Tells the supervisor of the exits that it does not know yet, as far as there is room. True: nothing is owed.
bool tell_exits() {
  for (int i = 0; i < child_count;) {
    if (!children[i].ended) {
      ++i;
      continue;
    }
    Message message = message_of(Kind::Exited, children[i].name);
    message.pid = children[i].pid;
    message.value = children[i].status;
    if (peer < 0 || send(peer, message, nullptr, 0, MSG_DONTWAIT) < 0) return false;
    children[i] = children[--child_count];
  }
  return true;
}

// --- starting
// ------------------------------------------------------------------------------------------------------------

void clear_signal_mask() {
  Word none = 0;
  call(SYS_rt_sigprocmask, SIG_SETMASK, word(&none), 0, 8);
}

// Returns the supervisor's end of the zygote's socket.
int start_zygote() {
  int pair[2] = {-1, -1};
  if (call(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, word(pair)) < 0) return -1;
  long pid = call(SYS_fork);
  if (pid == 0) {
    // Nothing of the keeper's may live on in here: not the lock, not the parked descriptors, not the supervisor's
    // socket.
    call(SYS_dup3, word(pair[0]), 3, O_CLOEXEC);
    call(SYS_close_range, 4, word(~0L) >> 32, 0);
    run_zygote(3);
  }
  close_fd(pair[0]);
  if (pid > 0) zygote = static_cast<int>(pid);
  return pair[1];
}

void say_hello() {
  Message hello = message_of(Kind::Hello);
  hello.pid = static_cast<int>(call(SYS_getpid));
  hello.value = init::kWireVersion;
  hello.size = static_cast<Word>(restarts);
  send(peer, hello, nullptr, 0, MSG_DONTWAIT);
}

void start_supervisor() {
  restart_at = -1;
  int pair[2] = {-1, -1};
  if (call(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, word(pair)) < 0) {
    restart_at = now_ms() + 1000;  // out of descriptors or memory: the containers are worth waiting for
    return;
  }
  const int to_zygote = start_zygote();
  peer = pair[0];
  say_hello();
  long pid = call(SYS_fork);
  if (pid == 0) {
    // Both above the fixed numbers first, because either may be sitting on the other's.
    long keeper_end = call(SYS_fcntl, word(pair[1]), F_DUPFD_CLOEXEC, 16);
    long zygote_end = call(SYS_fcntl, word(to_zygote), F_DUPFD_CLOEXEC, 16);
    call(SYS_dup3, word(keeper_end), word(init::kKeeperFd), 0);
    call(SYS_dup3, word(zygote_end), word(init::kZygoteFd), 0);
    clear_signal_mask();
    call(SYS_execve, word(supervisor_argv[0]), word(supervisor_argv), word(environment));
    exit_group(127);
  }
  close_fd(pair[1]);
  if (to_zygote >= 0) close_fd(to_zygote);
  supervisor = pid > 0 ? static_cast<int>(pid) : 0;
  if (pid < 0) {
    close_fd(peer);
    peer = -1;
    restart_at = now_ms() + 1000;
  }
}

// Forks a child of our own small address space that walks the plan.
long fork_launch(const Message& message, const int* fds, int count, int* pidfd) {
  if (count < 2 || count - 1 > init::kMaxFds) return -EINVAL;
  clone_args args{};
  args.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND | message.flags;
  args.pidfd = word(pidfd);
  args.exit_signal = SIGCHLD;
  long pid = call(SYS_clone3, word(&args), sizeof args);
  if (pid != 0) return pid;
  call(SYS_prctl, PR_SET_DUMPABLE, 0);
  close_fd(lock_fd);
  close_fd(peer);
  for (int i = 0; i < parked_count; ++i) close_fd(parked[i].fd);
  long at = call(SYS_mmap, message.base, message.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE,
                 word(fds[0]), 0);
  if (at < 0) exit_group(init::kSetupFailed);
  auto* plan = reinterpret_cast<init::PlanHeader*>(at);
  for (int i = 1; i < count; ++i) plan->slot[i - 1] = fds[i];
  init::walk(plan);
}

void launch(const Message& message, const int* fds, int count) {
  int pidfd = -1;
  Message answer = message_of(Kind::Launched, message.name);
  answer.pid = static_cast<int>(fork_launch(message, fds, count, &pidfd));
  answer.base = message.base;
  if (answer.pid > 0 && !(message.value & init::kLaunchUnnamed)) add_child(answer.pid, message.name);
  send(peer, answer, &pidfd, answer.pid > 0 ? 1 : 0, 0);
  if (pidfd >= 0) close_fd(pidfd);
}

// --- messages
// ------------------------------------------------------------------------------------------------------------

void park(Received& received) {
  for (int i = 0; i < received.count; ++i) {
    if (parked_count == kMaxParked) {
      close_fd(received.fds[i]);
      continue;
    }
    parked[parked_count].fd = received.fds[i];
    copy_name(parked[parked_count++].name, received.message.name);
  }
  received.count = 0;  // they are ours now
}

void drop(const char* name) {
  for (int i = 0; i < parked_count;) {
    if (!same(parked[i].name, name)) {
      ++i;
      continue;
    }
    close_fd(parked[i].fd);
    parked[i] = parked[--parked_count];
  }
}

// The supervisor reads while this sends, see KeeperLink::fetch.
void send_parked() {
  for (int i = 0; i < parked_count; ++i) send(peer, message_of(Kind::Park, parked[i].name), &parked[i].fd, 1, 0);
  Message end = message_of(Kind::FetchEnd);
  end.value = parked_count;
  send(peer, end, nullptr, 0, 0);
}

void renew_zygote() {
  const int socket = start_zygote();
  send(peer, message_of(Kind::Zygote), &socket, socket >= 0 ? 1 : 0, 0);
  if (socket >= 0) close_fd(socket);
}

// False: nothing more there, or the supervisor is gone.
bool handle_message() {
  static Received received;
  long result = receive(peer, received, MSG_DONTWAIT);
  if (result == -EBADMSG) return true;
  if (result <= 0) return false;
  const Message& message = received.message;
  switch (message.kind) {
    case Kind::Park: park(received); break;
    case Kind::Drop: drop(message.name); break;
    case Kind::Fetch: send_parked(); break;
    case Kind::Launch: launch(message, received.fds, received.count); break;
    case Kind::Name: name_child(message.pid, message.name); break;
    case Kind::NewZygote: renew_zygote(); break;
    case Kind::Quit:
      quitting = true;
      write_file(kEndingFile, "", 0);  // whoever wants a new pair waits for our lock from now on
      break;
    default: break;  // of a later version
  }
  close_all(received);
  return true;
}

// --- the supervisor's death
// ------------------------------------------------------------------------------------------------

// Stays with the containers. Whoever removes the file asks for another try.
void give_up(int status) {
  Text<256> reason;
  reason.add("the supervisor ended ")
      .add(kDeathLimit)
      .add(" times within ")
      .add(kDeathWindow / 1000)
      .add(" s, at last ");
  if (WIFSIGNALED(status))
    reason.add("by signal ").add(WTERMSIG(status));
  else
    reason.add("with code ").add(WEXITSTATUS(status));
  reason.add("; the containers run on\n");
  write_file(kReasonFile, reason.bytes, reason.length);
  reason_watch = static_cast<int>(call(SYS_inotify_init1, IN_CLOEXEC | IN_NONBLOCK));
  if (call(SYS_inotify_add_watch, word(reason_watch), word(kReasonFile), IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF) >=
      0)
    return;
  close_fd(reason_watch);
  reason_watch = -1;
  restart_at = now_ms() + kDeathWindow;  // nowhere to leave word: try again, slowly
}

void plan_restart(int status) {
  const long now = now_ms();
  if (death_count == kDeathLimit)
    for (int i = 1; i < kDeathLimit; ++i) deaths[i - 1] = deaths[i];
  else
    ++death_count;
  deaths[death_count - 1] = now;
  int recent = 0;
  for (int i = 0; i < death_count; ++i)
    if (now - deaths[i] < kDeathWindow) ++recent;
  ++restarts;
  if (recent >= kDeathLimit) return give_up(status);
  restart_at = recent == 1 ? now : now + (100L << (recent - 2));
}

void supervisor_died(int status) {
  supervisor = 0;
  while (handle_message()) {  // what it sent before it died still counts
  }
  close_fd(peer);
  peer = -1;
  if (!quitting) plan_restart(status);
}

void try_again() {
  call(SYS_unlinkat, word(AT_FDCWD), word(kReasonFile), 0);
  close_fd(reason_watch);
  reason_watch = -1;
  death_count = 0;
  start_supervisor();
}

void reap() {
  for (;;) {
    int status = 0;
    long result = call(SYS_wait4, word(-1), word(&status), WNOHANG, 0);
    if (result <= 0) return;
    const int pid = static_cast<int>(result);
    if (pid == supervisor) {
      supervisor_died(status);
      continue;
    }
    if (pid == zygote) {
      zygote = 0;
      continue;
    }
    // It is in the list before a Name that is waiting is read: is_our_child does not know it any more.
    if (!find_child(pid)) add_child(pid, "");
    while (peer >= 0 && handle_message()) {}
    Child* child = find_child(pid);
    if (!child) continue;  // the list was full
    if (child->name[0]) --running_named;
    child->ended = true;
    child->status = status;
    record_exit(*child);
  }
}

// --- start and loop
// --------------------------------------------------------------------------------------------------------

long number_of(const char* text) {
  if (*text == '-') return -1;
  long n = 0;
  while (*text >= '0' && *text <= '9') n = n * 10 + (*text++ - '0');
  return n;
}

void settle(const char* run_dir) {
  call(SYS_chdir, word(run_dir));
  call(SYS_mkdirat, word(AT_FDCWD), word("exits"), 0700);
  call(SYS_unlinkat, word(AT_FDCWD), word(kReasonFile), 0);
  call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1);
  call(SYS_prctl, PR_SET_DUMPABLE, 0);
  call(SYS_prctl, PR_SET_NAME, word("berth-keeper"));
  long fd = call(SYS_openat, word(AT_FDCWD), word("/proc/self/oom_score_adj"), O_WRONLY | O_CLOEXEC);
  if (fd >= 0) {  // refused without CAP_SYS_RESOURCE: then we are as safe as any process
    call(SYS_write, word(fd), word("-999"), 4);
    close_fd(static_cast<int>(fd));
  }
  // CLONE_CLEAR_SIGHAND leaves ignored signals ignored, in the containers too.
  const Word defaults[4] = {};
  for (int n = 1; n <= 64; ++n) call(SYS_rt_sigaction, word(n), word(defaults), 0, 8);
}

// A supervisor whose keeper died hands its descriptors over and ends.
void adopt(int socket) {
  static Received received;
  for (;;) {
    long result = receive(socket, received, 0);
    if (result == -EINTR || result == -EBADMSG) continue;
    if (result <= 0) break;
    if (received.message.kind == Kind::Park) park(received);
    close_all(received);
  }
  close_fd(socket);
}

int wait_ms() {
  if (restart_at < 0) return -1;
  const long left = restart_at - now_ms();
  return left > 0 ? static_cast<int>(left) : 0;
}

bool finished() { return quitting && supervisor == 0 && running_named == 0; }

[[noreturn]] void serve(int signals) {
  for (;;) {
    const bool owing = !tell_exits() && peer >= 0;
    if (finished()) exit_group(0);
    // A peer that has hung up is of no interest until its process is reaped: POLLHUP would come without end.
    static bool hung_up;
    if (peer < 0) hung_up = false;
    pollfd watched[3] = {{signals, POLLIN, 0},
                         {hung_up ? -1 : peer, static_cast<short>(owing ? POLLIN | POLLOUT : POLLIN), 0},
                         {reason_watch, POLLIN, 0}};
    call(SYS_poll, word(watched), 3, word(wait_ms()));
    if (watched[1].revents & POLLIN) {
      if (!handle_message() && (watched[1].revents & POLLHUP)) hung_up = true;
    } else if (watched[1].revents & (POLLHUP | POLLERR)) {
      hung_up = true;
    }
    if (watched[0].revents & POLLIN) {
      signalfd_siginfo info;
      while (call(SYS_read, word(signals), word(&info), sizeof info) > 0) {}
      reap();
      if (peer < 0) hung_up = false;
    }
    if (watched[2].revents & POLLIN) try_again();
    if (restart_at >= 0 && !quitting && now_ms() >= restart_at) {
      start_supervisor();
      hung_up = false;
    }
  }
}

}  // namespace

}  // namespace berth::keeper

extern "C" [[noreturn]] void keeper_main(long argc, char** argv) {
  using namespace berth::keeper;
  if (argc < 5) exit_group(2);
  lock_fd = static_cast<int>(number_of(argv[2]));
  supervisor_argv = argv + 4;
  environment = argv + argc + 1;
  call(SYS_fcntl, word(lock_fd), F_SETFD, FD_CLOEXEC);
  settle(argv[1]);
  Word mask = (Word{1} << (SIGCHLD - 1)) | (Word{1} << (SIGPIPE - 1));
  call(SYS_rt_sigprocmask, SIG_SETMASK, word(&mask), 0, 8);
  Word child_signal = Word{1} << (SIGCHLD - 1);
  const long signals = call(SYS_signalfd4, word(-1), word(&child_signal), 8, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) exit_group(1);
  const long adoption = number_of(argv[3]);
  if (adoption >= 0) adopt(static_cast<int>(adoption));
  start_supervisor();
  serve(static_cast<int>(signals));
}

asm(".globl _start\n_start:\n\txor %ebp,%ebp\n\tmov (%rsp),%rdi\n\tlea 8(%rsp),%rsi\n\tand $-16,%rsp\n\tcall "
    "keeper_main\n\tud2\n");
