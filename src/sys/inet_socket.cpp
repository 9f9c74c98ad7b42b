#include "berth/sys/inet_socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <cerrno>
#include <cstring>

namespace berth::sys {
namespace {

struct InetAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  int family() const { return bytes.ss_family; }
};
Result<InetAddress> inet_address(const std::string& text, std::uint16_t port) {
  InetAddress out;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out.bytes);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.bytes);
  if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out.size = sizeof *v4;
  } else if (std::memset(&out.bytes, 0, sizeof out.bytes); ::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    out.size = sizeof *v6;
  } else {
    return Error::make(ErrorKind::Invalid, "`" + text + "` is no IP address");
  }
  return out;
}
std::string inet_text(const std::string& address, std::uint16_t port) {
  return (address.find(':') == std::string::npos ? address : '[' + address + ']') + ':' + std::to_string(port);
}
int inet_type(InetKind kind) {
  return (kind == InetKind::Tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
}

}  // namespace

Result<UniqueFd> bind_inet(InetKind kind, const std::string& address, std::uint16_t port) {
  auto to = inet_address(address, port);
  if (!to) return to.error();
  UniqueFd fd(::socket(to->family(), inet_type(kind), 0));
  if (!fd) return Error::system(errno, "open a socket for", inet_text(address, port));
  const int on = 1;
  // UDP without it: there it would let two programs share the port.
  if (kind == InetKind::Tcp) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (to->family() == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&to->bytes), to->size) < 0 ||
      (kind == InetKind::Tcp && ::listen(fd.get(), SOMAXCONN) < 0))
    return Error::system(errno, "bind", inet_text(address, port));
  return fd;
}

Result<UniqueFd> connect_inet(InetKind kind, const std::string& address, std::uint16_t port) {
  auto to = inet_address(address, port);
  if (!to) return to.error();
  UniqueFd fd(::socket(to->family(), inet_type(kind), 0));
  if (!fd) return Error::system(errno, "open a socket for", inet_text(address, port));
  if (kind == InetKind::Tcp) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&to->bytes), to->size) < 0 && errno != EINPROGRESS)
    return Error::system(errno, "connect to", inet_text(address, port));
  return fd;
}

UniqueFd accept_inet(int listener) {
  int fd = -1;
  // ECONNABORTED: that one left before we came; the next may be waiting.
  do fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
  return UniqueFd(fd);
}

std::uint16_t local_port(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) < 0) return 0;
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);  // at the same place in sockaddr_in6
}

Result<UniqueFd> create_epoll() {
  UniqueFd fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!fd) return Error::system(errno, "create an epoll set");
  return fd;
}
Result<void> watch_epoll(int epoll, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) == 0) return {};
  if (errno == ENOENT && ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return Error::system(errno, "watch a descriptor");
}
void forget_epoll(int epoll, int fd) { ::epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr); }

}  // namespace berth::sys
