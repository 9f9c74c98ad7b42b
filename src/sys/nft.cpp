#include "berth/sys/nft.hpp"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <tuple>

namespace berth::sys {
namespace {

void nft_message(NetlinkBatch& batch, const NftTable& table, int type, std::uint16_t flags) {
  const nfgenmsg header{static_cast<std::uint8_t>(table.family), NFNETLINK_V0, 0};
  batch.begin(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type),
              static_cast<std::uint16_t>(NLM_F_REQUEST | flags), header);
}
void nft_marker(NetlinkBatch& batch, std::uint16_t type) {
  const nfgenmsg header{AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES)};
  batch.begin(type, NLM_F_REQUEST, header);
}

class NftExpression {
 public:
  NftExpression(NetlinkBatch& batch, std::string_view name) : batch_(batch), element_(batch.nest(NFTA_LIST_ELEM)) {
    batch.text(NFTA_EXPR_NAME, name);
    data_ = batch.nest(NFTA_EXPR_DATA);
  }
  ~NftExpression() {
    batch_.end(data_);
    batch_.end(element_);
  }

 private:
  NetlinkBatch& batch_;
  std::size_t element_, data_ = 0;
};

void nft_value(NetlinkBatch& batch, std::uint16_t attribute, const void* value, std::size_t size) {
  const auto data = batch.nest(attribute);
  batch.attribute(NFTA_DATA_VALUE, value, size);
  batch.end(data);
}
void nft_compare(NetlinkBatch& batch, bool equal, const void* value, std::size_t size) {
  NftExpression expression(batch, "cmp");
  batch.be32(NFTA_CMP_SREG, NFT_REG_1);
  batch.be32(NFTA_CMP_OP, equal ? NFT_CMP_EQ : NFT_CMP_NEQ);
  nft_value(batch, NFTA_CMP_DATA, value, size);
}
void nft_mask(NetlinkBatch& batch, const void* mask) {  // 4 bytes of register 1
  const std::uint32_t zero = 0;
  NftExpression expression(batch, "bitwise");
  batch.be32(NFTA_BITWISE_SREG, NFT_REG_1);
  batch.be32(NFTA_BITWISE_DREG, NFT_REG_1);
  batch.be32(NFTA_BITWISE_LEN, 4);
  nft_value(batch, NFTA_BITWISE_MASK, mask, 4);
  nft_value(batch, NFTA_BITWISE_XOR, &zero, 4);
}
void nft_load_meta(NetlinkBatch& batch, std::uint32_t key, std::uint32_t to = NFT_REG_1) {
  NftExpression expression(batch, "meta");
  batch.be32(NFTA_META_DREG, to);
  batch.be32(NFTA_META_KEY, key);
}
void nft_load_payload(NetlinkBatch& batch, std::uint32_t base, std::uint32_t offset, std::uint32_t size,
                      std::uint32_t to = NFT_REG_1) {
  NftExpression expression(batch, "payload");
  batch.be32(NFTA_PAYLOAD_DREG, to);
  batch.be32(NFTA_PAYLOAD_BASE, base);
  batch.be32(NFTA_PAYLOAD_OFFSET, offset);
  batch.be32(NFTA_PAYLOAD_LEN, size);
}
void nft_load_conntrack(NetlinkBatch& batch, std::uint32_t key) {
  NftExpression expression(batch, "ct");
  batch.be32(NFTA_CT_DREG, NFT_REG_1);
  batch.be32(NFTA_CT_KEY, key);
}
void nft_interface(NetlinkBatch& batch, std::uint32_t key, std::string_view name, bool equal) {
  char padded[IFNAMSIZ] = {};
  name.copy(padded, IFNAMSIZ - 1);
  nft_load_meta(batch, key);
  nft_compare(batch, equal, padded, sizeof padded);
}
void nft_subnet(NetlinkBatch& batch, std::uint32_t offset, Ipv4Subnet subnet, bool equal) {
  const std::uint32_t mask = htonl(subnet.mask()), network = htonl(subnet.network.value);
  nft_load_payload(batch, NFT_PAYLOAD_NETWORK_HEADER, offset, 4);
  if (subnet.prefix < 32) nft_mask(batch, &mask);
  nft_compare(batch, equal, &network, 4);
}
void nft_dnat_to(NetlinkBatch& batch, std::uint32_t address, std::uint32_t port) {
  NftExpression expression(batch, "nat");
  batch.be32(NFTA_NAT_TYPE, NFT_NAT_DNAT);
  batch.be32(NFTA_NAT_FAMILY, NFPROTO_IPV4);
  batch.be32(NFTA_NAT_REG_ADDR_MIN, address);
  batch.be32(NFTA_NAT_REG_PROTO_MIN, port);
}

// nft's own numbers of data types: `nft list` shows our maps with them. Six bits each in a concatenation.
constexpr std::uint32_t kTypeAddress = 7, kTypeProtocol = 12, kTypePort = 13;

}  // namespace

void begin_nft_batch(NetlinkBatch& batch) { nft_marker(batch, NFNL_MSG_BATCH_BEGIN); }
void end_nft_batch(NetlinkBatch& batch) {
  batch.acknowledge_here();
  nft_marker(batch, NFNL_MSG_BATCH_END);
}

