// One conversation over a connected Unix stream socket, both sides. Owned by one thread (the loop's). Never blocks:
// what the peer does not take yet is queued.
//
// Log lines are droppable, everything else is not. While more than kLogQueueBytes wait for a slow reader, offer()
// refuses: the first refusal queues LogsBehind, so that the reader goes on in the file from exactly there, and later
// lines of that container are refused at once. No container ever waits for a client. A peer that lets kMaxQueueBytes
// pile up is dropped.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "berth/async/loop.hpp"
#include "berth/base/error.hpp"
#include "berth/control/messages.hpp"
#include "berth/sys/unique_fd.hpp"
#include "berth/sys/unix_socket.hpp"

namespace berth::control {

inline constexpr std::size_t kLogQueueBytes = 1u << 20;
inline constexpr std::size_t kMaxQueueBytes = 128u << 20;

class Connection {
 public:
  struct Callbacks {
    std::function<void(Message, std::vector<sys::UniqueFd>)> on_message;
    // Once, and nothing after it: the peer closed between two messages (no error), or what went wrong. Not called by
    // close().
    std::function<void(std::optional<Error>)> on_closed;
  };

  // Reading starts when both are known: start().
  Connection(async::Loop& loop, sys::UniqueFd socket);
  ~Connection();  // closes at once; also from inside a callback
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start(Callbacks callbacks);
  // Queues, and writes what the socket takes. `descriptors` are borrowed for the call (duplicated).
  Result<void> send(const Message& message, const std::vector<int>& descriptors = {});
  // A line for the peer; false where it was too slow. `log_path` goes into LogsBehind.
  bool offer(const LogLine& line, const std::string& log_path);
  // No more lines were missed than the peer has read: live lines of the container may flow again (it was created anew).
  void forget_behind(const std::string& container);
  // Closes once all that was sent has been written; no message is delivered any more.
  void close_when_sent();
  // Problem, Done{ok = false}, close_when_sent().
  void refuse(const std::string& text);
  // From now on any other message than Shutdown is refused: the peer speaks another protocol.
  void take_only_shutdown();

  bool is_open() const noexcept;
  std::size_t queued_bytes() const noexcept;
  const sys::PeerCredentials& peer() const noexcept;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace berth::control
