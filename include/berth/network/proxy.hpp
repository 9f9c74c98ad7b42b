// Loopback side of published TCP ports: accepts on the reserved sockets and carries bytes to the container with splice.
//
// All descriptors sit in one epoll set, so the event loop watches a single descriptor: fd() readable -> on_ready().
// Established connections end with the process; the listening sockets are borrowed (they are parked elsewhere).
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "berth/base/error.hpp"
#include "berth/sys/ipv4.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::network {

class TcpProxy {
 public:
  static Result<TcpProxy> create();
  TcpProxy(TcpProxy&&) noexcept;
  TcpProxy& operator=(TcpProxy&&) noexcept;
  ~TcpProxy();

  int fd() const noexcept;
  // Connections to `listener` go to container:port from now on; an earlier target of the same listener is replaced.
  Result<void> serve(int listener, sys::Ipv4 container, std::uint16_t port);
  void forget(int listener);  // before it is closed; established connections go on
  void on_ready();            // everything that can be done without waiting
  std::size_t connections() const noexcept;

 private:
  struct State;
  explicit TcpProxy(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace berth::network
