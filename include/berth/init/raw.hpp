// Raw system calls for code that must run without a C library: the keeper, the zygote and what happens between clone
// and exec. No errno, no thread-local storage, no allocation; a failure is the negative errno. x86-64 only.
//
// Code that uses this in a child which shares its parent's memory is compiled without a stack protector.
#pragma once

#include <linux/sched.h>
#include <sys/syscall.h>

#include <cstddef>
#include <cstdint>

#ifndef __x86_64__
#error "the launch code is written for x86-64"
#endif

namespace berth::init {

using Word = std::uint64_t;

inline Word word(int n) { return static_cast<Word>(static_cast<std::int64_t>(n)); }
inline Word word(long n) { return static_cast<Word>(n); }
template <class T>
Word word(T* pointer) {
  return reinterpret_cast<Word>(pointer);
}

inline long call(long number, Word a = 0, Word b = 0, Word c = 0, Word d = 0, Word e = 0, Word f = 0) {
  long result;
  register Word r10 asm("r10") = d;
  register Word r8 asm("r8") = e;
  register Word r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

[[noreturn]] inline void exit_group(int code) {
  for (;;) call(SYS_exit_group, word(code));
}

inline long close_fd(int fd) { return call(SYS_close, word(fd)); }

// clone3 whose child starts in entry(argument) on the stack that `args` names; entry must not return. glibc's wrappers
// cannot do this with CLONE_PARENT (exit_signal must be 0), and their child would run on our stack.
inline long clone_into(clone_args* args, void (*entry)(void*), void* argument) {
  long result;
  register auto r12 asm("r12") = entry;
  register auto r13 asm("r13") = argument;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%r13, %%rdi\n\t"
      "call *%%r12\n\t"
      "ud2\n"
      "1:"
      : "=a"(result)
      : "a"(static_cast<long>(SYS_clone3)), "D"(args), "S"(sizeof *args), "r"(r12), "r"(r13)
      : "rcx", "r11", "memory");
  return result;
}

}  // namespace berth::init
