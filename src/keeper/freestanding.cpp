#include "freestanding.hpp"

#include <errno.h>
#include <sys/uio.h>

extern "C" void* memset(void* to, int byte, size_t count) {
  auto* at = static_cast<volatile char*>(to);
  while (count--) *at++ = static_cast<char>(byte);
  return to;
}

extern "C" void* memcpy(void* to, const void* from, size_t count) {
  auto* at = static_cast<volatile char*>(to);
  auto* source = static_cast<const char*>(from);
  while (count--) *at++ = *source++;
  return to;
}

namespace berth::keeper {

long send(int socket, const Message& message, const int* fds, int count, int flags) {
  iovec part{const_cast<Message*>(&message), sizeof message};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxMessageFds)];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (count > 0) {
    const auto bytes = sizeof(int) * static_cast<unsigned>(count);
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(bytes);
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(bytes);
    memcpy(CMSG_DATA(rights), fds, bytes);
  }
  for (;;) {
    long result = call(SYS_sendmsg, word(socket), word(&header), word(MSG_NOSIGNAL | flags));
    if (result != -EINTR) return result;
  }
}

long receive(int socket, Received& received, int flags) {
  iovec part{&received.message, sizeof received.message};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxMessageFds)];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  received.count = 0;
  long size = call(SYS_recvmsg, word(socket), word(&header), word(MSG_CMSG_CLOEXEC | flags));
  if (size <= 0) return size;
  cmsghdr* rights = CMSG_FIRSTHDR(&header);
  if (rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
    received.count = static_cast<int>((rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(received.fds, CMSG_DATA(rights), sizeof(int) * static_cast<unsigned>(received.count));
  }
  received.message.name[sizeof received.message.name - 1] = 0;
  if (size != static_cast<long>(sizeof received.message)) {
    close_all(received);
    return -EBADMSG;
  }
  return 1;
}

void close_all(Received& received) {
  for (int i = 0; i < received.count; ++i) close_fd(received.fds[i]);
  received.count = 0;
}

}  // namespace berth::keeper
