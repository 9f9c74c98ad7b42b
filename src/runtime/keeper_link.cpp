#include "berth/runtime/keeper_link.hpp"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstring>

namespace berth::runtime {

namespace {
constexpr std::size_t kMaxControl = CMSG_SPACE(sizeof(int) * 253);
}

init::Message make_message(init::Kind kind, const std::string& name) {
  init::Message message{};
  message.kind = kind;
  name.copy(message.name, sizeof message.name - 1);
  return message;
}

Result<void> send_message(int socket, const init::Message& message, const std::vector<int>& fds) {
  iovec part{const_cast<init::Message*>(&message), sizeof message};
  alignas(cmsghdr) char control[kMaxControl] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (fds.size() > 253) return Error::make(ErrorKind::Invalid, "too many descriptors in one message");
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
    std::memcpy(CMSG_DATA(rights), fds.data(), sizeof(int) * fds.size());
  }
  for (;;) {
    if (sendmsg(socket, &header, MSG_NOSIGNAL) >= 0) return {};
    if (errno != EINTR) return Error::system(errno, "send to", "the keeper");
  }
}

Result<std::optional<ReceivedMessage>> receive_message(int socket, int flags) {
  ReceivedMessage received;
  iovec part{&received.message, sizeof received.message};
  alignas(cmsghdr) char control[kMaxControl];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t size = -1;
  do size = recvmsg(socket, &header, MSG_CMSG_CLOEXEC | flags);
  while (size < 0 && errno == EINTR);
  if (size == 0 || (size < 0 && errno == ECONNRESET)) return std::optional<ReceivedMessage>();
  if (size < 0) return Error::system(errno, "receive from", "the keeper");
  cmsghdr* rights = CMSG_FIRSTHDR(&header);
  if (rights && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
    const auto count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(rights) + i * sizeof fd, sizeof fd);
      received.fds.emplace_back(fd);
    }
  }
  if (size != static_cast<ssize_t>(sizeof received.message))
    return Error::make(ErrorKind::Protocol, "a message of " + std::to_string(size) + " bytes from the keeper");
  received.message.name[sizeof received.message.name - 1] = 0;
  return std::optional<ReceivedMessage>(std::move(received));
}

KeeperLink::KeeperLink(sys::UniqueFd socket) : socket_(std::move(socket)) {}

bool KeeperLink::is_gone() const {
  pollfd watched{socket_.get(), 0, 0};
  return !socket_ || (poll(&watched, 1, 0) == 1 && (watched.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0);
}

std::optional<KeeperEvent> KeeperLink::receive_one(int flags) {
  for (;;) {
    auto received = receive_message(socket_.get(), flags);
    if (!received && (received.error().errno_value() == EAGAIN || received.error().errno_value() == EBADF))
      return std::nullopt;
    if (!received && received.error().kind() == ErrorKind::Protocol) continue;
    if (!received || !*received) {
      socket_.reset();
      return KeeperGone{};
    }
    auto& [message, fds] = **received;
    sys::UniqueFd first = fds.empty() ? sys::UniqueFd() : std::move(fds.front());
    switch (message.kind) {
      case init::Kind::Hello: return KeeperHello{message.value, message.pid, static_cast<int>(message.size)};
      case init::Kind::Park: return ParkedFd{message.name, std::move(first)};
      case init::Kind::FetchEnd: return FetchDone{message.value};
      case init::Kind::Exited: return ChildExited{message.pid, message.value, message.name};
      case init::Kind::Launched: return ChildLaunched{message.pid, message.name, std::move(first)};
      case init::Kind::Zygote: return ZygoteArrived{std::move(first)};
      default: break;  // of a later version
    }
  }
}

std::vector<KeeperEvent> KeeperLink::receive() {
  std::vector<KeeperEvent> events = std::exchange(kept_, {});
  while (socket_)
    if (auto event = receive_one(MSG_DONTWAIT))
      events.push_back(std::move(*event));
    else
      break;
  return events;
}

Result<void> KeeperLink::send(const init::Message& message, const std::vector<int>& fds) {
  return send_message(socket_.get(), message, fds);
}

Result<void> KeeperLink::park(const std::string& name, const std::vector<int>& fds) {
  return send(make_message(init::Kind::Park, name), fds);
}
Result<void> KeeperLink::drop(const std::string& name) { return send(make_message(init::Kind::Drop, name), {}); }
Result<void> KeeperLink::ask_for_zygote() { return send(make_message(init::Kind::NewZygote), {}); }
Result<void> KeeperLink::quit() { return send(make_message(init::Kind::Quit), {}); }

Result<void> KeeperLink::name_child(int pid, const std::string& name) {
  auto message = make_message(init::Kind::Name, name);
  message.pid = pid;
  return send(message, {});
}

Result<std::vector<ParkedFd>> KeeperLink::fetch() {
  BERTH_TRY(send(make_message(init::Kind::Fetch), {}));
  std::vector<ParkedFd> parked;
  for (;;) {
    auto event = receive_one(0);
    if (!event || std::holds_alternative<KeeperGone>(*event))
      return Error::make(ErrorKind::Failed, "the keeper ended while handing over descriptors");
    if (auto* one = std::get_if<ParkedFd>(&*event))
      parked.push_back(std::move(*one));
    else if (std::holds_alternative<FetchDone>(*event))
      return parked;
    else
      kept_.push_back(std::move(*event));
  }
}

}  // namespace berth::runtime
