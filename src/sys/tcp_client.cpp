#include "berth/sys/tcp_client.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "berth/sys/inet_socket.hpp"

namespace berth::sys {
namespace {

using SteadyTime = std::chrono::steady_clock;
constexpr auto kHeadStart = std::chrono::milliseconds(250);

// The other family after each, beginning with that of the first.
std::vector<std::string> interleaved(const std::vector<std::string>& all) {
  const auto is_v6 = [](const std::string& address) { return address.find(':') != std::string::npos; };
  std::vector<std::string> first, second, out;
  for (const auto& each : all) (is_v6(each) == is_v6(all.front()) ? first : second).push_back(each);
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) out.push_back(first[i]);
    if (i < second.size()) out.push_back(second[i]);
  }
  return out;
}

// The attempts that are under way; the last failure is what is told in the end.
class Attempts {
 public:
  explicit Attempts(std::string name) : name_(std::move(name)) {}
  void begin(const std::string& address, std::uint16_t port) {
    auto fd = connect_inet(InetKind::Tcp, address, port);
    if (fd)
      pending_.push_back(std::move(*fd));
    else
      failure_ = fd.error();
  }

  std::vector<pollfd> wanted() const {
    std::vector<pollfd> out;
    for (const auto& fd : pending_) out.push_back({fd.get(), POLLOUT, 0});
    return out;
  }

  // The first that is connected; those that failed are dropped.
  UniqueFd look(const std::vector<pollfd>& ready) {
    for (std::size_t i = pending_.size(); i-- > 0;) {
      if (!ready[i].revents) continue;
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(pending_[i].get(), SOL_SOCKET, SO_ERROR, &error, &size);
      UniqueFd fd = std::move(pending_[i]);
      pending_.erase(pending_.begin() + static_cast<long>(i));
      if (error == 0) return fd;
      failure_ = Error::system(error, "connect to", name_);
    }
    return {};
  }

  bool none() const { return pending_.empty(); }
  const Error& failure() const { return failure_; }

 private:
  std::vector<UniqueFd> pending_;
  std::string name_;
  Error failure_;
};

UniqueFd prepared(UniqueFd fd) {
  const int on = 1;
  // Both only make it better: a kernel without them still connects.
  (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  return fd;
}

int milliseconds_until(SteadyTime::time_point then) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(then - SteadyTime::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30));
}

}  // namespace

Result<void> await_ready(int fd, Ready ready, std::chrono::milliseconds patience, int stop_fd) {
  const auto end = SteadyTime::now() + patience;
  for (;;) {
    pollfd both[2] = {{fd, static_cast<short>(ready == Ready::Read ? POLLIN : POLLOUT), 0}, {stop_fd, POLLIN, 0}};
    const int count = ::poll(both, 2, milliseconds_until(end));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error::system(errno, "wait for", "a connection");
    if (both[1].revents) return Error::make(ErrorKind::Cancelled, "interrupted");
    if (both[0].revents) return {};
    if (SteadyTime::now() >= end) return Error::make(ErrorKind::TimedOut, "nothing came in time");
  }
}

Result<void> pause(std::chrono::milliseconds time, int stop_fd) {
  auto waited = await_ready(-1, Ready::Read, time, stop_fd);
  if (!waited && waited.error().kind() == ErrorKind::TimedOut) return {};
  return waited;
}

Result<UniqueFd> connect_tcp(const std::string& name, const std::vector<std::string>& all, std::uint16_t port,
                             const TcpPatience& patience) {
  const auto end = SteadyTime::now() + patience.connect;
  const auto addresses = interleaved(all);
  const std::string where = name + ":" + std::to_string(port);
  Attempts attempts(where);
  std::size_t next = 0;
  auto next_at = SteadyTime::now();
  for (;;) {
    if (next < addresses.size() && (attempts.none() || SteadyTime::now() >= next_at)) {
      attempts.begin(addresses[next++], port);
      next_at = SteadyTime::now() + kHeadStart;
      continue;
    }
    if (attempts.none()) return attempts.failure();
    auto ready = attempts.wanted();
    ready.push_back({patience.stop_fd, POLLIN, 0});
    const auto until = next < addresses.size() ? std::min(next_at, end) : end;
    const int count = ::poll(ready.data(), ready.size(), milliseconds_until(until));
    if (count < 0 && errno != EINTR) return Error::system(errno, "connect to", where);
    if (count < 0) continue;
    if (ready.back().revents) return Error::make(ErrorKind::Cancelled, "interrupted");
    if (UniqueFd fd = attempts.look(ready)) return prepared(std::move(fd));
    if (SteadyTime::now() >= end)
      return Error::make(ErrorKind::TimedOut, "`" + where + "` does not answer: no connection after " +
                                                  std::to_string(patience.connect.count() / 1000) + " s");
  }
}

}  // namespace berth::sys
