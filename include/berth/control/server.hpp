// Listens on a stack's control.sock and does the Hello of each conversation. Peers other than root and our own user are
// refused before a byte is read; the socket is 0600. Paths may be longer than the 107 bytes of a socket address
// (sys/unix_socket.hpp).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "berth/async/loop.hpp"
#include "berth/base/error.hpp"
#include "berth/control/connection.hpp"

namespace berth::control {

struct Peer {
  int pid = 0;  // of the process that connected
  std::string build;
};

class Server {
 public:
  // A greeted client. start() it and keep it; its first message is the request. Where the protocols differ the only
  // request that can arrive is Shutdown (any other is answered with a Problem and Done).
  using Accepted = std::function<void(std::unique_ptr<Connection>, Peer)>;

  // A socket file that nobody listens on any more is replaced; the caller holds the lock that makes this safe.
  static Result<std::unique_ptr<Server>> listen(async::Loop& loop, const std::string& path, std::string build,
                                                Accepted accepted);
  // Goes on with a listening socket that the keeper parked.
  static Result<std::unique_ptr<Server>> adopt(async::Loop& loop, sys::UniqueFd listening, std::string build,
                                               Accepted accepted);
  ~Server();
  int fd() const noexcept;  // to be parked
  // Connections that are still being greeted go too. Does not remove the file.
  void stop_accepting();

 private:
  struct Impl;
  explicit Server(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace berth::control
