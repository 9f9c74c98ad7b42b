// Non-blocking IP sockets and the epoll set they sit in. Addresses are text ("127.0.0.1", "::1"); errors name address
// and port.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::sys {

enum class InetKind { Tcp, Udp };
// Bound (port 0: any) and, for TCP, listening. IPv6 sockets take IPv6 only. Busy where the port is taken.
Result<UniqueFd> bind_inet(InetKind kind, const std::string& address, std::uint16_t port);
// TCP: the connection is under way when this returns; writable or an error says how it went.
Result<UniqueFd> connect_inet(InetKind kind, const std::string& address, std::uint16_t port);
// Empty where nobody waits.
UniqueFd accept_inet(int listener);
std::uint16_t local_port(int fd);

Result<UniqueFd> create_epoll();
// Watches for `events` (EPOLLIN, EPOLLOUT), level-triggered; the key is the descriptor. 0: only errors and hang-ups.
Result<void> watch_epoll(int epoll, int fd, std::uint32_t events);
void forget_epoll(int epoll, int fd);

}  // namespace berth::sys