void add_nft_table(NetlinkBatch& batch, const NftTable& table) {
  nft_message(batch, table, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
  batch.text(NFTA_TABLE_NAME, table.name);
}
void replace_nft_table(NetlinkBatch& batch, const NftTable& table) {
  delete_nft_table(batch, table);
  nft_message(batch, table, NFT_MSG_NEWTABLE, NLM_F_CREATE);
  batch.text(NFTA_TABLE_NAME, table.name);
}
void delete_nft_table(NetlinkBatch& batch, const NftTable& table) {
  // Creating it first makes the deletion succeed whether it was there or not.
  nft_message(batch, table, NFT_MSG_NEWTABLE, NLM_F_CREATE);
  batch.text(NFTA_TABLE_NAME, table.name);
  nft_message(batch, table, NFT_MSG_DELTABLE, 0);
  batch.text(NFTA_TABLE_NAME, table.name);
}

void add_nft_chain(NetlinkBatch& batch, const NftTable& table, const std::string& chain, std::string_view type,
                   NftHook hook, int priority, NftPolicy policy) {
  nft_message(batch, table, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
  batch.text(NFTA_CHAIN_TABLE, table.name);
  batch.text(NFTA_CHAIN_NAME, chain);
  const auto nest = batch.nest(NFTA_CHAIN_HOOK);
  batch.be32(NFTA_HOOK_HOOKNUM, static_cast<std::uint32_t>(hook));
  batch.be32(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(priority));
  batch.end(nest);
  batch.text(NFTA_CHAIN_TYPE, type);
  if (policy == NftPolicy::Drop) batch.be32(NFTA_CHAIN_POLICY, NF_DROP);
}

void delete_nft_rule(NetlinkBatch& batch, const NftTable& table, const std::string& chain, std::uint64_t handle) {
  nft_message(batch, table, NFT_MSG_DELRULE, 0);
  batch.text(NFTA_RULE_TABLE, table.name);
  batch.text(NFTA_RULE_CHAIN, chain);
  const std::uint64_t wire = htobe64(handle);
  batch.attribute(NFTA_RULE_HANDLE, &wire, sizeof wire);
}

void add_nft_dnat_map(NetlinkBatch& batch, const NftTable& table, const std::string& map, std::uint32_t id,
                      bool by_address, const std::vector<NftDnat>& elements) {
  const std::uint32_t plain = kTypeProtocol << 6 | kTypePort;
  nft_message(batch, table, NFT_MSG_NEWSET, NLM_F_CREATE);
  batch.text(NFTA_SET_TABLE, table.name);
  batch.text(NFTA_SET_NAME, map);
  batch.be32(NFTA_SET_FLAGS, NFT_SET_MAP);
  batch.be32(NFTA_SET_KEY_TYPE, by_address ? kTypeAddress << 12 | plain : plain);
  batch.be32(NFTA_SET_KEY_LEN, by_address ? 12 : 8);
  batch.be32(NFTA_SET_DATA_TYPE, kTypeAddress << 6 | kTypePort);
  batch.be32(NFTA_SET_DATA_LEN, 8);
  batch.be32(NFTA_SET_ID, id);
  // An attribute holds 64 KB at most; an element takes about 50 bytes.
  constexpr std::size_t kElementsPerMessage = 500;
  for (std::size_t first = 0; first < elements.size(); first += kElementsPerMessage) {
    nft_message(batch, table, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
    batch.text(NFTA_SET_ELEM_LIST_TABLE, table.name);
    batch.text(NFTA_SET_ELEM_LIST_SET, map);
    batch.be32(NFTA_SET_ELEM_LIST_SET_ID, id);
    const auto list = batch.nest(NFTA_SET_ELEM_LIST_ELEMENTS);
    for (std::size_t i = first; i < std::min(elements.size(), first + kElementsPerMessage); ++i) {
      const auto& element = elements[i];
      const auto entry = batch.nest(NFTA_LIST_ELEM);
      // Each part of a concatenation fills a 4-byte register, value first.
      unsigned char key[12] = {};
      const std::uint32_t host = htonl(element.host.value), target = htonl(element.target.value);
      const std::uint16_t host_port = htons(element.host_port), target_port = htons(element.target_port);
      unsigned char* at = key;
      if (by_address) std::memcpy(at, &host, 4), at += 4;
      at[0] = element.protocol;
      std::memcpy(at + 4, &host_port, 2);
      unsigned char value[8] = {};
      std::memcpy(value, &target, 4);
      std::memcpy(value + 4, &target_port, 2);
      nft_value(batch, NFTA_SET_ELEM_KEY, key, by_address ? 12 : 8);
      nft_value(batch, NFTA_SET_ELEM_DATA, value, sizeof value);
      batch.end(entry);
    }
    batch.end(list);
  }
}

NftRule::NftRule(NetlinkBatch& batch, const NftTable& table, const std::string& chain, NftPlace place,
                 const std::string& comment)
    : batch_(batch) {
  nft_message(batch, table, NFT_MSG_NEWRULE,
              static_cast<std::uint16_t>(NLM_F_CREATE | (place == NftPlace::Last ? NLM_F_APPEND : 0)));
  batch.text(NFTA_RULE_TABLE, table.name);
  batch.text(NFTA_RULE_CHAIN, chain);
  if (!comment.empty()) {
    // nft's own form: type 0 (a comment), length, text with its zero.
    std::string data{'\0', static_cast<char>(comment.size() + 1)};
    data += comment;
    data += '\0';
    batch.attribute(NFTA_RULE_USERDATA, data.data(), data.size());
  }
  list_ = batch.nest(NFTA_RULE_EXPRESSIONS);
}
NftRule::~NftRule() { batch_.end(list_); }

void NftRule::in_interface(std::string_view name, bool equal) { nft_interface(batch_, NFT_META_IIFNAME, name, equal); }
void NftRule::out_interface(std::string_view name, bool equal) { nft_interface(batch_, NFT_META_OIFNAME, name, equal); }
void NftRule::in_group(std::uint32_t group, bool equal) {
  nft_load_meta(batch_, NFT_META_IIFGROUP);
  nft_compare(batch_, equal, &group, sizeof group);
}
void NftRule::out_group(std::uint32_t group, bool equal) {
  nft_load_meta(batch_, NFT_META_OIFGROUP);
  nft_compare(batch_, equal, &group, sizeof group);
}
void NftRule::source(Ipv4Subnet subnet, bool equal) { nft_subnet(batch_, 12, subnet, equal); }
void NftRule::destination(Ipv4Subnet subnet, bool equal) { nft_subnet(batch_, 16, subnet, equal); }
void NftRule::destination_is_local() {
  {
    NftExpression expression(batch_, "fib");
    batch_.be32(NFTA_FIB_DREG, NFT_REG_1);
    batch_.be32(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
    batch_.be32(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
  }
  const std::uint32_t local = 2;  // RTN_LOCAL
  nft_compare(batch_, true, &local, sizeof local);
}
void NftRule::protocol(std::uint8_t number) {
  nft_load_meta(batch_, NFT_META_L4PROTO);
  nft_compare(batch_, true, &number, 1);
}
void NftRule::destination_port(std::uint16_t port) {
  const std::uint16_t wire = htons(port);
  nft_load_payload(batch_, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
  nft_compare(batch_, true, &wire, 2);
}
void NftRule::conntrack_state(std::uint32_t bits) {
  const std::uint32_t zero = 0;
  nft_load_conntrack(batch_, NFT_CT_STATE);
  nft_mask(batch_, &bits);
  nft_compare(batch_, false, &zero, 4);
}
void NftRule::translated() {
  const std::uint32_t bit = IPS_DST_NAT, zero = 0;
  nft_load_conntrack(batch_, NFT_CT_STATUS);
  nft_mask(batch_, &bit);
  nft_compare(batch_, false, &zero, 4);
}
void NftRule::dnat(Ipv4 address, std::uint16_t port) {
  const std::uint32_t to = htonl(address.value);
  const std::uint16_t to_port = htons(port);
  for (const auto& [reg, data, size] :
       {std::tuple<int, const void*, std::size_t>{NFT_REG_1, &to, 4}, {NFT_REG_2, &to_port, 2}}) {
    NftExpression expression(batch_, "immediate");
    batch_.be32(NFTA_IMMEDIATE_DREG, static_cast<std::uint32_t>(reg));
    nft_value(batch_, NFTA_IMMEDIATE_DATA, data, size);
  }
  nft_dnat_to(batch_, NFT_REG_1, NFT_REG_2);
}
void NftRule::dnat_by_map(const std::string& map, std::uint32_t id, bool by_address) {
  std::uint32_t at = NFT_REG32_00;
  if (by_address) nft_load_payload(batch_, NFT_PAYLOAD_NETWORK_HEADER, 16, 4, at++);
  nft_load_meta(batch_, NFT_META_L4PROTO, at++);
  nft_load_payload(batch_, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, at);
  {
    NftExpression expression(batch_, "lookup");
    batch_.text(NFTA_LOOKUP_SET, map);
    batch_.be32(NFTA_LOOKUP_SREG, NFT_REG32_00);
    batch_.be32(NFTA_LOOKUP_DREG, NFT_REG32_00);
    batch_.be32(NFTA_LOOKUP_SET_ID, id);
  }
  nft_dnat_to(batch_, NFT_REG32_00, NFT_REG32_01);
}
void NftRule::masquerade() { NftExpression expression(batch_, "masq"); }
void NftRule::verdict(int code) {
  NftExpression expression(batch_, "immediate");
  batch_.be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
  const auto data = batch_.nest(NFTA_IMMEDIATE_DATA);
  const auto nest = batch_.nest(NFTA_DATA_VERDICT);
  batch_.be32(NFTA_VERDICT_CODE, static_cast<std::uint32_t>(code));
  batch_.end(nest);
  batch_.end(data);
}
void NftRule::accept() { verdict(NF_ACCEPT); }
void NftRule::drop() { verdict(NF_DROP); }

}  // namespace berth::sys
