// Netlink: batches of messages encoded in memory, sent with one call, answered once; and a strict reader of what comes
// back.
//
//   NetlinkBatch batch;                       // pure: bytes only
//   add_bridge(batch, {...});                 // rtnetlink.hpp, nft.hpp add messages
//   socket.commit(batch, "create bridge", name);
//
// Only the last message asks for an acknowledgement. The kernel works through a batch in order and reports each failure
// by itself, so the acknowledgement of the last one ends the wait. Commit returns the first failure. rtnetlink goes on
// after a failed message; nf_tables batches are atomic.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::sys {

class NetlinkBatch {
 public:
  // Starts a message; the one before is closed. `header` is the family's fixed header (ifinfomsg, nfgenmsg, ...).
  template <class Header>
  void begin(std::uint16_t type, std::uint16_t flags, const Header& header) {
    static_assert(std::is_trivially_copyable_v<Header>);
    begin_message(type, flags);
    append(&header, sizeof header);
  }
  void attribute(std::uint16_t type, const void* data, std::size_t size);
  void text(std::uint16_t type, std::string_view value);  // with its terminating zero
  void u8(std::uint16_t type, std::uint8_t value) { attribute(type, &value, sizeof value); }
  void u32(std::uint16_t type, std::uint32_t value) { attribute(type, &value, sizeof value); }
  void be32(std::uint16_t type, std::uint32_t value);  // nf_tables numbers are big-endian
  void append(const void* data, std::size_t size);     // raw, padded to 4

  // Nested attributes: begin, fill, end with what begin returned.
  std::size_t nest(std::uint16_t type);
  void end(std::size_t nest);

  bool empty() const noexcept { return bytes_.empty(); }
  const std::string& bytes();  // closes the open message
  // The message begun last is the one whose acknowledgement ends the wait (an nf_tables batch end gets none).
  void acknowledge_here() noexcept {
    acknowledged_ = last_;
    acknowledged_sequence_ = sequence_;
  }

 private:
  friend class NetlinkSocket;
  void begin_message(std::uint16_t type, std::uint16_t flags);
  void finish();

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::string bytes_;
  std::size_t start_ = kNone;
  std::size_t last_ = kNone;
  std::size_t acknowledged_ = kNone;
  std::uint32_t acknowledged_sequence_ = 0;
  std::uint32_t sequence_ = 0;
};

// Reads attributes of foreign bytes; never past the end. next() is false at the end and at malformed input (then
// broken()).
class NetlinkAttributes {
 public:
  explicit NetlinkAttributes(std::string_view bytes) : rest_(bytes) {}
  bool next();
  std::uint16_t type() const noexcept { return type_; }  // without the nested and byte-order flags
  std::string_view value() const noexcept { return value_; }
  std::string text() const;  // up to the first zero
  std::uint32_t u32() const noexcept { return read<std::uint32_t>(); }
  std::uint16_t be16() const noexcept;
  std::uint32_t be32() const noexcept;
  bool broken() const noexcept { return broken_; }

 private:
  template <class T>
  T read() const noexcept {  // 0 where the attribute is shorter
    T out{};
    if (value_.size() >= sizeof out) std::memcpy(&out, value_.data(), sizeof out);
    return out;
  }
  std::string_view rest_, value_;
  std::uint16_t type_ = 0;
  bool broken_ = false;
};

// Splits received bytes into messages: `visit(type, payload)`; Protocol where lengths do not fit.
Result<void> for_each_netlink_message(std::string_view bytes,
                                      const std::function<Result<void>(std::uint16_t, std::string_view)>& visit);

class NetlinkSocket {
 public:
  // In the calling thread's network namespace, where it stays. NETLINK_ROUTE, NETLINK_NETFILTER.
  static Result<NetlinkSocket> open(int protocol);
  // Opened inside `netns` (setns, socket, setns back: 18-30 us).
  static Result<NetlinkSocket> open_in(int netns, int protocol);

  // Sends everything, waits for the verdict. Operation and subject go into the Error.
  Result<void> commit(NetlinkBatch& batch, const std::string& operation, const std::string& subject);
  // Sends one request (without NLM_F_DUMP: a single answer) and returns the bytes of all answers.
  Result<std::string> ask(NetlinkBatch& request, const std::string& operation, const std::string& subject);
  int fd() const noexcept { return fd_.get(); }

 private:
  explicit NetlinkSocket(UniqueFd fd) : fd_(std::move(fd)) {}
  Result<void> send(const std::string& bytes, const std::string& operation, const std::string& subject);
  UniqueFd fd_;
};

}  // namespace berth::sys
