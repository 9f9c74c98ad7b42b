// Real bridges, rules and sockets, in network namespaces of their own: `host`, and `outside` joined to it by a veth.
// Skipped where namespaces cannot be made.
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "berth/base/random.hpp"
#include "berth/network/bridges.hpp"
#include "berth/network/dns.hpp"
#include "berth/network/firewall.hpp"
#include "berth/network/ports.hpp"
#include "berth/network/proxy.hpp"
#include "berth/sys/inet_socket.hpp"
#include "berth/sys/netns.hpp"
#include "berth/sys/rtnetlink.hpp"

namespace berth::network {
namespace {

using namespace std::string_literals;
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
    must(enable_forwarding());
    root_ = (std::filesystem::temp_directory_path() / ("berth-network-" + random_hex(6))).string();
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

TEST_F(Kernel, ConnectsIsolatesPublishesAndLeavesNothing) {
  const auto front = network("demo_front"), back = network("demo_back");
  EXPECT_EQ(front.mtu, 1400u);
  EXPECT_EQ(network("demo_front"), front);  // again: nothing new
  auto a = container("demo_front", "aaaa"), b = container("demo_front", "bbbb"), c = container("demo_back", "cccc");
  EXPECT_NE(a.at.ipv4, b.at.ipv4);
  const auto table = firewall_table(root_, ProjectName("demo"));
  ProjectFirewall firewall{table, {firewall_network(front), firewall_network(back)}, {}};
  auto reserved = must(
      reserve_port({.target = 80, .published = "8080", .host_ip = "", .protocol = model::Protocol::Tcp, .name = ""}));
  firewall.ports.push_back(translation_of(reserved.publication, *sys::Ipv4::parse(a.at.ipv4)));
  auto narrow = firewall.ports.front();
  narrow.host = *sys::Ipv4::parse("192.0.2.1");
  narrow.host_port = 8081;
  firewall.ports.push_back(narrow);
  must(apply_firewall(firewall));
  must(apply_firewall(firewall));

  auto web = listen_in(a.netns.get(), 80);
  EXPECT_TRUE(reaches(b.netns.get(), a.at.ipv4, 80, web.get())) << "same network";
  EXPECT_TRUE(reaches(host_.get(), a.at.ipv4, 80, web.get())) << "from the host";
  EXPECT_FALSE(reaches(c.netns.get(), a.at.ipv4, 80, web.get())) << "other network";
  EXPECT_FALSE(reaches(outside_.get(), a.at.ipv4, 80, web.get())) << "directly from outside";
  EXPECT_TRUE(reaches(outside_.get(), "192.0.2.1", 8080, web.get())) << "published";
  EXPECT_TRUE(reaches(outside_.get(), "192.0.2.1", 8081, web.get())) << "published at one address";
  EXPECT_TRUE(reaches(host_.get(), "192.0.2.1", 8080, web.get())) << "the host by its own address";
  EXPECT_TRUE(reaches(a.netns.get(), "192.0.2.1", 8080, web.get())) << "hairpin";
  EXPECT_TRUE(reaches(b.netns.get(), a.at.gateway, 8080, web.get())) << "by the gateway";
  EXPECT_TRUE(reaches(c.netns.get(), "192.0.2.1", 8080, web.get())) << "other network by the published port";
  auto beyond = listen_in(outside_.get(), 99);
  EXPECT_TRUE(reaches(a.netns.get(), "192.0.2.2", 99, beyond.get())) << "out";

  auto proxy = must(TcpProxy::create());
  for (const auto& socket : reserved.sockets) must(proxy.serve(socket.fd.get(), *sys::Ipv4::parse(a.at.ipv4), 80));
  EXPECT_TRUE(reaches(host_.get(), "127.0.0.1", 8080, web.get(), &proxy)) << "loopback";
  if (reserved.sockets.size() == 2) {
    EXPECT_TRUE(reaches(host_.get(), "::1", 8080, web.get(), &proxy)) << "loopback 6";
  }
  const auto second =
      reserve_port({.target = 80, .published = "8080", .host_ip = "", .protocol = model::Protocol::Tcp, .name = ""});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind(), ErrorKind::Busy);
  EXPECT_NE(second.error().to_string().find("0.0.0.0:8080"), std::string::npos) << second.error().to_string();

