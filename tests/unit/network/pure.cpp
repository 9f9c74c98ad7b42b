#include <gtest/gtest.h>

#include "berth/network/dns.hpp"
#include "berth/network/files.hpp"
#include "berth/network/ipam.hpp"

namespace berth::network {
namespace {

using sys::Ipv4;
using sys::Ipv4Subnet;
using namespace std::string_literals;

std::string query_for(const std::string& wire_name, char type) {
  return "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"s + wire_name + "\x00\x00"s + type + "\x00\x01"s;
}

TEST(Ipam, SkipsWhatOverlapsAndCarvesSmallSubnetsWhenDockersPoolsAreFull) {
  std::vector<Ipv4Subnet> taken{*Ipv4Subnet::parse("172.17.3.0/24")};
  EXPECT_EQ(choose_subnet(taken, default_pools())->text(), "172.18.0.0/16");
  taken.clear();
  for (int i = 0; i < 100; ++i) {
    const auto next = choose_subnet(taken, default_pools());
    ASSERT_TRUE(next);
    for (const auto& other : taken) ASSERT_FALSE(other.overlaps(*next));
    taken.push_back(*next);
  }
  EXPECT_EQ(taken.back().prefix, 24);
}

TEST(Ipam, RefusesAddressesOutsideReservedOrTaken) {
  const auto subnet = *Ipv4Subnet::parse("10.9.0.0/24");
  const auto gateway = *Ipv4::parse("10.9.0.1");
  EXPECT_EQ(choose_address(subnet, subnet, {gateway})->text(), "10.9.0.2");
  for (const char* bad : {"10.9.1.2", "10.9.0.0", "10.9.0.255", "10.9.0.1"})
    EXPECT_FALSE(check_address(subnet, *Ipv4::parse(bad), {gateway})) << bad;
  EXPECT_FALSE(Ipv4::parse("10.9.0.01"));
  EXPECT_FALSE(Ipv4::parse("10.9.1"));
}

TEST(Dns, AnswersLocalNamesInAnyCaseAndNoDataForOtherTypes) {
  DnsZone zone;
  zone.set("demo_default", ContainerId("a"), *Ipv4::parse("172.18.0.2"), {"demo-web-1", "Web"});
  zone.set("demo_default", ContainerId("b"), *Ipv4::parse("172.18.0.3"), {"demo-web-2", "web"});
  const DnsAsker asker{.networks = {"demo_default"}};
  auto reply = answer_dns(query_for("\3WEB\0"s.substr(0, 4), 1), zone, asker, DnsTransport::Udp, 0);
  ASSERT_TRUE(reply);
  EXPECT_EQ((*reply)[7], 2);
  EXPECT_EQ(reply->substr(12, 5), "\3WEB\0"s);  // the question as it was asked
  reply = answer_dns(query_for("\3web", 28), zone, asker, DnsTransport::Udp, 0);
  ASSERT_TRUE(reply);
  EXPECT_EQ((*reply)[7], 0);
  EXPECT_EQ((*reply)[3] & 15, 0);
  reply = answer_dns(query_for("\1"
                               "2\1"
                               "0\2"
                               "18\3"
                               "172\7in-addr\4arpa",
                               12),
                     zone, asker, DnsTransport::Udp, 0);
  ASSERT_TRUE(reply);
  EXPECT_NE(reply->find("demo-web-1"), std::string::npos);
  EXPECT_FALSE(answer_dns(query_for("\7example\3com", 1), zone, asker, DnsTransport::Udp, 0));
  zone.remove(ContainerId("a"));
  zone.remove(ContainerId("b"));
  EXPECT_FALSE(answer_dns(query_for("\3web", 1), zone, asker, DnsTransport::Udp, 0));
  EXPECT_EQ((*answer_dns(query_for("\3web", 1), zone,
                         {.networks = {}, .links = {}, .may_forward = false, .servers = {}}, DnsTransport::Udp, 0))[3] &
                15,
            3);
}

TEST(Dns, RefusesMalformedQueriesAndTruncatesForUdp) {
  EXPECT_FALSE(decode_dns_query("short"));
  EXPECT_FALSE(decode_dns_query(query_for("\xc0\x0c", 1)));
  EXPECT_FALSE(decode_dns_query(query_for("\3web", 1).substr(0, 15)));
  const auto query = query_for("\3web", 1);
  const auto cut = fit_dns_reply(query + std::string(600, 'x'), query, DnsTransport::Udp);
  EXPECT_LE(cut.size(), 512u);
  EXPECT_TRUE(cut[2] & 2);
}

TEST(Files, KeepSearchListAndNameTheEmbeddedServer) {
  const auto host = parse_resolv_conf("# c\nnameserver 127.0.0.53\nsearch a.example b.example\noptions edns0\n");
  EXPECT_EQ(host.servers, std::vector<std::string>{"127.0.0.53"});
  EXPECT_EQ(resolv_conf_text(host, {}, {}),
            "nameserver 127.0.0.11\nsearch a.example b.example\noptions edns0 ndots:0\n");
  const auto hosts = hosts_text({"172.18.0.2"}, "web", "", {{"db", {"host-gateway"}}}, "172.18.0.1");
  EXPECT_NE(hosts.find("172.18.0.1\tdb\n"), std::string::npos);
  EXPECT_NE(hosts.find("172.18.0.2\tweb\n"), std::string::npos);
}

}  // namespace
}  // namespace berth::network
