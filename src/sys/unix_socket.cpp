#include "berth/sys/unix_socket.hpp"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>

#include "berth/sys/file.hpp"

namespace berth::sys {
namespace {

// The directory stays open while the address is in use.
struct SocketAddress {
  UniqueFd directory;
  sockaddr_un address{};
  std::string name;
};

Result<SocketAddress> socket_address(const std::string& path) {
  SocketAddress out;
  const auto slash = path.rfind('/');
  out.name = slash == std::string::npos ? path : path.substr(slash + 1);
  auto directory = open(slash == std::string::npos ? "."
                        : slash == 0               ? "/"
                                                   : path.substr(0, slash),
                        O_PATH | O_DIRECTORY);
  if (!directory) return directory.error();
  out.directory = std::move(*directory);
  const auto text = "/proc/self/fd/" + std::to_string(out.directory.get()) + "/" + out.name;
  if (out.name.empty() || text.size() >= sizeof out.address.sun_path)
    return Error::system(ENAMETOOLONG, "address socket", path);
  out.address.sun_family = AF_UNIX;
  memcpy(out.address.sun_path, text.c_str(), text.size() + 1);
  return out;
}

Result<UniqueFd> unix_stream() {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Error::system(errno, "create a socket");
  return fd;
}

constexpr std::size_t kMostDescriptors = 32;

}  // namespace

// Bound under another name and renamed once it listens: whoever waits for the file to appear may connect at once.
Result<UniqueFd> listen_unix(const std::string& path) {
  const std::string early = path + ".new";
  auto at = socket_address(early);
  if (!at) return at.error();
  auto fd = unix_stream();
  if (!fd) return fd;
  if (unlinkat(at->directory.get(), at->name.c_str(), 0) != 0 && errno != ENOENT)
    return Error::system(errno, "remove", early);
  // The mode of the socket's inode becomes the file's: set before bind, so that it is never wider.
  if (fchmod(fd->get(), 0600) != 0) return Error::system(errno, "set the mode of", path);
  if (bind(fd->get(), reinterpret_cast<const sockaddr*>(&at->address), sizeof at->address) != 0)
    return Error::system(errno, "bind", path);
  if (listen(fd->get(), 64) != 0) return Error::system(errno, "listen on", path);
  if (rename(early.c_str(), path.c_str()) != 0) return Error::system(errno, "rename to", path);
  return fd;
}

Result<UniqueFd> connect_unix(const std::string& path) {
  auto at = socket_address(path);
  if (!at) return at.error();
  auto fd = unix_stream();
  if (!fd) return fd;
  if (connect(fd->get(), reinterpret_cast<const sockaddr*>(&at->address), sizeof at->address) == 0) return fd;
  if (errno == ECONNREFUSED) return Error::make(ErrorKind::NotFound, "nobody listens on `" + path + "`");
  // EAGAIN: the backlog is full, which a Unix socket reports at once instead of waiting.
  return Error::system(errno, "connect to", path);
}

Result<UniqueFd> accept_unix(int listening) {
  UniqueFd fd(accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (fd || errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) return fd;
  return Error::system(errno, "accept a connection");
}

Result<PeerCredentials> peer_credentials(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return Error::system(errno, "read the credentials of a peer");
  PeerCredentials out;
  out.pid = credentials.pid, out.uid = credentials.uid, out.gid = credentials.gid;
  return out;
}

Result<std::size_t> send_some(int socket, std::string_view bytes, const std::vector<int>& descriptors) {
  if (descriptors.size() > kMostDescriptors)
    return Error::make(ErrorKind::Invalid, "too many descriptors for one message");
  alignas(cmsghdr) char control[CMSG_SPACE(kMostDescriptors * sizeof(int))];
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part, message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(descriptors.size() * sizeof(int));
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
    memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size() * sizeof(int));
  }
  for (;;) {
    const auto sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EAGAIN) return std::size_t{0};
    if (errno != EINTR) return Error::system(errno, "send to a peer");
  }
}

Result<ReceivedBytes> receive_some(int socket, std::span<char> into) {
  alignas(cmsghdr) char control[CMSG_SPACE(kMostDescriptors * sizeof(int))];
  iovec part{into.data(), into.size()};
  msghdr message{};
  message.msg_iov = &part, message.msg_iovlen = 1;
  message.msg_control = control, message.msg_controllen = sizeof control;
  ssize_t got;
  do got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  ReceivedBytes out;
  if (got < 0) {
    if (errno == EAGAIN) return out;
    return Error::system(errno, "receive from a peer");
  }
  for (auto* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const auto count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      out.descriptors.emplace_back(fd);
    }
  }
  if (message.msg_flags & MSG_CTRUNC)
    return Error::make(ErrorKind::Protocol, "a peer's descriptors did not all arrive");
  out.size = static_cast<std::size_t>(got);
  out.ended = got == 0;
  return out;
}

Result<UniqueFd> signal_on_hangup(const std::string& address, int signal) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (address.empty() || address.size() >= sizeof at.sun_path)
    return Error::system(ENAMETOOLONG, "address socket", address);
  memcpy(at.sun_path, address.data(), address.size());
  const bool abstract = address[0] == '@';
  if (abstract) at.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size() + (abstract ? 0 : 1));
  auto fd = unix_stream();
  if (!fd) return fd;
  if (connect(fd->get(), reinterpret_cast<const sockaddr*>(&at), length) != 0)
    return Error::system(errno, "connect to", address);
  if (fcntl(fd->get(), F_SETSIG, signal) < 0 || fcntl(fd->get(), F_SETOWN, getpid()) < 0 ||
      fcntl(fd->get(), F_SETFL, O_NONBLOCK | O_ASYNC) < 0)
    return Error::system(errno, "watch", address);
  char byte;
  if (recv(fd->get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) ::raise(signal);  // closed before it was watched
  return fd;
}

Result<UniqueFd> duplicate(int fd) {
  UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) return Error::system(errno, "duplicate a descriptor");
  return copy;
}

}  // namespace berth::sys
