#include "berth/network/host_firewall.hpp"

#include <linux/netlink.h>

#include <algorithm>
#include <set>

#include "berth/sys/nft.hpp"

namespace berth::network {
namespace {

using sys::NftChainState;

bool is_ours(const NftChainState& chain) { return chain.table.name.starts_with("berth_"); }

bool drops_by_default(const NftChainState& chain, sys::NftHook hook) {
  if (chain.hook != hook || chain.type != "filter" || chain.table.family == sys::NftFamily::Ipv6 || is_ours(chain))
    return false;
  // firewalld's chains accept by policy and reject in their last rule.
  return chain.policy == sys::NftPolicy::Drop || chain.table.name == "firewalld";
}

std::string family_text(sys::NftFamily family) { return family == sys::NftFamily::Inet ? "inet " : "ip "; }

// Where accepts go: DOCKER-USER is the chain that Docker jumps to first and never touches.
std::string chain_for_accepts(const std::vector<NftChainState>& chains, const NftChainState& base) {
  const bool user_chain = std::any_of(chains.begin(), chains.end(), [&](const NftChainState& each) {
    return each.table == base.table && each.chain == "DOCKER-USER";
  });
  return user_chain ? "DOCKER-USER" : base.chain;
}

}  // namespace

Result<std::vector<std::string>> pass_host_firewall(sys::NetlinkSocket& socket, const std::string& table,
                                                    const std::vector<std::string>& bridges, bool publishes) {
  auto chains = sys::observe_nft_chains(socket);
  if (!chains) return chains.error();
  std::vector<std::string> notes;
  sys::NetlinkBatch batch;
  bool changes = false;
  sys::begin_nft_batch(batch);
  for (const auto& base : *chains) {
    if (publishes && !bridges.empty() && drops_by_default(base, sys::NftHook::Input))
      notes.push_back("the firewall of this host (table `" + family_text(base.table.family) + base.table.name +
                      "`) drops incoming connections, but published ports are reached all the same; publish them at "
                      "127.0.0.1 to keep them inside");
    if (!drops_by_default(base, sys::NftHook::Forward)) continue;
    const std::string chain = chain_for_accepts(*chains, base);
    auto rules = sys::observe_nft_rules(socket, base.table, chain);
    if (!rules) return rules.error();
    std::set<std::string> there;
    for (const auto& rule : *rules) {
      if (!rule.comment.starts_with(table + ' ')) continue;
      const std::string bridge = rule.comment.substr(table.size() + 1);
      if (std::find(bridges.begin(), bridges.end(), bridge) != bridges.end()) {
        there.insert(bridge);
        continue;
      }
      sys::delete_nft_rule(batch, base.table, chain, rule.handle);
      changes = true;
    }
    std::string added;
    for (const auto& bridge : bridges) {
      if (there.count(bridge)) continue;
      for (const bool in : {true, false}) {
        sys::NftRule rule(batch, base.table, chain, sys::NftPlace::First, table + ' ' + bridge);
        if (in)
          rule.in_interface(bridge);
        else
          rule.out_interface(bridge);
        rule.accept();
      }
      added += (added.empty() ? "" : ", ") + bridge;
      changes = true;
    }
    if (!added.empty())
      notes.push_back("the firewall of this host drops forwarded packets (table `" + family_text(base.table.family) +
                      base.table.name + "`, chain `" + base.chain + "`); accepted those of " + added +
                      " in its chain `" + chain + "`");
  }
  sys::end_nft_batch(batch);
  if (!changes) return std::vector<std::string>{};
  BERTH_TRY(socket.commit(batch, "let bridges pass the host's firewall", table));
  return notes;
}

}  // namespace berth::network
