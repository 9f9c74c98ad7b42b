// net.ipv4.ip_forward, turned on for the time that networks exist.
#include <linux/netlink.h>

#include <algorithm>
#include <boost/describe/class.hpp>

#include "berth/network/firewall.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/rtnetlink.hpp"
#include "berth/text/json_codec.hpp"
#include "bridge_group.hpp"
#include "stable_hash.hpp"

namespace berth::network {
namespace {

constexpr const char* kForwardSwitch = "/proc/sys/net/ipv4/ip_forward";

// That it was off before us, in this boot.
struct ForwardingRecord {
  std::string boot;
};
BOOST_DESCRIBE_STRUCT(ForwardingRecord, (), (boot))

std::string forwarding_table(const std::string& root) { return "berth_forward_" + stable_hex(root, 8); }

Result<sys::UniqueFd> lock_global(const std::string& root) {
  BERTH_TRY(sys::make_directories(root + "/global"));
  return sys::lock_file(root + "/global/lock", sys::LockMode::Exclusive);
}

Result<void> keep_from_routing(sys::NetlinkSocket& socket, const std::string& table) {
  sys::NetlinkBatch batch;
  sys::begin_nft_batch(batch);
  sys::replace_nft_table(batch, table);
  sys::add_nft_chain(batch, table, "forward", "filter", sys::NftHook::Forward, 0);
  {
    sys::NftRule rule(batch, table, "forward");
    rule.in_group(kBridgeGroup, false);
    rule.out_group(kBridgeGroup, false);
    rule.drop();
  }
  sys::end_nft_batch(batch);
  return socket.commit(batch, "set firewall table", table);
}

Result<bool> other_bridges() {
  auto socket = sys::NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return socket.error();
  auto links = sys::observe_links(*socket);
  if (!links) return links.error();
  return std::any_of(links->begin(), links->end(), [](const sys::Link& link) { return link.kind == "bridge"; });
}

bool is_on() {
  auto now = sys::read_file(kForwardSwitch, 64);
  return now && now->starts_with('1');
}

}  // namespace

Result<bool> enable_forwarding(sys::NetlinkSocket& socket, const std::string& root) {
  const bool recorded = sys::exists(root + "/global/forwarding.json");
  if (is_on() && !recorded) return false;
  auto lock = lock_global(root);
  if (!lock) return lock.error();
  if (is_on()) {
    if (!recorded) return false;
    auto rules = sys::observe_nft_rules(socket, forwarding_table(root));
    if (!rules) return rules.error();
    if (rules->empty()) BERTH_TRY(keep_from_routing(socket, forwarding_table(root)));  // somebody flushed it
    return false;
  }
  // The table first: there is no moment in which the host forwards for others.
  BERTH_TRY(keep_from_routing(socket, forwarding_table(root)));
  BERTH_TRY(sys::write_file_atomic(root + "/global/forwarding.json",
                                   json::encode_text(ForwardingRecord{sys::boot_id()}), sys::Durability::Volatile));
  BERTH_TRY(sys::write_value(kForwardSwitch, "1"));
  return true;
}

Result<bool> enable_forwarding(const std::string& root) {
  auto socket = sys::NetlinkSocket::open(NETLINK_NETFILTER);
  if (!socket) return socket.error();
  return enable_forwarding(*socket, root);
}

Result<bool> restore_forwarding(sys::NetlinkSocket& socket, const std::string& root) {
  const std::string path = root + "/global/forwarding.json";
  if (!sys::exists(path)) return false;
  auto lock = lock_global(root);
  if (!lock) return lock.error();
  auto text = sys::read_file(path);
  if (!text) return text.error().kind() == ErrorKind::NotFound ? Result<bool>(false) : Result<bool>(text.error());
  auto networks = sys::read_file(root + "/global/networks.json");
  if (networks && *networks != "{}") return false;  // some are left
  // Other bridges (of another root, of Docker, of virtual machines) may have come to need it.
  auto others = other_bridges();
  if (!others) return others.error();
  if (*others) return false;
  auto record = json::decode_text<ForwardingRecord>(*text);
  const bool ours = record && record->boot == sys::boot_id();
  if (ours) BERTH_TRY(sys::write_value(kForwardSwitch, "0"));
  BERTH_TRY(remove_firewall(socket, forwarding_table(root)));
  if (auto gone = sys::remove_tree(path); !gone) return gone.error();
  return ours;
}

Result<bool> restore_forwarding(const std::string& root) {
  auto socket = sys::NetlinkSocket::open(NETLINK_NETFILTER);
  if (!socket) return socket.error();
  return restore_forwarding(*socket, root);
}

}  // namespace berth::network
