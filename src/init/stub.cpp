// pid 1 of a container with `init: true`: runs the program given as arguments, forwards every signal to it, reaps what
// is left to it, and ends with the program's code. Freestanding and static. Usage: STUB [--] PROGRAM [ARGUMENT...]
//
// The program gets its own process group and, where there is one, the terminal, so that ^C reaches it once and not
// twice.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "berth/init/raw.hpp"

namespace {

using berth::init::call;
using berth::init::exit_group;
using berth::init::word;
using berth::init::Word;

constexpr Word kAllSignals = ~Word{0};

void complain(const char* name, const char* what) {
  auto put = [](const char* text) {
    Word length = 0;
    while (text[length]) ++length;
    call(SYS_write, 2, word(text), length);
  };
  put("init: ");
  put(name);
  put(what);
}

// As execvp: the kernel gives us the environment behind the arguments.
[[noreturn]] void run(char** argv, char** environment) {
  char path[4096];
  long verdict = -ENOENT;
  bool slash = false;
  for (char* c = argv[0]; *c; ++c) slash = slash || *c == '/';
  const char* directories = "";
  if (!slash) {
    directories = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    for (char** e = environment; *e; ++e)
      if ((*e)[0] == 'P' && (*e)[1] == 'A' && (*e)[2] == 'T' && (*e)[3] == 'H' && (*e)[4] == '=') directories = *e + 5;
  }
  for (const char* at = directories;;) {
    unsigned length = 0;
    while (*at && *at != ':' && length < 3000) path[length++] = *at++;
    if (length) path[length++] = '/';
    for (char* c = argv[0]; *c && length < sizeof path - 1; ++c) path[length++] = *c;
    path[length] = 0;
    long result = call(SYS_execve, word(path), word(argv), word(environment));
    if (result != -ENOENT && result != -ENOTDIR) verdict = result;
    if (*at != ':') break;
    ++at;
  }
  complain(argv[0], verdict == -ENOENT ? ": not found\n" : ": cannot be executed\n");
  exit_group(verdict == -ENOENT ? 127 : 126);
}

// Reaps; ends with the child's code once it is gone (the kernel then kills what is left in our namespace).
void reap_all(int child) {
  for (;;) {
    int status = 0;
    long pid = call(SYS_wait4, word(-1), word(&status), WNOHANG, 0);
    if (pid <= 0) return;
    if (pid == child) exit_group(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
  }
}

}  // namespace

extern "C" [[noreturn]] void stub_main(long argc, char** argv) {
  char** environment = argv + argc + 1;
  char** program = argv + 1;
  if (argc > 1 && (*program)[0] == '-' && (*program)[1] == '-' && !(*program)[2]) ++program;
  if (program >= argv + argc) {
    complain("", "no program was given\n");
    exit_group(125);
  }
  Word before = 0;
  call(SYS_rt_sigprocmask, SIG_BLOCK, word(&kAllSignals), word(&before), 8);
  long child = call(SYS_fork);
  if (child == 0) {
    call(SYS_setpgid, 0, 0);
    int group = static_cast<int>(call(SYS_getpid));
    call(SYS_ioctl, 0, TIOCSPGRP,
         word(&group));  // SIGTTOU is blocked; without a terminal this fails and nothing is lost
    call(SYS_rt_sigprocmask, SIG_SETMASK, word(&before), 0, 8);
    run(program, environment);
  }
  if (child < 0) exit_group(125);
  for (;;) {
    siginfo_t info;
    long signal_number = call(SYS_rt_sigtimedwait, word(&kAllSignals), word(&info), 0, 8);
    if (signal_number == SIGCHLD) {
      reap_all(static_cast<int>(child));
    } else if (signal_number > 0 && signal_number != SIGTTIN && signal_number != SIGTTOU) {
      call(SYS_kill, word(-child), word(signal_number));
    }
  }
}

asm(".globl _start\n_start:\n\txor %ebp,%ebp\n\tmov (%rsp),%rdi\n\tlea 8(%rsp),%rsi\n\tand $-16,%rsp\n\tcall "
    "stub_main\n\tud2\n");