  EXPECT_FALSE(bridges_->remove({"demo_front"})) << "in use";
  for (auto* each : {&a, &b, &c}) each->netns.reset();
  for (const char* id : {"aaaa", "bbbb", "cccc"}) must(bridges_->release(ContainerId(id)));
  must(remove_firewall(table));
  must(bridges_->remove({"demo_front", "demo_back"}));
  EXPECT_TRUE(must(bridges_->observe()).empty());
  auto socket = must(sys::NetlinkSocket::open(NETLINK_ROUTE));
  for (const auto& link : must(sys::observe_links(socket))) EXPECT_FALSE(link.name.starts_with("br-")) << link.name;
}

TEST_F(Kernel, InternalNetworksReachNothingOutside) {
  const auto record = network("demo_in", true);
  auto a = container("demo_in", "aaaa"), b = container("demo_in", "bbbb");
  must(apply_firewall({firewall_table(root_, ProjectName("demo")), {firewall_network(record)}, {}}));
  auto beyond = listen_in(outside_.get(), 99);
  EXPECT_FALSE(reaches(a.netns.get(), "192.0.2.2", 99, beyond.get()));
  auto web = listen_in(a.netns.get(), 80);
  EXPECT_TRUE(reaches(b.netns.get(), a.at.ipv4, 80, web.get()));
}

TEST_F(Kernel, ReplacesTheResolverOfASupervisorThatDied) {
  network("demo_default");
  auto a = container("demo_default", "aaaa");
  must(open_dns_sockets(a.netns.get()));  // closed again, its table stays
  auto sockets = must(open_dns_sockets(a.netns.get()));
  auto scope = must(sys::NetnsScope::enter(a.netns.get()));
  auto client = must(sys::connect_inet(sys::InetKind::Udp, "127.0.0.11", 53));
  ASSERT_EQ(::send(client.get(), "x", 1, 0), 1);
  pollfd watched{sockets.udp.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&watched, 1, 5000), 1);
}

TEST_F(Kernel, AnswersNamesInsideByUdpAndTcpAndLeavesPort53Free) {
  network("demo_default");
  auto a = container("demo_default", "aaaa");
  auto sockets = must(open_dns_sockets(a.netns.get()));
  auto dns = must(DnsServer::create({}));
  dns.zone().set("demo_default", ContainerId("aaaa"), *sys::Ipv4::parse(a.at.ipv4), {"web"});
  must(dns.serve(ContainerId("aaaa"), sockets.udp.get(), sockets.tcp.get(), {.networks = {"demo_default"}}));
  auto ask = [&](sys::InetKind kind, const std::string& label) {
    std::string query = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"s + static_cast<char>(label.size()) + label +
                        "\x00\x00\x01\x00\x01"s;
    if (kind == sys::InetKind::Tcp) query = std::string{0, static_cast<char>(query.size())} + query;
    auto scope = must(sys::NetnsScope::enter(a.netns.get()));
    auto client = must(sys::connect_inet(kind, "127.0.0.11", 53));
    bool sent = false;
    for (int i = 0; i < 20; ++i) {
      pollfd watched[] = {{client.get(), static_cast<short>(sent ? POLLIN : POLLOUT), 0}, {dns.fd(), POLLIN, 0}};
      ::poll(watched, 2, 100);
      dns.on_ready(DnsServer::Clock::now());
      if (!sent && watched[0].revents) sent = ::send(client.get(), query.data(), query.size(), 0) > 0;
      char room[600];
      if (const auto size = ::recv(client.get(), room, sizeof room, MSG_DONTWAIT); sent && size > 0)
        return std::string(room, static_cast<std::size_t>(size));
    }
    return std::string();
  };
  const auto udp = ask(sys::InetKind::Udp, "web"), tcp = ask(sys::InetKind::Tcp, "web");
  ASSERT_GT(udp.size(), 12u);
  EXPECT_EQ(udp[7], 1);
  EXPECT_EQ(tcp.substr(std::min<std::size_t>(2, tcp.size())), udp);
  const auto unknown = ask(sys::InetKind::Udp, "elsewhere");
  ASSERT_GT(unknown.size(), 12u);
  EXPECT_EQ(unknown[3] & 15, 2) << "no server: SERVFAIL at once";
  auto scope = must(sys::NetnsScope::enter(a.netns.get()));
  EXPECT_TRUE(sys::bind_inet(sys::InetKind::Udp, "0.0.0.0", 53));
  EXPECT_TRUE(sys::bind_inet(sys::InetKind::Tcp, "0.0.0.0", 53));
}

TEST_F(Kernel, KeepsTheAddressOfAContainerUntilItIsReleased) {
  network("demo_default");
  std::string first;
  {
    auto a = container("demo_default", "aaaa");
    first = a.at.ipv4;
  }
  EXPECT_EQ(container("demo_default", "aaaa").at.ipv4, first);
  EXPECT_NE(container("demo_default", "bbbb").at.ipv4, first);
  auto netns = must(create_container_netns());
  const auto taken = bridges_->attach("demo_default", ContainerId("dddd"), netns.get(), {.ipv4_address = first});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind(), ErrorKind::Busy);
}

}  // namespace
}  // namespace berth::network
