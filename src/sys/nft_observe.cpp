// What the kernel's rule set is, and that it changed.
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>

#include "berth/sys/nft.hpp"

namespace berth::sys {
namespace {

std::optional<NftFamily> family_of(std::string_view payload) {
  switch (static_cast<unsigned char>(payload[0])) {
    case NFPROTO_INET: return NftFamily::Inet;
    case NFPROTO_IPV4: return NftFamily::Ipv4;
    case NFPROTO_IPV6: return NftFamily::Ipv6;
  }
  return std::nullopt;
}

// Visits the attributes of each message of one kind.
Result<void> for_each_nft(std::string_view bytes, int kind,
                          const std::function<void(NftFamily, NetlinkAttributes)>& visit) {
  return for_each_netlink_message(bytes, [&](std::uint16_t type, std::string_view payload) -> Result<void> {
    if (type != (NFNL_SUBSYS_NFTABLES << 8 | kind)) return {};
    if (payload.size() < sizeof(nfgenmsg)) return Error::make(ErrorKind::Protocol, "truncated nf_tables message");
    if (const auto family = family_of(payload))
      visit(*family, NetlinkAttributes(payload.substr(NLMSG_ALIGN(sizeof(nfgenmsg)))));
    return {};
  });
}

// Type 0 of the user data of a rule: the comment, with its zero.
std::string comment_in(std::string_view data) {
  while (data.size() >= 2) {
    const std::size_t size = static_cast<unsigned char>(data[1]);
    if (size + 2 > data.size()) return {};
    if (data[0] == 0) return std::string(data.substr(2, size)).c_str();
    data.remove_prefix(size + 2);
  }
  return {};
}

Result<std::string> ask_nft(NetlinkSocket& socket, NftFamily family, int message, const std::string& table,
                            const std::string& chain, const char* what) {
  NetlinkBatch request;
  request.begin(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message), NLM_F_REQUEST | NLM_F_DUMP,
                nfgenmsg{static_cast<std::uint8_t>(family), NFNETLINK_V0, 0});
  if (!table.empty()) request.text(NFTA_RULE_TABLE, table);
  if (!chain.empty()) request.text(NFTA_RULE_CHAIN, chain);
  return socket.ask(request, what, table);
}

}  // namespace

Result<std::vector<NftChainState>> decode_nft_chains(std::string_view bytes) {
  std::vector<NftChainState> out;
  BERTH_TRY(for_each_nft(bytes, NFT_MSG_NEWCHAIN, [&](NftFamily family, NetlinkAttributes attribute) {
    NftChainState chain;
    chain.table.family = family;
    while (attribute.next()) {
      if (attribute.type() == NFTA_CHAIN_TABLE) chain.table.name = attribute.text();
      if (attribute.type() == NFTA_CHAIN_NAME) chain.chain = attribute.text();
      if (attribute.type() == NFTA_CHAIN_TYPE) chain.type = attribute.text();
      if (attribute.type() == NFTA_CHAIN_POLICY && attribute.be32() == NF_DROP) chain.policy = NftPolicy::Drop;
      if (attribute.type() == NFTA_CHAIN_HOOK)
        for (NetlinkAttributes hook(attribute.value()); hook.next();)
          if (hook.type() == NFTA_HOOK_HOOKNUM && hook.be32() <= 4) chain.hook = static_cast<NftHook>(hook.be32());
    }
    out.push_back(std::move(chain));
  }));
  return out;
}

Result<std::vector<NftRuleState>> decode_nft_rules(std::string_view bytes) {
  std::vector<NftRuleState> out;
  BERTH_TRY(for_each_nft(bytes, NFT_MSG_NEWRULE, [&](NftFamily, NetlinkAttributes attribute) {
    NftRuleState rule;
    while (attribute.next()) {
      if (attribute.type() == NFTA_RULE_CHAIN) rule.chain = attribute.text();
      if (attribute.type() == NFTA_RULE_HANDLE && attribute.value().size() == 8) {
        std::uint64_t wire = 0;
        std::memcpy(&wire, attribute.value().data(), sizeof wire);
        rule.handle = be64toh(wire);
      }
      if (attribute.type() == NFTA_RULE_USERDATA) rule.comment = comment_in(attribute.value());
    }
    out.push_back(std::move(rule));
  }));
  return out;
}

std::size_t count_nft_rules(std::string_view batch) {
  std::size_t count = 0;
  (void)for_each_nft(batch, NFT_MSG_NEWRULE, [&](NftFamily, NetlinkAttributes) { ++count; });  // we wrote it ourselves
  return count;
}

Result<std::vector<NftChainState>> observe_nft_chains(NetlinkSocket& socket) {
  auto bytes = ask_nft(socket, static_cast<NftFamily>(AF_UNSPEC), NFT_MSG_GETCHAIN, {}, {}, "list firewall chains");
  if (!bytes) return bytes.error();
  return decode_nft_chains(*bytes);
}

Result<std::vector<NftChainState>> observe_nft_chains() {
  auto socket = NetlinkSocket::open(NETLINK_NETFILTER);
  if (!socket) return socket.error();
  return observe_nft_chains(*socket);
}

Result<std::vector<NftRuleState>> observe_nft_rules(const NftTable& table, const std::string& chain) {
  auto socket = NetlinkSocket::open(NETLINK_NETFILTER);
  if (!socket) return socket.error();
  return observe_nft_rules(*socket, table, chain);
}

Result<std::vector<NftRuleState>> observe_nft_rules(NetlinkSocket& socket, const NftTable& table,
                                                    const std::string& chain) {
  auto bytes = ask_nft(socket, table.family, NFT_MSG_GETRULE, table.name, chain, "list firewall rules of");
  if (!bytes) {
    if (bytes.error().errno_value() == ENOENT) return std::vector<NftRuleState>{};
    return bytes.error();
  }
  return decode_nft_rules(*bytes);
}

Result<UniqueFd> watch_nft() {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER));
  if (!fd) return Error::system(errno, "open a netlink socket");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1u << (NFNLGRP_NFTABLES - 1);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
    return Error::system(errno, "watch the firewall's rules");
  return fd;
}
bool drain_nft_watch(int fd) {
  char room[8192];
  bool any = false;
  // ENOBUFS: events were lost, which is an event too.
  for (ssize_t size = 0;
       (size = ::recv(fd, room, sizeof room, MSG_DONTWAIT)) > 0 || (size < 0 && (errno == ENOBUFS || errno == EINTR));)
    any = true;
  return any;
}

}  // namespace berth::sys
