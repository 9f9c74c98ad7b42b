#include "berth/control/connection.hpp"

#include <array>
#include <deque>
#include <set>
#include <utility>

#include "berth/base/assert.hpp"
#include "berth/control/frame.hpp"

namespace berth::control {

struct Connection::Impl : std::enable_shared_from_this<Connection::Impl> {
  // What is still to be written of one frame. The descriptors go with its first byte, so only while `at` is 0.
  struct Outgoing {
    std::string bytes;
    std::size_t at = 0;
    std::vector<sys::UniqueFd> descriptors;
    bool droppable = false;
  };

  async::Loop& loop;
  sys::UniqueFd socket;
  sys::PeerCredentials peer;
  Callbacks callbacks;
  FrameDecoder decoder;
  async::Watch readable;
  async::Watch writable;
  std::deque<Outgoing> queue;
  std::size_t queued = 0;        // bytes of all that waits
  std::size_t queued_lines = 0;  // of log lines among it
  std::set<std::string> behind;  // containers whose live lines have ended for this peer
  bool started = false;
  bool only_shutdown = false;
  bool closing = false;  // nothing is delivered any more

  Impl(async::Loop& on, sys::UniqueFd fd) : loop(on), socket(std::move(fd)) {
    if (auto credentials = sys::peer_credentials(socket.get())) peer = *credentials;
  }

  void close() {
    readable.cancel();
    writable.cancel();
    queue.clear();
    queued = queued_lines = 0;
    socket.reset();
  }

  void fail(std::optional<Error> error) {
    if (!socket) return;
    close();
    if (closing) return;
    closing = true;
    if (auto call = std::move(callbacks.on_closed)) call(std::move(error));
  }

  // A failure that is found inside send() reaches the owner from the loop, never from inside its own call.
  void fail_later(Error error) {
    loop.post([weak = weak_from_this(), error = std::move(error)] {
      if (auto self = weak.lock()) self->fail(error);
    });
  }

  void read() {
    std::array<char, 65536> bytes;
    auto got = sys::receive_some(socket.get(), bytes);
    if (!got) return fail(got.error());
    if (got->ended) {
      if (decoder.is_between_frames()) return fail(std::nullopt);
      return fail(Error::make(ErrorKind::Protocol, "the peer closed within a message"));
    }
    if (closing) return;
    decoder.feed({bytes.data(), got->size}, std::move(got->descriptors));
    deliver();
  }

  void deliver() {
    const auto alive = shared_from_this();
    while (socket && !closing) {
      auto frame = decoder.next();
      if (!frame) return fail(frame.error());
      if (!*frame) return;
      auto message = decode((*frame)->kind, (*frame)->payload);
      if (!message) return fail(message.error());
      if (only_shutdown && !std::holds_alternative<Shutdown>(*message))
        return refuse("only Shutdown is understood across protocol versions");
      // The callback may destroy the connection, and with it itself.
      auto call = callbacks.on_message;
      call(std::move(*message), std::move((*frame)->descriptors));
    }
  }

  Result<void> write() {
    while (!queue.empty()) {
      auto& next = queue.front();
      std::vector<int> descriptors;
      for (const auto& descriptor : next.descriptors) descriptors.push_back(descriptor.get());
      auto sent = sys::send_some(socket.get(), std::string_view(next.bytes).substr(next.at), descriptors);
      if (!sent) return sent.error();
      if (*sent == 0) break;
      next.descriptors.clear();
      next.at += *sent;
      queued -= *sent;
      if (next.droppable) queued_lines -= *sent;
      if (next.at == next.bytes.size()) queue.pop_front();
    }
    if (queue.empty()) {
      writable.cancel();
      if (closing) close();
    } else if (!writable) {
      writable = loop.on_writable(socket.get(), [this] {
        const auto alive = shared_from_this();
        if (auto written = write(); !written) fail(written.error());
      });
    }
    return {};
  }

  void close_when_sent() {
    closing = true;
    if (queue.empty()) close();
  }

  void refuse(const std::string& text) {
    Problem problem;
    problem.text = text;
    Done done;
    done.ok = false;
    done.exit_code = 1;
    done.errors.push_back(problem);
    // A peer that is gone needs no answer.
    static_cast<void>(enqueue(problem, {}, false));
    static_cast<void>(enqueue(std::move(done), {}, false));
    close_when_sent();
  }

  Result<void> enqueue(const Message& message, const std::vector<int>& descriptors, bool droppable) {
    if (!socket || closing) return Error::make(ErrorKind::Cancelled, "the conversation is closed");
    auto payload = encode(message);
    if (payload.size() > kMaxPayload)
      return Error::make(ErrorKind::Invalid,
                         std::string("a message of kind ") + name_of(message) + " is longer than allowed");
    if (descriptors.size() > kMaxDescriptors)
      return Error::make(ErrorKind::Invalid, "too many descriptors for one message");
    Outgoing frame;
    for (const int descriptor : descriptors) {
      auto copy = sys::duplicate(descriptor);
      if (!copy) return copy.error();
      frame.descriptors.push_back(std::move(*copy));
    }
    frame.bytes = encode_frame(kind_of(message), payload, descriptors.size());
    frame.droppable = droppable;
    queued += frame.bytes.size();
    if (droppable) queued_lines += frame.bytes.size();
    queue.push_back(std::move(frame));
    if (queued > kMaxQueueBytes) {
      Error error = Error::make(ErrorKind::TimedOut, "the peer does not read what it asked for");
      fail_later(error);
      return error;
    }
    if (writable) return {};  // the socket was full; the loop goes on with it
    auto written = write();
    if (!written) fail_later(written.error());
    return written;
  }
};

Connection::Connection(async::Loop& loop, sys::UniqueFd socket)
    : impl_(std::make_shared<Impl>(loop, std::move(socket))) {}

Connection::~Connection() {
  impl_->closing = true;
  impl_->close();
}

void Connection::start(Callbacks callbacks) {
  auto& impl = *impl_;
  impl.callbacks = std::move(callbacks);
  if (impl.started || !impl.socket) return;
  impl.started = true;
  impl.readable = impl.loop.on_readable(impl.socket.get(), [&impl] {
    const auto alive = impl.shared_from_this();
    impl.read();
  });
}

Result<void> Connection::send(const Message& message, const std::vector<int>& descriptors) {
  return impl_->enqueue(message, descriptors, false);
}

bool Connection::offer(const LogLine& line, const std::string& log_path) {
  auto& impl = *impl_;
  if (!impl.socket || impl.closing || impl.behind.contains(line.container)) return false;
  if (impl.queued_lines < kLogQueueBytes) return impl.enqueue(line, {}, true).has_value();
  impl.behind.insert(line.container);
  LogsBehind notice;
  notice.container = line.container;
  notice.service = line.service;
  notice.path = log_path;
  notice.generation = line.generation;
  notice.offset = line.offset;
  // What cannot be queued has closed the connection, and that is reported by on_closed.
  static_cast<void>(impl.enqueue(std::move(notice), {}, false));
  return false;
}

void Connection::forget_behind(const std::string& container) { impl_->behind.erase(container); }

void Connection::close_when_sent() { impl_->close_when_sent(); }
void Connection::refuse(const std::string& text) { impl_->refuse(text); }
void Connection::take_only_shutdown() { impl_->only_shutdown = true; }

bool Connection::is_open() const noexcept { return static_cast<bool>(impl_->socket); }
std::size_t Connection::queued_bytes() const noexcept { return impl_->queued; }
const sys::PeerCredentials& Connection::peer() const noexcept { return impl_->peer; }

}  // namespace berth::control
