// Outgoing TCP: addresses tried beside each other, waiting that ends when somebody asks for it. Blocks the calling
// thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::sys {

struct TcpPatience {
  std::chrono::milliseconds connect{30'000};
  int stop_fd = -1;  // readable: ErrorKind::Cancelled
};

// A connected, non-blocking socket (TCP_NODELAY, keep-alive). The addresses (text, not empty) of both families are
// tried in turn, 250 ms apart, and the first that answers is taken (RFC 8305). `name`: what they are of, for the error.
Result<UniqueFd> connect_tcp(const std::string& name, const std::vector<std::string>& addresses, std::uint16_t port,
                             const TcpPatience& patience);

enum class Ready { Read, Write };
// TimedOut, Cancelled, or success when the descriptor is ready (or has hung up).
Result<void> await_ready(int fd, Ready ready, std::chrono::milliseconds patience, int stop_fd);

// Waits for nothing but the end of the time, or for `stop_fd` (Cancelled).
Result<void> pause(std::chrono::milliseconds time, int stop_fd);

}  // namespace berth::sys
