// The zygote: a disposable process between supervisor and containers. Its children share its (empty) memory until exec
// and are the keeper's children (CLONE_PARENT). Whatever happens to that memory, an OOM kill of the container's cgroup
// or a debugger in a shared pid namespace, happens to nobody else. It keeps no state: where a launch stands is written
// in its arena.
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "berth/init/plan.hpp"
#include "freestanding.hpp"

namespace berth::keeper {

namespace {

int stack_socket = -1;  // the supervisor's other end

// The child lets go of the socket at once: a supervisor whose zygote died sees the end of it while a child that nobody
// told it of still stands at its gate.
void enter(void* plan) {
  close_fd(stack_socket);
  init::walk(static_cast<init::PlanHeader*>(plan));
}

constexpr unsigned kStackSize = 16 << 10;  // at the end of the arena

long clone_child(const Message& message, const int* fds, int count, int* pidfd) {
  if (message.size < kStackSize + sizeof(init::PlanHeader) || count > init::kMaxFds) return -EINVAL;
  auto* plan = reinterpret_cast<init::PlanHeader*>(message.base);
  for (int i = 0; i < count; ++i) plan->slot[i] = fds[i];
  plan->alive = 1;
  clone_args args{};
  args.flags = CLONE_VM | CLONE_PARENT | CLONE_PIDFD | CLONE_CLEAR_SIGHAND | CLONE_CHILD_CLEARTID | message.flags;
  args.stack = message.base + message.size - kStackSize;
  args.stack_size = kStackSize;
  args.pidfd = word(pidfd);
  args.child_tid = word(const_cast<std::uint32_t*>(&plan->alive));
  long pid = init::clone_into(&args, enter, plan);
  if (pid < 0) plan->alive = 0;
  return pid;
}

// Containers begin with the ordinary value; ours is the keeper's -999.
void reset_oom_score() {
  long fd = call(SYS_openat, word(AT_FDCWD), word("/proc/self/oom_score_adj"), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  call(SYS_write, word(fd), word("0"), 1);
  close_fd(static_cast<int>(fd));
}

}  // namespace

void run_zygote(int socket) {
  call(SYS_prctl, PR_SET_DUMPABLE, 0);
  call(SYS_prctl, PR_SET_NAME, word("berth-zygote"));
  reset_oom_score();
  stack_socket = socket;
  for (;;) {
    Received received;
    long result = receive(socket, received, 0);
    if (result == -EINTR || result == -EBADMSG) continue;
    if (result <= 0) exit_group(0);  // the supervisor is gone
    const Message& message = received.message;
    if (message.kind == Kind::Map && received.count == 1) {
      call(SYS_mmap, message.base, message.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE,
           word(received.fds[0]), 0);
    } else if (message.kind == Kind::Launch) {
      int pidfd = -1;
      Message answer = message_of(Kind::Launched, message.name);
      answer.pid = static_cast<int>(clone_child(message, received.fds, received.count, &pidfd));
      answer.base = message.base;
      send(socket, answer, &pidfd, answer.pid > 0 ? 1 : 0, 0);
      if (pidfd >= 0) close_fd(pidfd);
    }
    close_all(received);
  }
}

}  // namespace berth::keeper
