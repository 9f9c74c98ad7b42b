#include "berth/sys/netlink.hpp"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "berth/base/assert.hpp"
#include "berth/sys/netns.hpp"

namespace berth::sys {

void NetlinkBatch::append(const void* data, std::size_t size) {
  bytes_.append(static_cast<const char*>(data), size);
  bytes_.resize((bytes_.size() + 3) & ~std::size_t{3});
}
void NetlinkBatch::begin_message(std::uint16_t type, std::uint16_t flags) {
  finish();
  start_ = last_ = bytes_.size();
  const nlmsghdr header{0, type, flags, ++sequence_, 0};
  append(&header, sizeof header);
}
void NetlinkBatch::finish() {
  if (start_ == kNone) return;
  const auto size = static_cast<std::uint32_t>(bytes_.size() - start_);
  std::memcpy(bytes_.data() + start_, &size, sizeof size);
  start_ = kNone;
}
void NetlinkBatch::attribute(std::uint16_t type, const void* data, std::size_t size) {
  BERTH_ASSERT(size <= 0xffff - sizeof(nlattr));
  const nlattr header{static_cast<std::uint16_t>(sizeof(nlattr) + size), type};
  append(&header, sizeof header);
  append(data, size);
}
void NetlinkBatch::text(std::uint16_t type, std::string_view value) {
  const std::string terminated(value);
  attribute(type, terminated.c_str(), terminated.size() + 1);
}
void NetlinkBatch::be32(std::uint16_t type, std::uint32_t value) { u32(type, htonl(value)); }
std::size_t NetlinkBatch::nest(std::uint16_t type) {
  const auto at = bytes_.size();
  const nlattr header{0, static_cast<std::uint16_t>(type | NLA_F_NESTED)};
  append(&header, sizeof header);
  return at;
}
void NetlinkBatch::end(std::size_t nest) {
  const auto size = bytes_.size() - nest;
  BERTH_ASSERT(size <= 0xffff);
  const auto length = static_cast<std::uint16_t>(size);
  std::memcpy(bytes_.data() + nest, &length, sizeof length);
}
const std::string& NetlinkBatch::bytes() {
  finish();
  return bytes_;
}

bool NetlinkAttributes::next() {
  if (rest_.empty() || broken_) return false;
  nlattr header{};
  if (rest_.size() < sizeof header) return broken_ = true, false;
  std::memcpy(&header, rest_.data(), sizeof header);
  if (header.nla_len < sizeof header || header.nla_len > rest_.size()) return broken_ = true, false;
  type_ = header.nla_type & NLA_TYPE_MASK;
  value_ = rest_.substr(sizeof header, header.nla_len - sizeof header);
  rest_.remove_prefix(std::min<std::size_t>(rest_.size(), NLA_ALIGN(header.nla_len)));
  return true;
}
std::string NetlinkAttributes::text() const { return std::string(value_.substr(0, value_.find('\0'))); }
std::uint16_t NetlinkAttributes::be16() const noexcept { return ntohs(read<std::uint16_t>()); }
std::uint32_t NetlinkAttributes::be32() const noexcept { return ntohl(read<std::uint32_t>()); }

Result<void> for_each_netlink_message(std::string_view bytes,
                                      const std::function<Result<void>(std::uint16_t, std::string_view)>& visit) {
  while (!bytes.empty()) {
    nlmsghdr header{};
    if (bytes.size() < sizeof header) return Error::make(ErrorKind::Protocol, "truncated netlink header");
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > bytes.size())
      return Error::make(ErrorKind::Protocol, "netlink message with a length that does not fit");
    BERTH_TRY(visit(header.nlmsg_type, bytes.substr(sizeof header, header.nlmsg_len - sizeof header)));
    bytes.remove_prefix(std::min<std::size_t>(bytes.size(), NLMSG_ALIGN(header.nlmsg_len)));
  }
  return {};
}

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd) {
    auto failed = Error::system(errno, "open a netlink socket");
    if (protocol != NETLINK_NETFILTER) return failed;
    return std::move(failed).with_hint(
        "this kernel has no nftables: `modprobe nf_tables`, or one with CONFIG_NF_TABLES");
  }
  // A batch travels as one buffer: a few thousand published ports need more than the default 208 KB.
  const int room = 16 << 20;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  // The kernel answers before send() returns; the limit only turns a bug into an error instead of a hang.
  const timeval limit{10, 0};
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0)
    return Error::system(errno, "limit the wait of a netlink socket");
  return NetlinkSocket(std::move(fd));
}

