// Networks as bridges: records in ROOT/global/networks.json, leases in ROOT/global/ipam.json (both under
// ROOT/global/lock), the rest in the kernel.
//
//   Bridges bridges(root);
//   bridges.ensure(spec);                                  // record, then bridge, then address: any prefix of it can
//   be resumed auto netns = create_container_netns();                 // pin it with sys::pin_netns
//   bridges.attach("demo_default", id, netns, {...});      // veth, address, route, up: two sends
//   ...
//   bridges.release(id);  (close/unpin the netns: its veths die with it)      bridges.remove({"demo_default"});
//
// Synchronous, a few netlink round trips each; remove() waits for RCU (30-55 ms for any number of bridges): call it
// once, on a worker. Bridges are called br-<12 hex>, made from root and network name, so that a lost record leads back
// to the same one; their alias "berth:PROJECT:NAME" says whose they are. After a reboot ensure() makes the bridge again
// with the recorded subnet.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/base/ids.hpp"
#include "berth/engine/observed.hpp"
#include "berth/network/ipam.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::network {

struct NetworkRecord {
  engine::NetworkSpec spec;
  std::string bridge;
  std::string subnet;    // "172.18.0.0/16"
  std::string gateway;   // the bridge's own address
  std::string ip_range;  // addresses are taken from here; empty: the subnet
  std::uint32_t mtu = 1500;
  bool internal = false;
  bool masquerade = true;
  bool inter_container = true;  // com.docker.network.bridge.enable_icc
  bool operator==(const NetworkRecord&) const = default;
};

struct EndpointSpec {
  std::string interface_name = "eth0";
  std::string ipv4_address;  // empty: the next free one (the same as before while the lease lives)
  std::string mac_address;   // empty: 02:42 and the address
  bool default_route = true;
  bool operator==(const EndpointSpec&) const = default;
};

struct Attachment {
  std::string network;
  std::string interface_name;
  std::string host_interface;
  std::string ipv4;
  int prefix = 0;
  std::string gateway;
  std::string mac;
  bool operator==(const Attachment&) const = default;
};

class Bridges {
 public:
  explicit Bridges(std::string root, std::vector<AddressPool> pools = default_pools());

  // Idempotent. A changed spec of an existing network only replaces the recorded spec. An external network must exist.
  Result<NetworkRecord> ensure(const engine::NetworkSpec& spec);
  // The shared network of builds: bridge `berth0`, NAT, no project. Dropped by remove({"berth0"}) with its last user.
  Result<NetworkRecord> ensure_build_network();
  // Bridges, records and leases; names that are not there are no failure. Busy where a container still holds a lease.
  Result<void> remove(const std::vector<std::string>& names);
  Result<std::map<std::string, NetworkRecord>> observe() const;
  // What an interruption left: bridges of the project in the kernel whose record is lost are deleted (by their alias);
  // those that were made, but had no address yet, get it.
  Result<void> repair(const ProjectName& project);

  // The lease belongs to the container until release(); attaching again (a restart) gives the same address.
  Result<Attachment> attach(const std::string& network, const ContainerId& container, int netns,
                            const EndpointSpec& endpoint);
  // Frees all leases of the container.
  Result<void> release(const ContainerId& container);

 private:
  struct Store;
  Result<NetworkRecord> plan_record(const engine::NetworkSpec& spec, const Store& store) const;
  Result<void> make_bridge(const NetworkRecord& record) const;
  std::string root_;
  std::vector<AddressPool> pools_;
};

// A new network namespace with Docker's settings: ports below 1024 and ping need no privilege in it; lo up.
Result<sys::UniqueFd> create_container_netns();

BOOST_DESCRIBE_STRUCT(NetworkRecord, (),
                      (spec, bridge, subnet, gateway, ip_range, mtu, internal, masquerade, inter_container))

}  // namespace berth::network
