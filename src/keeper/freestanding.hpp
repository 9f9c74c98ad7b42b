// What the compiler calls without being asked, and small pieces that a program without a C library needs.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>

#include "berth/init/raw.hpp"
#include "berth/init/wire.hpp"

extern "C" void* memset(void* to, int byte, size_t count);
extern "C" void* memcpy(void* to, const void* from, size_t count);

namespace berth::keeper {

using init::call;
using init::close_fd;
using init::exit_group;
using init::Kind;
using init::Message;
using init::word;
using init::Word;

inline constexpr int kMaxMessageFds = 253;

inline bool same(const char* a, const char* b) {
  while (*a && *a == *b) ++a, ++b;
  return *a == *b;
}

template <unsigned Size>
void copy_name(char (&to)[Size], const char* from) {
  unsigned i = 0;
  for (; i < Size - 1 && from[i]; ++i) to[i] = from[i];
  to[i] = 0;
}

// Appends to a buffer and never beyond it.
template <unsigned Size>
struct Text {
  char bytes[Size] = {};
  unsigned length = 0;
  Text& add(const char* text) {
    while (*text && length < Size - 1) bytes[length++] = *text++;
    bytes[length] = 0;
    return *this;
  }
  Text& add(long number) {
    char digits[24];
    char* at = digits + sizeof digits;
    *--at = 0;
    const bool negative = number < 0;
    auto n = static_cast<unsigned long>(negative ? -number : number);
    do *--at = static_cast<char>('0' + n % 10);
    while (n /= 10);
    if (negative) *--at = '-';
    return add(at);
  }
};

inline long now_ms() {
  timespec time{};
  call(SYS_clock_gettime, CLOCK_BOOTTIME, word(&time));
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

inline Message message_of(Kind kind, const char* name = "") {
  Message message{};
  message.kind = kind;
  copy_name(message.name, name);
  return message;
}

struct Received {
  Message message{};
  int fds[kMaxMessageFds];
  int count = 0;
};

// One packet. 1: there; 0: the other side is gone; negative errno. Descriptors of a packet that is no Message are
// closed.
long receive(int socket, Received& received, int flags);
long send(int socket, const Message& message, const int* fds, int count, int flags);
void close_all(Received& received);

// Maps the arenas the supervisor names and clones on its word, for as long as it lives.
[[noreturn]] void run_zygote(int socket);

}  // namespace berth::keeper
