// Loopback side of published UDP ports: datagrams that reach the reserved sockets go to the container, answers back to
// who asked, from the address that was asked.
//
//   client ──▶ reserved socket ──▶ a connected socket per client ──▶ container
//
// As TcpProxy (proxy.hpp): one epoll set, listening sockets borrowed. A client that is silent for 90 seconds is
// forgotten, the one silent longest where there are too many.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "berth/base/error.hpp"
#include "berth/sys/ipv4.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::network {

class UdpProxy {
 public:
  using Clock = std::chrono::steady_clock;
  static Result<UdpProxy> create();
  UdpProxy(UdpProxy&&) noexcept;
  UdpProxy& operator=(UdpProxy&&) noexcept;
  ~UdpProxy();

  int fd() const noexcept;
  // An earlier target of the same socket is replaced; its clients start anew.
  Result<void> serve(int socket, sys::Ipv4 container, std::uint16_t port);
  void forget(int socket);  // before it is closed; and its clients
  void on_ready(Clock::time_point now);
  std::optional<Clock::time_point> deadline() const;
  std::size_t clients() const noexcept;

 private:
  struct State;
  explicit UdpProxy(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace berth::network
