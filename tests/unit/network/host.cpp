// What the host brings with it: flows that exist, other firewalls, forwarding that was off, ports that are taken.
#include <fcntl.h>

#include "berth/network/datagram_proxy.hpp"
#include "berth/network/host_firewall.hpp"
#include "berth/network/ports.hpp"
#include "berth/network/shared_names.hpp"
#include "berth/sys/conntrack.hpp"
#include "kernel_fixture.hpp"

namespace berth::network {
namespace {

model::Port udp_port(std::uint16_t target, const std::string& published) {
  model::Port port;
  port.target = target;
  port.published = published;
  port.protocol = model::Protocol::Udp;
  return port;
}
model::Port tcp_port(std::uint16_t target, const std::string& published) {
  model::Port port;
  port.target = target;
  port.published = published;
  return port;
}

class Host : public Kernel {
 protected:
  static UniqueFd udp_in(int netns, const std::string& address, std::uint16_t port) {
    auto scope = must(sys::NetnsScope::enter(netns));
    return must(sys::bind_inet(sys::InetKind::Udp, address, port));
  }
  static UniqueFd udp_to(int netns, const std::string& address, std::uint16_t port) {
    auto scope = must(sys::NetnsScope::enter(netns));
    return must(sys::connect_inet(sys::InetKind::Udp, address, port));
  }
  static bool readable(int fd, UdpProxy* proxy = nullptr) {
    for (int i = 0; i < 8; ++i) {
      pollfd watched[] = {{fd, POLLIN, 0}, {proxy ? proxy->fd() : -1, POLLIN, 0}};
      ::poll(watched, 2, 100);
      if (proxy) proxy->on_ready(UdpProxy::Clock::now());
      if (watched[0].revents & POLLIN) return true;
    }
    return false;
  }
  // A word to the server and back.
  static bool asks(int client, int server, UdpProxy* proxy = nullptr) {
    if (::send(client, "ping", 4, 0) != 4 || !readable(server, proxy)) return false;
    char word[8];
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    if (::recvfrom(server, word, sizeof word, 0, reinterpret_cast<sockaddr*>(&from), &size) != 4) return false;
    if (::sendto(server, "pong", 4, 0, reinterpret_cast<sockaddr*>(&from), size) != 4) return false;
    return readable(client, proxy) && ::recv(client, word, sizeof word, 0) == 4 && std::string(word, 4) == "pong";
  }
  ProjectFirewall firewall_of(const NetworkRecord& record) {
    return {firewall_table(root_, ProjectName("demo")), {firewall_network(record)}, {}};
  }
};

TEST_F(Host, PublishesUdpFromOutsideAndOverLoopbackOfBothFamilies) {
  const auto record = network("demo_default");
  auto a = container("demo_default", "aaaa");
  const auto address = *sys::Ipv4::parse(a.at.ipv4);
  auto reserved = must(reserve_port(udp_port(53, "5353")));
  auto firewall = firewall_of(record);
  firewall.ports.push_back(translation_of(reserved.publication, address));
  must(apply_firewall(firewall));
  auto server = udp_in(a.netns.get(), "0.0.0.0", 53);
  EXPECT_TRUE(asks(udp_to(outside_.get(), "192.0.2.1", 5353).get(), server.get())) << "outside";
  EXPECT_TRUE(asks(udp_to(host_.get(), "192.0.2.1", 5353).get(), server.get())) << "the host's own address";
  auto proxy = must(UdpProxy::create());
  for (const auto& socket : reserved.sockets) must(proxy.serve(socket.fd.get(), address, 53));
  auto first = udp_to(host_.get(), "127.0.0.1", 5353), second = udp_to(host_.get(), "127.0.0.1", 5353);
  EXPECT_TRUE(asks(first.get(), server.get(), &proxy));
  EXPECT_TRUE(asks(second.get(), server.get(), &proxy));
  EXPECT_TRUE(asks(first.get(), server.get(), &proxy)) << "a client that is known";
  EXPECT_TRUE(asks(udp_to(host_.get(), "127.0.0.9", 5353).get(), server.get(), &proxy)) << "answer from 127.0.0.9";
  if (reserved.sockets.size() == 2) {
    EXPECT_TRUE(asks(udp_to(host_.get(), "::1", 5353).get(), server.get(), &proxy)) << "loopback 6";
  }
  EXPECT_GE(proxy.clients(), 3u);
  ASSERT_TRUE(proxy.deadline());
  proxy.on_ready(*proxy.deadline() + std::chrono::seconds(100));
  EXPECT_EQ(proxy.clients(), 0u) << "silent clients are forgotten";
}

TEST_F(Host, DeletesFlowsThatMissATranslationOrGoToAnAddressThatIsGone) {
  const auto record = network("demo_default");
  auto a = container("demo_default", "aaaa");
  const auto address = *sys::Ipv4::parse(a.at.ipv4);
  auto server = udp_in(a.netns.get(), "0.0.0.0", 99);
  auto firewall = firewall_of(record);
  must(apply_firewall(firewall));  // its chains make the kernel track
  auto client = udp_to(outside_.get(), "192.0.2.1", 9000);
  auto program = udp_in(host_.get(), "0.0.0.0", 9000);
  ASSERT_TRUE(asks(client.get(), program.get())) << "before it is published";
  program.reset();
  auto reserved = must(reserve_port(udp_port(99, "9000")));
  firewall.ports.push_back(translation_of(reserved.publication, address));
  must(apply_firewall(firewall));
  EXPECT_FALSE(asks(client.get(), server.get())) << "the flow exists: this is what must be deleted";
  EXPECT_EQ(must(forget_flows({address}, {reserved.publication})), 1u);
  EXPECT_TRUE(asks(client.get(), server.get()));
  // The container goes; another takes over the port.
  auto b = container("demo_default", "bbbb");
  auto other = udp_in(b.netns.get(), "0.0.0.0", 99);
  firewall.ports = {translation_of(reserved.publication, *sys::Ipv4::parse(b.at.ipv4))};
  must(apply_firewall(firewall));
  EXPECT_FALSE(asks(client.get(), other.get()));
  EXPECT_GE(must(forget_flows({address}, {})), 1u);
  EXPECT_TRUE(asks(client.get(), other.get()));
  for (const auto& flow : must(sys::observe_flows())) EXPECT_NE(flow.reply_source, address);
}

TEST_F(Host, PassesForwardChainsThatDropByDefaultAndTakesItsRulesAway) {
  must(sys::write_value("/proc/sys/net/bridge/bridge-nf-call-iptables", "1"));
  const auto record = network("demo_default");
  auto a = container("demo_default", "aaaa"), b = container("demo_default", "bbbb");
  auto reserved = must(reserve_port(tcp_port(80, "8080")));
  auto firewall = firewall_of(record);
  firewall.ports.push_back(translation_of(reserved.publication, *sys::Ipv4::parse(a.at.ipv4)));
  must(apply_firewall(firewall));
  auto web = listen_in(a.netns.get(), 80);
  auto beyond = listen_in(outside_.get(), 99);
  const auto all = [&] {
    return std::string(reaches(b.netns.get(), a.at.ipv4, 80, web.get()) ? "near " : "") +
           (reaches(outside_.get(), "192.0.2.1", 8080, web.get()) ? "published " : "") +
           (reaches(a.netns.get(), "192.0.2.2", 99, beyond.get()) ? "out" : "");
  };
  ASSERT_EQ(all(), "near published out");
  auto socket = must(sys::NetlinkSocket::open(NETLINK_NETFILTER));
  sys::NetlinkBatch batch;
  sys::begin_nft_batch(batch);
  sys::replace_nft_table(batch, "filter");
  sys::add_nft_chain(batch, "filter", "FORWARD", "filter", sys::NftHook::Forward, 0, sys::NftPolicy::Drop);
  sys::add_nft_chain(batch, "filter", "INPUT", "filter", sys::NftHook::Input, 0);
  sys::end_nft_batch(batch);
  must(socket.commit(batch, "set up", "a foreign firewall"));
  EXPECT_EQ(all(), "");
  const auto notes = must(pass_host_firewall(socket, firewall.table, {record.bridge}, true));
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("`ip filter`"), std::string::npos) << notes[0];
  EXPECT_EQ(all(), "near published out");
  EXPECT_FALSE(reaches(outside_.get(), a.at.ipv4, 80, web.get())) << "our own table still decides";
  EXPECT_TRUE(must(pass_host_firewall(socket, firewall.table, {record.bridge})).empty()) << "again: nothing to do";
  EXPECT_EQ(must(sys::observe_nft_rules("filter")).size(), 2u);
  must(pass_host_firewall(socket, firewall.table, {}));
  EXPECT_TRUE(must(sys::observe_nft_rules("filter")).empty());
}

TEST_F(Host, SeesThatItsTableWasFlushedAndPutsItBack) {
  const auto record = network("demo_default");
  auto firewall = firewall_of(record);
  auto watch = must(sys::watch_nft());
  auto socket = must(sys::NetlinkSocket::open(NETLINK_NETFILTER));
  must(apply_firewall(firewall));
  EXPECT_TRUE(must(has_firewall(socket, firewall)));
  EXPECT_TRUE(sys::drain_nft_watch(watch.get()));
  must(remove_firewall(firewall.table));  // as `nft flush ruleset` does
  EXPECT_TRUE(sys::drain_nft_watch(watch.get()));
  EXPECT_FALSE(must(has_firewall(socket, firewall)));
  must(apply_firewall(firewall));
  EXPECT_TRUE(must(has_firewall(socket, firewall)));
}

TEST_F(Host, TurnsForwardingOnForItsOwnBridgesOnlyAndOffWithTheLastNetwork) {
  const std::string forward = "/proc/sys/net/ipv4/ip_forward";
  const auto is_on = [&] { return must(sys::read_file(forward))[0] == '1'; };
  must(sys::write_value(forward, "0"));
  auto socket = must(sys::NetlinkSocket::open(NETLINK_ROUTE));
  const int uplink = must(sys::observe_link(socket, "uplink")).index;
  network("demo_default");
  auto a = container("demo_default", "aaaa");
  EXPECT_TRUE(must(enable_forwarding(root_)));
  EXPECT_TRUE(is_on());
  EXPECT_FALSE(must(enable_forwarding(root_))) << "again: nothing to say";
  const std::string table = "berth_forward_";
  std::string ours;
  for (const auto& chain : must(sys::observe_nft_chains()))
    if (chain.table.name.starts_with(table)) ours = chain.table.name;
  ASSERT_FALSE(ours.empty());
  must(remove_firewall(ours));
  must(enable_forwarding(root_));
  EXPECT_FALSE(must(sys::observe_nft_rules(ours)).empty()) << "flushed: put back";
  EXPECT_FALSE(must(restore_forwarding(root_))) << "a network is left";
  a.netns.reset();
  must(bridges_->release(ContainerId("aaaa")));
  must(bridges_->remove({"demo_default"}));
  EXPECT_FALSE(must(restore_forwarding(root_))) << "another bridge may need it";
  EXPECT_TRUE(is_on());
  sys::NetlinkBatch batch;
  sys::delete_link(batch, uplink);
  must(socket.commit(batch, "remove", "uplink"));
  EXPECT_TRUE(must(restore_forwarding(root_)));
  EXPECT_FALSE(is_on());
  EXPECT_TRUE(must(sys::observe_nft_rules(ours)).empty());
}

TEST_F(Host, ForwardsNothingBetweenInterfacesThatAreNotOurs) {
  must(sys::write_value("/proc/sys/net/ipv4/ip_forward", "0"));
  network("demo_default");
  auto a = container("demo_default", "aaaa");
  must(enable_forwarding(root_));
  // A third machine on a link of its own, with the host as its router.
  auto third = must(sys::create_netns());
  auto socket = must(sys::NetlinkSocket::open(NETLINK_ROUTE));
  sys::NetlinkBatch bridge;
  sys::add_bridge(bridge, {.name = "lan", .alias = "", .mac = "", .mtu = 1400, .group = 0});
  must(socket.commit(bridge, "set up", "lan"));
  const int lan = must(sys::observe_link(socket, "lan")).index;
  sys::NetlinkBatch wire;
  sys::add_address(wire, lan, *sys::Ipv4::parse("198.51.100.1"), 24);
  sys::add_veth(
      wire,
      {.host_name = "wire2", .bridge = lan, .netns = third.get(), .peer_name = "eth0", .peer_mac = "", .mtu = 1400});
  must(socket.commit(wire, "set up", "wire2"));
  auto there = must(sys::NetlinkSocket::open_in(third.get(), NETLINK_ROUTE));
  const int eth = must(sys::observe_link(there, "eth0")).index;
  sys::NetlinkBatch inside;
  sys::set_link_up(inside, eth);
  sys::add_address(inside, eth, *sys::Ipv4::parse("198.51.100.2"), 24);
  sys::add_default_route(inside, eth, *sys::Ipv4::parse("198.51.100.1"));
  must(there.commit(inside, "set up", "third"));
  auto beyond = listen_in(outside_.get(), 99);
  EXPECT_FALSE(reaches(third.get(), "192.0.2.2", 99, beyond.get()));
  EXPECT_TRUE(reaches(a.netns.get(), "192.0.2.2", 99, beyond.get()));
}

TEST_F(Host, NamesTheContainerOrTheProgramThatHasAPort) {
  const auto reserved = must(reserve_port(tcp_port(80, "8080")));
  const ContainerId id(std::string(64, 'a'));
  must(claim_ports(root_, {"shop", "shop-web-1", id}, {reserved.publication}));
  auto taken = reserve_port(tcp_port(80, "8080"), must(read_port_owners(root_)));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind(), ErrorKind::Busy);
  EXPECT_NE(taken.error().to_string().find("Bind for 0.0.0.0:8080 failed: port is already allocated (published by "
                                           "container `shop-web-1` of project `shop`)"),
            std::string::npos)
      << taken.error().to_string();
  auto udp = reserve_port(udp_port(80, "8080"), must(read_port_owners(root_)));
  EXPECT_TRUE(udp) << "another protocol";
  must(release_ports(root_, id));
  EXPECT_TRUE(must(read_port_owners(root_)).empty());
  taken = reserve_port(tcp_port(80, "8080"), must(read_port_owners(root_)));
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().to_string().find("pid " + std::to_string(::getpid())), std::string::npos)
      << taken.error().to_string();
  // A range takes the next one; an ephemeral port is any.
  EXPECT_EQ(must(reserve_port(tcp_port(80, "8080-8090"))).publication.host_port, 8081);
  EXPECT_GT(must(reserve_port(tcp_port(80, ""))).publication.host_port, 1024);
  const auto last = must(reserve_port(tcp_port(80, "8099")));
  EXPECT_FALSE(reserve_port(tcp_port(80, "8099-8099"))) << "a range that is full";
}

TEST_F(Host, SharesNamesOfANetworkBetweenProjects) {
  const std::string run = root_ + "/run";
  must(sys::make_directories(run));
  auto shop = must(SharedNames::create(run, ProjectName("shop"))),
       proxy = must(SharedNames::create(run, ProjectName("proxy")));
  const ContainerId web("aa"), front("bb");
  must(shop.publish("shop_default", web, {"shop", "172.18.0.2", {"web"}}));
  EXPECT_TRUE(must(shop.changes()).empty()) << "nobody else is in it";
  must(proxy.share("shop_default"));
  must(proxy.publish("shop_default", front, {"proxy", "172.18.0.3", {"front"}}));
  must(proxy.changes());
  EXPECT_EQ(must(shop.changes())["shop_default"][front].ipv4, "172.18.0.3");
  EXPECT_EQ(must(proxy.changes())["shop_default"][web].names, std::vector<std::string>{"web"});
  must(shop.withdraw(web));
  pollfd told{proxy.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&told, 1, 1000), 1);
  EXPECT_TRUE(must(proxy.changes())["shop_default"].empty());
  must(shop.unshare("shop_default"));
  EXPECT_FALSE(sys::exists(run + "/.shared/shop_default"));
}

}  // namespace
}  // namespace berth::network