Result<NetlinkSocket> NetlinkSocket::open_in(int netns, int protocol) {
  auto scope = NetnsScope::enter(netns);
  if (!scope) return scope.error();
  return open(protocol);
}

Result<void> NetlinkSocket::send(const std::string& bytes, const std::string& operation, const std::string& subject) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  while (::sendto(fd_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) < 0)
    if (errno != EINTR) return Error::system(errno, operation, subject);
  return {};
}

namespace {
constexpr std::size_t kRoom = 64 << 10;
// Not zeroed: most answers are shorter than a page, and each fresh page costs 20 µs.
std::unique_ptr<char[]> make_room() { return std::make_unique_for_overwrite<char[]>(kRoom); }

Result<std::string_view> receive_netlink(int fd, char* room, const std::string& operation, const std::string& subject) {
  for (;;) {
    const auto size = ::recv(fd, room, kRoom, MSG_TRUNC);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return Error::make(ErrorKind::TimedOut, operation + " `" + subject + "`: the kernel does not answer");
    if (size < 0) return Error::system(errno, operation, subject);
    if (static_cast<std::size_t>(size) > kRoom)
      return Error::make(ErrorKind::Protocol, operation + " `" + subject + "`: netlink answer too long");
    return std::string_view(room, static_cast<std::size_t>(size));
  }
}
}  // namespace

Result<void> NetlinkSocket::commit(NetlinkBatch& batch, const std::string& operation, const std::string& subject) {
  if (batch.empty()) return {};
  std::string bytes = batch.bytes();
  const auto at = batch.acknowledged_ == NetlinkBatch::kNone ? batch.last_ : batch.acknowledged_;
  const auto last = batch.acknowledged_ == NetlinkBatch::kNone ? batch.sequence_ : batch.acknowledged_sequence_;
  nlmsghdr header{};
  std::memcpy(&header, bytes.data() + at, sizeof header);
  header.nlmsg_flags |= NLM_F_ACK;
  std::memcpy(bytes.data() + at, &header, sizeof header);
  BERTH_TRY(send(bytes, operation, subject));

  int failed = 0;
  const auto room = make_room();
  for (bool done = false; !done;) {
    auto answer = receive_netlink(fd_.get(), room.get(), operation, subject);
    if (!answer) return answer.error();
    for (std::string_view rest = *answer; rest.size() >= sizeof(nlmsghdr) + sizeof(int);) {
      std::memcpy(&header, rest.data(), sizeof header);
      if (header.nlmsg_len < sizeof header || header.nlmsg_len > rest.size()) break;
      if (header.nlmsg_type == NLMSG_ERROR) {
        int code = 0;
        std::memcpy(&code, rest.data() + sizeof header, sizeof code);
        if (code && !failed) failed = -code;
        // nf_tables reports a failed commit of the whole batch at its first message.
        if (header.nlmsg_seq == last || (code && header.nlmsg_seq == 1)) done = true;
      }
      rest.remove_prefix(std::min<std::size_t>(rest.size(), NLMSG_ALIGN(header.nlmsg_len)));
    }
  }
  // An error of message 1 may be followed by the acknowledgement of the last: leave nothing for the next commit to
  // read.
  while (::recv(fd_.get(), room.get(), kRoom, MSG_DONTWAIT) > 0) {}
  if (failed) return Error::system(failed, operation, subject);
  return {};
}

Result<std::string> NetlinkSocket::ask(NetlinkBatch& request, const std::string& operation,
                                       const std::string& subject) {
  const std::string bytes = request.bytes();
  nlmsghdr header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  const bool dump = (header.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  BERTH_TRY(send(bytes, operation, subject));
  std::string all;
  const auto room = make_room();
  for (bool done = false; !done;) {
    auto answer = receive_netlink(fd_.get(), room.get(), operation, subject);
    if (!answer) return answer.error();
    BERTH_TRY(for_each_netlink_message(*answer, [&](std::uint16_t type, std::string_view payload) -> Result<void> {
      if (type == NLMSG_DONE) done = true;
      if (type == NLMSG_ERROR) {
        int code = 0;
        if (payload.size() >= sizeof code) std::memcpy(&code, payload.data(), sizeof code);
        if (code) return Error::system(-code, operation, subject);
        done = true;
      }
      return {};
    }));
    all.append(*answer);
    if (!dump) done = true;
  }
  return all;
}

}  // namespace berth::sys
