#include "berth/network/bridges.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <set>
#include <utility>

#include "berth/base/random.hpp"
#include "berth/network/files.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/netns.hpp"
#include "berth/sys/rtnetlink.hpp"
#include "berth/text/json_codec.hpp"
#include "bridge_group.hpp"
#include "stable_hash.hpp"

namespace berth::network {

using sys::Ipv4;
using sys::Ipv4Subnet;
using Leases = std::map<std::string, std::map<std::string, std::string>>;  // network -> address -> container

// Records as read under the lock, which is held for the lifetime.
struct Bridges::Store {
  sys::UniqueFd lock;
  std::string directory;
  std::map<std::string, NetworkRecord> networks;
  Leases leases;

  static Result<Store> open(const std::string& root, sys::LockMode mode);
  Result<void> save_networks() const {
    return sys::write_file_atomic(directory + "/networks.json", json::encode_text(networks), sys::Durability::Whole);
  }
  // Not synced: a crash of the machine takes the containers that hold the leases with it.
  Result<void> save_leases() const {
    return sys::write_file_atomic(directory + "/ipam.json", json::encode_text(leases), sys::Durability::Volatile);
  }
  std::set<Ipv4> taken_in(const NetworkRecord& record) const {
    std::set<Ipv4> out;
    if (auto gateway = Ipv4::parse(record.gateway)) out.insert(*gateway);
    for (const auto& pool : record.spec.network.ipam)
      for (const auto& [name, text] : pool.aux_addresses)
        if (auto address = Ipv4::parse(text)) out.insert(*address);
    if (auto found = leases.find(record.spec.network.name); found != leases.end())
      for (const auto& [text, owner] : found->second)
        if (auto address = Ipv4::parse(text)) out.insert(*address);
    return out;
  }
};

namespace {

template <class T>
Result<void> read_record(const std::string& path, T& out) {
  auto text = sys::read_file(path);
  if (!text) return text.error().kind() == ErrorKind::NotFound ? Result<void>() : Result<void>(text.error());
  auto decoded = json::decode_text<T>(*text);
  if (!decoded) return decoded.error().while_doing("read `" + path + "`");
  out = std::move(*decoded);
  return {};
}

std::string option_of(const engine::NetworkSpec& spec, const char* key) {
  const auto& options = spec.network.driver_opts;
  const auto found = options.find(key);
  return found == options.end() ? std::string() : std::string(found->second);
}

// What the host uses already, and the MTU towards its default route.
struct HostNetwork {
  std::vector<Ipv4Subnet> taken;
  std::uint32_t mtu = 1500;
};
Result<HostNetwork> observe_host() {
  auto socket = sys::NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return socket.error();
  auto routes = sys::observe_routes(*socket);
  if (!routes) return routes.error();
  auto addresses = sys::observe_addresses(*socket);
  if (!addresses) return addresses.error();
  auto links = sys::observe_links(*socket);
  if (!links) return links.error();
  HostNetwork host;
  const sys::Route* best = nullptr;
  for (const auto& route : *routes) {
    if (route.destination.prefix > 0)
      host.taken.push_back(route.destination);
    else if (route.type == RTN_UNICAST && (!best || route.metric < best->metric))
      best = &route;
  }
  for (const auto& address : *addresses) host.taken.push_back(Ipv4Subnet::of(address.address, address.prefix));
  for (const auto& link : *links)
    if (best && link.index == best->output) host.mtu = link.mtu;
  if (auto resolv = sys::read_file("/etc/resolv.conf"))
    for (const auto& server : parse_resolv_conf(*resolv).servers)
      if (auto address = Ipv4::parse(server)) host.taken.push_back(Ipv4Subnet::of(*address, 32));
  return host;
}

Error not_valid(const std::string& network, const std::string& what) {
  return Error::make(ErrorKind::Invalid, "network `" + network + "`: " + what);
}

std::string mac_from(Ipv4 address) {
  std::string mac("\x02\x42", 2);
  for (int shift = 24; shift >= 0; shift -= 8) mac.push_back(static_cast<char>(address.value >> shift & 255));
  return mac;
}

}  // namespace

Result<Bridges::Store> Bridges::Store::open(const std::string& root, sys::LockMode mode) {
  Store store;
  store.directory = root + "/global";
  BERTH_TRY(sys::make_directories(store.directory));
  auto lock = sys::lock_file(store.directory + "/lock", mode);
  if (!lock) return lock.error();
  store.lock = std::move(*lock);
  BERTH_TRY(read_record(store.directory + "/networks.json", store.networks));
  BERTH_TRY(read_record(store.directory + "/ipam.json", store.leases));
  return store;
}

Bridges::Bridges(std::string root, std::vector<AddressPool> pools) : root_(std::move(root)), pools_(std::move(pools)) {}

Result<NetworkRecord> Bridges::plan_record(const engine::NetworkSpec& spec, const Store& store) const {
  const std::string& name = spec.network.name;
  if (!spec.network.driver.empty() && spec.network.driver != "bridge" && spec.network.driver != "default")
    return Error::make(ErrorKind::Unsupported,
                       "network `" + name + "`: driver `" + spec.network.driver + "` is not supported, only bridge is");
  if (spec.network.enable_ipv6 || !spec.network.enable_ipv4)
    return Error::make(ErrorKind::Unsupported, "network `" + name + "`: IPv6 in networks is not supported yet");
  if (spec.network.ipam.size() > 1)
    return Error::make(ErrorKind::Unsupported, "network `" + name + "`: more than one subnet is not supported");
  auto host = observe_host();
  if (!host) return host.error();
  NetworkRecord record;
  record.spec = spec;
  record.internal = spec.network.internal;
  record.masquerade = option_of(spec, "com.docker.network.bridge.enable_ip_masquerade") != "false";
  record.inter_container = option_of(spec, "com.docker.network.bridge.enable_icc") != "false";
  record.bridge = option_of(spec, "com.docker.network.bridge.name");
  if (record.bridge.empty()) record.bridge = name == "berth0" ? name : "br-" + stable_hex(root_ + '\n' + name, 12);
  if (record.bridge.size() > 15)
    return not_valid(name, "bridge name `" + record.bridge + "` is longer than 15 characters");
  record.mtu = host->mtu;
  if (const auto mtu = option_of(spec, "com.docker.network.driver.mtu"); !mtu.empty()) {
    if (mtu.size() > 5 || mtu.find_first_not_of("0123456789") != std::string::npos || std::stoi(mtu) < 68 ||
        std::stoi(mtu) > 65535)
      return not_valid(name, "`" + mtu + "` is no MTU (68 to 65535)");
    record.mtu = static_cast<std::uint32_t>(std::stoi(mtu));
  }
  std::optional<Ipv4Subnet> subnet;
  const model::IpamPool pool = spec.network.ipam.empty() ? model::IpamPool{} : spec.network.ipam.front();
  auto taken = host->taken;
  for (const auto& [other, its] : store.networks)
    if (auto used = Ipv4Subnet::parse(its.subnet)) taken.push_back(*used);
  if (!pool.subnet.empty()) {
    subnet = Ipv4Subnet::parse(pool.subnet);
    if (!subnet || subnet->prefix > 30 || subnet->prefix < 1)
      return not_valid(name, "`" + pool.subnet + "` is no IPv4 subnet with room for containers");
    for (const auto& [other, its] : store.networks)
      if (auto used = Ipv4Subnet::parse(its.subnet); used && used->overlaps(*subnet))
        return not_valid(name,
                         "subnet " + subnet->text() + " overlaps " + used->text() + " of network `" + other + "`");
  } else {
    subnet = choose_subnet(taken, pools_);
    if (!subnet)
      return Error::make(ErrorKind::NoSpace, "network `" + name + "`: no free subnet left in the address pools");
  }
  record.subnet = subnet->text();
  auto gateway = Ipv4{subnet->network.value + 1};
  if (!pool.gateway.empty()) {
    auto asked = Ipv4::parse(pool.gateway);
    if (!asked) return not_valid(name, "gateway `" + pool.gateway + "` is no IPv4 address");
    gateway = *asked;
    if (auto good = check_address(*subnet, gateway, {}); !good)
      return good.error().while_doing("take the gateway of network `" + name + "`");
  }
  record.gateway = gateway.text();
  if (!pool.ip_range.empty()) {
    auto range = Ipv4Subnet::parse(pool.ip_range);
    if (!range || !subnet->contains(range->network) || range->prefix < subnet->prefix)
      return not_valid(name, "ip_range `" + pool.ip_range + "` is not inside " + record.subnet);
    record.ip_range = range->text();
  }
  return record;
}

Result<void> Bridges::make_bridge(const NetworkRecord& record) const {
  auto socket = sys::NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return socket.error();
  const std::string alias = "berth:" + record.spec.project.value + ":" + record.spec.network.name;
  auto link = sys::observe_link(*socket, record.bridge);
  if (link && link->alias != alias)
    return Error::make(ErrorKind::AlreadyExists, "network link `" + record.bridge +
                                                     "` exists and is not the bridge of network `" +
                                                     record.spec.network.name + "`");
  if (!link && link.error().kind() != ErrorKind::NotFound) return link.error();
  const auto gateway = Ipv4::parse(record.gateway);
  const auto subnet = Ipv4Subnet::parse(record.subnet);
  if (!gateway || !subnet) return not_valid(record.spec.network.name, "its record is damaged");
  if (!link) {
    sys::NetlinkBatch batch;
    sys::add_bridge(
        batch,
        {.name = record.bridge, .alias = alias, .mac = mac_from(*gateway), .mtu = record.mtu, .group = kBridgeGroup});
    BERTH_TRY(socket->commit(batch, "create bridge", record.bridge));
    link = sys::observe_link(*socket, record.bridge);
    if (!link) return link.error();
  }
  sys::NetlinkBatch batch;
  sys::add_address(batch, link->index, *gateway, subnet->prefix);
  sys::set_link_up(batch, link->index);
  return socket->commit(batch, "give an address to bridge", record.bridge);
}

Result<NetworkRecord> Bridges::ensure(const engine::NetworkSpec& spec) {
  const std::string& name = spec.network.name;
  auto store = Store::open(root_, sys::LockMode::Exclusive);
  if (!store) return store.error();
  auto found = store->networks.find(name);
  if (found == store->networks.end()) {
    if (spec.network.external)
      return Error::make(ErrorKind::NotFound, "network " + name + " declared as external, but could not be found");
    auto record = plan_record(spec, *store);
    if (!record) return record.error();
    found = store->networks.emplace(name, std::move(*record)).first;
    BERTH_TRY(store->save_networks());  // before the bridge: what is in the kernel is always known
  } else if (!spec.network.external && found->second.spec.config_hash != spec.config_hash) {
    found->second.spec = spec;
    BERTH_TRY(store->save_networks());
  }
  BERTH_TRY(make_bridge(found->second));
  return found->second;
}

Result<NetworkRecord> Bridges::ensure_build_network() {
  engine::NetworkSpec spec;
  spec.network.name = "berth0";
  return ensure(spec);
}

Result<void> Bridges::remove(const std::vector<std::string>& names) {
  auto store = Store::open(root_, sys::LockMode::Exclusive);
  if (!store) return store.error();
  auto socket = sys::NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return socket.error();
  sys::NetlinkBatch batch;
  std::string subject;
  for (const auto& name : names) {
    const auto found = store->networks.find(name);
    if (found == store->networks.end()) continue;
    if (const auto leases = store->leases.find(name); leases != store->leases.end() && !leases->second.empty())
      return Error::make(ErrorKind::Busy, "network `" + name + "` has active endpoints (" +
                                              leases->second.begin()->second.substr(0, 12) + ")");
    if (auto link = sys::observe_link(*socket, found->second.bridge)) {
      sys::delete_link(batch, link->index);
      subject += (subject.empty() ? "" : ", ") + found->second.bridge;
    }
  }
  BERTH_TRY(socket->commit(batch, "delete bridge", subject));
  for (const auto& name : names) store->networks.erase(name), store->leases.erase(name);
  BERTH_TRY(store->save_leases());
  return store->save_networks();
}

Result<std::map<std::string, NetworkRecord>> Bridges::observe() const {
  auto store = Store::open(root_, sys::LockMode::Shared);
  if (!store) return store.error();
  return std::move(store->networks);
}

Result<void> Bridges::repair(const ProjectName& project) {
  auto store = Store::open(root_, sys::LockMode::Exclusive);
  if (!store) return store.error();
  auto socket = sys::NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return socket.error();
  auto links = sys::observe_links(*socket);
  if (!links) return links.error();
  sys::NetlinkBatch batch;
  for (const auto& link : *links) {
    const std::string prefix = "berth:" + project.value + ":";
    if (link.kind != "bridge" || !link.alias.starts_with(prefix)) continue;
    const std::string name = link.alias.substr(prefix.size());
    if (const auto known = store->networks.find(name); known != store->networks.end()) {
      const auto gateway = Ipv4::parse(known->second.gateway);
      const auto subnet = Ipv4Subnet::parse(known->second.subnet);
      if (!gateway || !subnet || link.name != known->second.bridge) continue;
      sys::add_address(batch, link.index, *gateway, subnet->prefix);
      sys::set_link_up(batch, link.index);
      continue;
    }
    // Only bridges that this root would have made: another root's projects may have the same names.
    if (link.name == "br-" + stable_hex(root_ + '\n' + name, 12)) sys::delete_link(batch, link.index);
  }
  return socket->commit(batch, "repair the bridges of project", project.value);
}

Result<Attachment> Bridges::attach(const std::string& network, const ContainerId& container, int netns,
                                   const EndpointSpec& endpoint) {
  auto store = Store::open(root_, sys::LockMode::Exclusive);
  if (!store) return store.error();
  const auto found = store->networks.find(network);
  if (found == store->networks.end()) return Error::make(ErrorKind::NotFound, "network " + network + " not found");
  const NetworkRecord& record = found->second;
  const auto subnet = Ipv4Subnet::parse(record.subnet);
  const auto gateway = Ipv4::parse(record.gateway);
  if (!subnet || !gateway) return not_valid(network, "its record is damaged");

  auto& leases = store->leases[network];
  std::optional<Ipv4> address;
  for (const auto& [text, owner] : leases)
    if (owner == container.value) address = Ipv4::parse(text);
  if (!endpoint.ipv4_address.empty()) {
    const auto asked = Ipv4::parse(endpoint.ipv4_address);
    if (!asked) return not_valid(network, "`" + endpoint.ipv4_address + "` is no IPv4 address");
    if (address != asked) {
      if (auto good = check_address(*subnet, *asked, store->taken_in(record)); !good)
        return good.error().while_doing("attach to network `" + network + "`");
      if (address) leases.erase(address->text());
      address = asked;
    }
  } else if (!address) {
    address = choose_address(*subnet, record.ip_range.empty() ? *subnet : *Ipv4Subnet::parse(record.ip_range),
                             store->taken_in(record));
    if (!address)
      return Error::make(ErrorKind::NoSpace, "network `" + network + "`: no free address in " + record.subnet);
  }
  if (leases.emplace(address->text(), container.value).second) BERTH_TRY(store->save_leases());

  std::string mac = mac_from(*address);
  if (!endpoint.mac_address.empty()) {
    auto asked = sys::parse_mac(endpoint.mac_address);
    if (!asked) return not_valid(network, "`" + endpoint.mac_address + "` is no MAC address");
    mac = std::move(*asked);
  }
  auto socket = sys::NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return socket.error();
  auto bridge = sys::observe_link(*socket, record.bridge);
  if (!bridge && bridge.error().kind() == ErrorKind::NotFound) {  // after a reboot: the record is still good
    BERTH_TRY(make_bridge(record));
    bridge = sys::observe_link(*socket, record.bridge);
  }
  if (!bridge) return bridge.error().while_doing("attach to network `" + network + "`");
  // New with every attachment: the veth of the run before may still be dying in the background.
  const std::string host_name = "veth" + random_hex(5);
  sys::NetlinkBatch create;
  sys::add_veth(create, {.host_name = host_name,
                         .bridge = bridge->index,
                         .netns = netns,
                         .peer_name = endpoint.interface_name,
                         .peer_mac = mac,
                         .mtu = record.mtu,
                         .hairpin = true,
                         .isolated = !record.inter_container});
  BERTH_TRY(socket->commit(create, "connect " + endpoint.interface_name + " to network", network));

  auto inside = sys::NetlinkSocket::open_in(netns, NETLINK_ROUTE);
  if (!inside) return inside.error();
  auto eth = sys::observe_link(*inside, endpoint.interface_name);
  if (!eth) return eth.error();
  sys::NetlinkBatch configure;
  sys::set_link_up(configure, endpoint.interface_name);
  sys::add_address(configure, eth->index, *address, subnet->prefix);
  if (endpoint.default_route && !record.internal) sys::add_default_route(configure, eth->index, *gateway);
  BERTH_TRY(inside->commit(configure, "configure " + endpoint.interface_name + " in network", network));
  return Attachment{network,        endpoint.interface_name, host_name,         address->text(),
                    subnet->prefix, record.gateway,          sys::mac_text(mac)};
}

Result<void> Bridges::release(const ContainerId& container) {
  auto store = Store::open(root_, sys::LockMode::Exclusive);
  if (!store) return store.error();
  std::size_t gone = 0;
  for (auto& [network, leases] : store->leases)
    gone += std::erase_if(leases, [&](const auto& lease) { return lease.second == container.value; });
  return gone ? store->save_leases() : Result<void>();
}

Result<sys::UniqueFd> create_container_netns() {
  auto netns = sys::create_netns();
  if (!netns) return netns.error();
  auto scope = sys::NetnsScope::enter(netns->get());
  if (!scope) return scope.error();
  BERTH_TRY(sys::write_value("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0"));
  BERTH_TRY(sys::write_value("/proc/sys/net/ipv4/ping_group_range", "0 2147483647"));
  auto socket = sys::NetlinkSocket::open(NETLINK_ROUTE);
  if (!socket) return socket.error();
  sys::NetlinkBatch batch;
  sys::set_link_up(batch, 1);  // lo is the first link of every namespace
  BERTH_TRY(socket->commit(batch, "raise", "lo"));
  return netns;
}

}  // namespace berth::network
