// The CLI's side: connects, greets, sends one request and takes what comes back. Blocking in its face, with a loop
// inside, on which the CLI also watches its signals, terminal and the like.
//
//   auto client = Client::connect(path, build);           // NotFound/Refused: nobody serves the stack
//   client->send(Up{...});
//   client->receive([&](Message message, auto fds) { ...; return Client::Next::Continue; });
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "berth/async/loop.hpp"
#include "berth/base/error.hpp"
#include "berth/control/connection.hpp"
#include "berth/control/messages.hpp"

namespace berth::control {

class Client {
 public:
  enum class Next { Continue, Stop };
  using Receiver = std::function<Next(Message, std::vector<sys::UniqueFd>)>;

  // NotFound where there is no socket or nobody listens on it. `deadline` bounds connecting and greeting: a supervisor
  // that is stopped answers TimedOut.
  static Result<std::unique_ptr<Client>> connect(const std::string& path, const std::string& build,
                                                 async::Clock::duration deadline = std::chrono::seconds(10));
  ~Client();

  // What the server said; `accepted` may be false (another protocol): then only Shutdown makes sense.
  const HelloReply& server() const noexcept;
  Result<void> send(const Message& message, const std::vector<int>& descriptors = {});
  // Runs the loop: each message goes to `receiver` until it says Stop or a Done was delivered. Fails where the
  // connection breaks before; Cancelled where the loop was stopped.
  Result<void> receive(const Receiver& receiver);
  // For signals, timers, stdin. Its callbacks run during receive().
  async::Loop& loop() noexcept;
  // Asks the server to finish and exit, and waits until it has closed; TimedOut where its work takes longer.
  Result<void> shut_down_server(const std::string& build, async::Clock::duration deadline = std::chrono::seconds(10));

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace berth::control
