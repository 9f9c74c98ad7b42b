// A world in two namespaces of its own for each test: `host`, and `outside` joined to it by a veth. Skipped where
// namespaces cannot be made.
#pragma once

#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <optional>

#include "berth/base/random.hpp"
#include "berth/network/bridges.hpp"
#include "berth/network/firewall.hpp"
#include "berth/network/proxy.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/inet_socket.hpp"
#include "berth/sys/netns.hpp"
#include "berth/sys/rtnetlink.hpp"

namespace berth::network {

using sys::UniqueFd;

class Kernel : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto made = sys::create_netns();
    if (!made) GTEST_SKIP() << made.error().to_string();
    host_ = std::move(*made);
    outside_ = must(sys::create_netns());
    auto entered = sys::NetnsScope::enter(host_.get());
    ASSERT_TRUE(entered);
    scope_.emplace(std::move(*entered));
    auto socket = must(sys::NetlinkSocket::open(NETLINK_ROUTE));
    sys::NetlinkBatch batch;
    sys::set_link_up(batch, 1);
    sys::add_bridge(batch, {.name = "uplink", .alias = "", .mac = "", .mtu = 1400, .group = 0});
    must(socket.commit(batch, "set up", "host"));
    const int uplink = must(sys::observe_link(socket, "uplink")).index;
    sys::NetlinkBatch wire;
    sys::add_address(wire, uplink, *sys::Ipv4::parse("192.0.2.1"), 24);
    sys::add_veth(wire, {.host_name = "wire",
                         .bridge = uplink,
                         .netns = outside_.get(),
                         .peer_name = "eth0",
                         .peer_mac = "",
                         .mtu = 1400});
    sys::add_default_route(wire, uplink, *sys::Ipv4::parse("192.0.2.2"));
    must(socket.commit(wire, "set up", "wire"));
    auto there = must(sys::NetlinkSocket::open_in(outside_.get(), NETLINK_ROUTE));
    const int eth = must(sys::observe_link(there, "eth0")).index;
    sys::NetlinkBatch inside;
    sys::set_link_up(inside, 1);
    sys::set_link_up(inside, eth);
    sys::add_address(inside, eth, *sys::Ipv4::parse("192.0.2.2"), 24);
    sys::add_default_route(inside, eth, *sys::Ipv4::parse("192.0.2.1"));  // so that it could reach containers directly
    must(there.commit(inside, "set up", "outside"));
    root_ = (std::filesystem::temp_directory_path() / ("berth-network-" + random_hex(6))).string();
    must(enable_forwarding(root_));
    bridges_.emplace(root_);
  }
  void TearDown() override {
    scope_.reset();
    if (!root_.empty()) std::filesystem::remove_all(root_);
  }

  NetworkRecord network(const std::string& name, bool internal = false) {
    engine::NetworkSpec spec;
    spec.project = ProjectName("demo");
    spec.network.name = name;
    spec.network.internal = internal;
    return must(bridges_->ensure(spec));
  }
  struct Container {
    UniqueFd netns;
    Attachment at;
  };
  Container container(const std::string& network, const std::string& id) {
    Container out;
    out.netns = must(create_container_netns());
    out.at = must(bridges_->attach(network, ContainerId(id), out.netns.get(), {}));
    return out;
  }
  static UniqueFd listen_in(int netns, std::uint16_t port) {
    auto scope = must(sys::NetnsScope::enter(netns));
    return must(sys::bind_inet(sys::InetKind::Tcp, "0.0.0.0", port));
  }
  // Sends a word from `netns` to address:port, expects it echoed by what `listener` accepts.
  static bool reaches(int netns, const std::string& address, std::uint16_t port, int listener,
                      TcpProxy* proxy = nullptr) {
    UniqueFd client;
    {
      auto scope = must(sys::NetnsScope::enter(netns));
      auto made = sys::connect_inet(sys::InetKind::Tcp, address, port);
      if (!made) return false;
      client = std::move(*made);
    }
    UniqueFd served;
    bool sent = false;
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(700);
    while (std::chrono::steady_clock::now() < end) {
      pollfd watched[] = {{listener, POLLIN, 0},
                          {client.get(), static_cast<short>(sent ? POLLIN : POLLOUT), 0},
                          {served ? served.get() : -1, POLLIN, 0},
                          {proxy ? proxy->fd() : -1, POLLIN, 0}};
      ::poll(watched, 4, 100);
      if (proxy) proxy->on_ready();
      if (watched[0].revents) served = sys::accept_inet(listener);
      char word[8];
      if (served && watched[2].revents && ::recv(served.get(), word, 4, 0) == 4) ::send(served.get(), word, 4, 0);
      if (watched[1].revents & (POLLERR | POLLHUP)) return false;
      if (!sent && (watched[1].revents & POLLOUT))
        sent = ::send(client.get(), "ping", 4, MSG_NOSIGNAL) == 4;
      else if (sent && (watched[1].revents & POLLIN))
        return ::recv(client.get(), word, 4, 0) == 4 && std::string(word, 4) == "ping";
    }
    return false;
  }

  UniqueFd host_, outside_;
  std::optional<sys::NetnsScope> scope_;
  std::string root_;
  std::optional<Bridges> bridges_;
};

}  // namespace berth::network
