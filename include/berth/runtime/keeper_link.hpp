// The supervisor's end of the keeper's protocol (berth/init/wire.hpp), descriptor 3.
//
// Sends never block for long: the keeper reads at once and its socket holds some 200 messages. Events come out of
// receive(), which is called when fd() is readable.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/init/wire.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::runtime {

struct KeeperHello {
  int version = 0;
  int keeper_pid = 0;
  int restarts = 0;
};
struct ParkedFd {
  std::string name;
  sys::UniqueFd fd;
};
struct FetchDone {
  int count = 0;
};
// Trap: one sent to a supervisor that died before it read it does not come again. The record (start_pair.hpp:
// read_exit_record) is written before the message: a new supervisor reads exits/ first.
struct ChildExited {
  int pid = 0;
  int status = 0;    // as of waitpid
  std::string name;  // empty: a child nobody named
};
struct ChildLaunched {
  int pid = 0;  // negative errno: could not be cloned
  std::string name;
  sys::UniqueFd pidfd;
};
struct ZygoteArrived {
  mutable sys::UniqueFd socket;
};
struct KeeperGone {};  // hand over and exit: design.md section 4

using KeeperEvent =
    std::variant<KeeperHello, ParkedFd, FetchDone, ChildExited, ChildLaunched, ZygoteArrived, KeeperGone>;

class KeeperLink {
 public:
  explicit KeeperLink(sys::UniqueFd socket);

  int fd() const noexcept { return socket_.get(); }
  bool is_gone() const;  // it has died, though KeeperGone may still be to come
  // All that is there now; KeeperGone is the last one ever.
  std::vector<KeeperEvent> receive();

  // The keeper holds copies of `fds` under `name` (at most 87 bytes) until drop(name). A name may be parked several
  // times.
  Result<void> park(const std::string& name, const std::vector<int>& fds);
  Result<void> drop(const std::string& name);
  // Blocks until all parked descriptors are here; for the start of a supervisor. Events that arrive meanwhile
  // are kept for receive(), which nothing calls for then: the socket has them no more.
  Result<std::vector<ParkedFd>> fetch();
  // Names a child whose exit is to be recorded.
  Result<void> name_child(int pid, const std::string& name);
  Result<void> ask_for_zygote();
  // No restart of the supervisor after this; the keeper ends once it has no child.
  Result<void> quit();
  Result<void> send(const init::Message& message, const std::vector<int>& fds);

 private:
  std::optional<KeeperEvent> receive_one(int flags);
  sys::UniqueFd socket_;
  std::vector<KeeperEvent> kept_;
};

// One packet; shared with the zygote's socket. Error Protocol for anything but a whole Message.
Result<void> send_message(int socket, const init::Message& message, const std::vector<int>& fds);
struct ReceivedMessage {
  init::Message message{};
  std::vector<sys::UniqueFd> fds;
};
// Nothing: the other side is gone. ErrorKind::System with EAGAIN where nothing is there (MSG_DONTWAIT).
Result<std::optional<ReceivedMessage>> receive_message(int socket, int flags);
init::Message make_message(init::Kind kind, const std::string& name = {});

}  // namespace berth::runtime
