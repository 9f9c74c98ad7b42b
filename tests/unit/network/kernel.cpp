// Bridges, firewall, ports and DNS against the kernel.
#include "berth/network/dns.hpp"
#include "berth/network/ports.hpp"
#include "kernel_fixture.hpp"

namespace berth::network {
namespace {

using namespace std::string_literals;

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

TEST_F(Kernel, GivesABridgeWhoseMakingWasInterruptedItsAddress) {
  const auto record = network("demo_front");
  auto socket = must(sys::NetlinkSocket::open(NETLINK_ROUTE));
  sys::NetlinkBatch again;  // as it is between its creation and its address
  sys::delete_link(again, must(sys::observe_link(socket, record.bridge)).index);
  sys::add_bridge(again, {.name = record.bridge, .alias = "berth:demo:demo_front", .mac = {}, .mtu = 1400, .group = 0});
  must(socket.commit(again, "make", record.bridge));
  const auto has_address = [&] {
    const int index = must(sys::observe_link(socket, record.bridge)).index;
    for (const auto& address : must(sys::observe_addresses(socket)))
      if (address.index == index && address.address.text() == record.gateway) return true;
    return false;
  };
  ASSERT_FALSE(has_address());
  must(bridges_->repair(ProjectName("demo")));
  EXPECT_TRUE(has_address());
  must(bridges_->repair(ProjectName("demo")));
  EXPECT_TRUE(has_address()) << "the second time";
  must(bridges_->remove({"demo_front"}));
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
  EXPECT_EQ(unknown[3] & 15, 3) << "no server, one label: a service that does not run; NXDOMAIN at once";
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
