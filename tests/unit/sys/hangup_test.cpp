#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "berth/base/random.hpp"
#include "berth/sys/signal_fd.hpp"
#include "berth/sys/unix_socket.hpp"

namespace berth::sys {
namespace {

TEST(SignalOnHangup, ComesWhenThePeerClosesAndNotBefore) {
  const std::string name = "@berth-test-" + random_hex(6);
  UniqueFd server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::memcpy(at.sun_path + 1, name.data() + 1, name.size() - 1);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<const sockaddr*>(&at), length), 0);
  ASSERT_EQ(::listen(server.get(), 1), 0);
  const auto signals = must(watch_signals({SIGUSR2}));
  const auto watched = must(signal_on_hangup(name, SIGUSR2));
  UniqueFd peer(::accept(server.get(), nullptr, nullptr));
  ASSERT_TRUE(peer);
  EXPECT_FALSE(is_readable(signals.get()));
  peer = UniqueFd();
  EXPECT_TRUE(is_readable(signals.get()));
}

TEST(SignalOnHangup, FailsWhereNobodyListens) { EXPECT_FALSE(signal_on_hangup("@berth-test-nobody", SIGUSR2)); }

}  // namespace
}  // namespace berth::sys
