// nf_tables without libnftables: a batch of tables, chains, maps and rules, encoded in memory and applied atomically.
//
// Only the expressions that berth uses. A rule is a list of expressions; each loads registers, compares, or acts:
//   NftRule rule(batch, "berth_x", "forward");  rule.out_interface("br-1");  rule.drop();
// Traps: the kernel acknowledges no batch end, so the last message before it carries the request for an answer; a NAT
// chain must hook the same place as its action (DNAT: prerouting, output; masquerade: postrouting).
//
// What is there, ours and other people's, is read by observe_nft_chains and observe_nft_rules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "berth/sys/ipv4.hpp"
#include "berth/sys/netlink.hpp"

namespace berth::sys {

enum class NftHook { Prerouting = 0, Input = 1, Forward = 2, Output = 3, Postrouting = 4 };
enum class NftFamily : std::uint8_t { Inet = 1, Ipv4 = 2, Ipv6 = 10 };
enum class NftPolicy { Accept, Drop };

// A table's name with its family; a name alone is of family ip, as all tables of berth are.
struct NftTable {
  std::string name;
  NftFamily family = NftFamily::Ipv4;
  NftTable(std::string n, NftFamily f = NftFamily::Ipv4) : name(std::move(n)), family(f) {}
  NftTable(const char* n) : name(n) {}
  bool operator==(const NftTable&) const = default;
};

void begin_nft_batch(NetlinkBatch& batch);
void end_nft_batch(NetlinkBatch& batch);  // after the last message; acknowledges there

// AlreadyExists where there is one. A transaction that only adds leaves the kernel nothing to free (see firewall.hpp).
void add_nft_table(NetlinkBatch& batch, const NftTable& table);
// Replaces the table by an empty one (or creates it) within the transaction.
void replace_nft_table(NetlinkBatch& batch, const NftTable& table);
void delete_nft_table(NetlinkBatch& batch, const NftTable& table);  // one that is not there is no failure
void add_nft_chain(NetlinkBatch& batch, const NftTable& table, const std::string& chain, std::string_view type,
                   NftHook hook, int priority, NftPolicy policy = NftPolicy::Accept);
void delete_nft_rule(NetlinkBatch& batch, const NftTable& table, const std::string& chain, std::uint64_t handle);

// What a published port looks like in the maps: (address,) protocol, port -> address, port.
struct NftDnat {
  Ipv4 host;  // 0.0.0.0: any address of the host (then not part of the key)
  std::uint8_t protocol = 6;
  std::uint16_t host_port = 0;
  Ipv4 target;
  std::uint16_t target_port = 0;
};
// A map proto.port -> address.port, or with `by_address` daddr.proto.port -> address.port. `id` unique in the batch.
void add_nft_dnat_map(NetlinkBatch& batch, const NftTable& table, const std::string& map, std::uint32_t id,
                      bool by_address, const std::vector<NftDnat>& elements);

enum class NftPlace { Last, First };
// One rule, from construction to destruction. `comment` is what `nft list` shows behind it.
class NftRule {
 public:
  NftRule(NetlinkBatch& batch, const NftTable& table, const std::string& chain, NftPlace place = NftPlace::Last,
          const std::string& comment = {});
  ~NftRule();
  NftRule(const NftRule&) = delete;

  void in_interface(std::string_view name, bool equal = true);
  void out_interface(std::string_view name, bool equal = true);
  void in_group(std::uint32_t group, bool equal = true);  // of the interface
  void out_group(std::uint32_t group, bool equal = true);
  void source(Ipv4Subnet subnet, bool equal = true);
  void destination(Ipv4Subnet subnet, bool equal = true);
  void destination_is_local();  // fib daddr type local
  void protocol(std::uint8_t number);
  void destination_port(std::uint16_t port);
  void conntrack_state(std::uint32_t bits);  // any of kNftEstablished, kNftRelated
  void translated();                         // ct status dnat
  void dnat(Ipv4 address, std::uint16_t port);
  void dnat_by_map(const std::string& map, std::uint32_t id, bool by_address);
  void masquerade();
  void accept();
  void drop();

 private:
  void verdict(int code);
  NetlinkBatch& batch_;
  std::size_t list_;
};
inline constexpr std::uint32_t kNftEstablished = 2, kNftRelated = 4;

struct NftChainState {
  NftTable table{""};
  std::string chain;
  std::string type;             // "filter", "nat"; empty: no base chain
  std::optional<NftHook> hook;  // nothing: only jumped to
  NftPolicy policy = NftPolicy::Accept;
};
struct NftRuleState {
  std::string chain;
  std::uint64_t handle = 0;
  std::string comment;
};
// Decoders of foreign bytes; pure. Families other than ip, ip6 and inet are left out.
Result<std::vector<NftChainState>> decode_nft_chains(std::string_view bytes);
Result<std::vector<NftRuleState>> decode_nft_rules(std::string_view bytes);
std::size_t count_nft_rules(std::string_view batch);  // that a batch would add

Result<std::vector<NftChainState>> observe_nft_chains(NetlinkSocket& socket);
Result<std::vector<NftChainState>> observe_nft_chains();
// Of one table (all chains where `chain` is empty). A table that is not there has none.
Result<std::vector<NftRuleState>> observe_nft_rules(NetlinkSocket& socket, const NftTable& table,
                                                    const std::string& chain = {});
Result<std::vector<NftRuleState>> observe_nft_rules(const NftTable& table, const std::string& chain = {});

// Socket that becomes readable when anybody changes the rule set (NFNLGRP_NFTABLES): `nft flush ruleset` of a firewall
// takes our tables with it, and they must be put back.
Result<UniqueFd> watch_nft();
// Reads away what is pending; true where there was something.
bool drain_nft_watch(int fd);

}  // namespace berth::sys
