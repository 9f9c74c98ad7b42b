// The network of one stack's containers: namespace, addresses, names, published ports, firewall. Wires the pieces of
// `network` to the event loop and to the keeper, which holds every descriptor that must survive us:
//   netns:<id>   dns:<id>:udp|tcp   port:<id>:<index of the port>:<address>
//
// stack_network.cpp: containers; published_ports.cpp: ports and the firewall; host_changes.cpp: what others change
// meanwhile (rule set, the host's resolv.conf, names in shared networks).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "berth/async/loop.hpp"
#include "berth/engine/container.hpp"
#include "berth/network/bridges.hpp"
#include "berth/network/datagram_proxy.hpp"
#include "berth/network/dns.hpp"
#include "berth/network/files.hpp"
#include "berth/network/firewall.hpp"
#include "berth/network/ports.hpp"
#include "berth/network/proxy.hpp"
#include "berth/network/shared_names.hpp"
#include "berth/runtime/keeper_link.hpp"
#include "berth/state/paths.hpp"

namespace berth::local {

// What one container has of it while it runs or waits for its restart.
struct NetworkPlace {
  sys::UniqueFd netns;
  network::DnsSockets dns;
  std::vector<network::Reservation> ports;
  std::vector<engine::Address> addresses;
  std::string gateway;       // of the default route; empty where all networks are internal
  std::string outward;       // the address in that network: published ports lead to it
  std::string host_address;  // the host as this container sees it: "host-gateway"
};

// A container that is about to start and what it publishes, for check_ports.
struct PortWish {
  std::string container;
  ServiceName service;
  std::vector<model::Port> ports;
};

class StackNetwork {
 public:
  static Result<std::unique_ptr<StackNetwork>> create(async::Loop& loop, runtime::KeeperLink& keeper,
                                                      const state::Paths& paths, const ProjectName& project,
                                                      std::function<void(const std::string&)> warn);

  // Everything up to the firewall, in an order that another attempt can resume. On failure nothing of it is left.
  Result<void> join(const engine::ContainerSpec& spec, const ContainerId& id, const std::string& name,
                    NetworkPlace& place);
  // After a supervisor took over: serves what the descriptors in `place` stand for; sockets that are missing (the
  // keeper died too) are opened again.
  Result<void> resume(const engine::ContainerSpec& spec, const ContainerId& id, const std::string& name,
                      NetworkPlace& place);
  // What a running container is called from now on.
  Result<void> rename(const engine::ContainerSpec& spec, const ContainerId& id, const std::string& name,
                      const NetworkPlace& place);
  // The container has ended for good: names, sockets and the namespace go; its addresses stay leased.
  void leave(const ContainerId& id, NetworkPlace& place);
  // It is removed: also what a predecessor that was killed has left of it.
  Result<void> release(const ContainerId& id);
  Result<void> refresh_firewall();
  // After all resume(), where a plan was interrupted: table and forwarding as the records want them.
  Result<void> settle();
  // Whether these ports can be had, before anything is touched: Busy with the port and who has it. `free` are
  // containers of this stack that will have ended by then.
  Result<void> check_ports(const std::vector<PortWish>& wishes, const std::set<ContainerId>& free) const;
  // A network is gone (after Bridges::remove): nobody shares it any more; the last one restores forwarding.
  Result<void> network_removed(const std::string& name);

  network::Bridges& bridges() { return bridges_; }
  const network::ResolvConf& host_resolver() const { return resolver_; }

 private:
  StackNetwork(async::Loop& loop, runtime::KeeperLink& keeper, const state::Paths& paths, const ProjectName& project,
               std::function<void(const std::string&)> warn, network::DnsServer dns, network::TcpProxy proxy,
               network::UdpProxy datagrams, network::SharedNames shared, sys::Inotify resolver_files,
               sys::UniqueFd rules);
  void watch();
  void arm_dns_timer();
  void arm_datagram_timer();
  // host_changes.cpp
  Result<void> read_resolver();
  void learn_shared_names();
  void on_rules_changed();
  void reassert_firewall();
  // published_ports.cpp
  Result<network::ProjectFirewall> wanted_firewall() const;
  Result<void> pass_others(const network::ProjectFirewall& firewall);
  void forget_flows_later();
  Result<void> attach(const engine::ContainerSpec& spec, const ContainerId& id, NetworkPlace& place);
  Result<void> find_way_out(const engine::ContainerSpec& spec, NetworkPlace& place) const;
  Result<void> answer(const engine::ContainerSpec& spec, const ContainerId& id, const std::string& name,
                      NetworkPlace& place);
  Result<void> tell_names(const engine::ContainerSpec& spec, const ContainerId& id, const std::string& name,
                          const engine::Address& address);
  Result<void> publish(const engine::ContainerSpec& spec, const ContainerId& id, NetworkPlace& place);
  Result<void> park_port(const ContainerId& id, std::size_t index, const network::Reservation& port);
  Result<void> serve_ports(const ContainerId& id, NetworkPlace& place);

  async::Loop& loop_;
  runtime::KeeperLink& keeper_;
  state::Paths paths_;
  ProjectName project_;
  std::function<void(const std::string&)> warn_;
  network::ResolvConf resolver_;
  network::Bridges bridges_;
  network::DnsServer dns_;
  network::TcpProxy proxy_;
  network::UdpProxy datagrams_;
  network::SharedNames shared_;
  sys::Inotify resolver_files_;
  sys::UniqueFd rules_;  // says that somebody changed the rule set
  async::Watch dns_watch_, proxy_watch_, datagram_watch_, shared_watch_, resolver_watch_, rules_watch_;
  async::Timer dns_timer_, datagram_timer_, rules_timer_;
  std::map<ContainerId, std::vector<sys::NftDnat>> translations_;
  std::optional<sys::NetlinkSocket> netfilter_;  // opened with the first firewall, kept: firewall.hpp says why
  std::map<ContainerId, std::vector<std::string>> members_;  // the networks that our containers are in
  std::set<ContainerId> guests_;                             // those of them in networks of other projects
  std::map<std::string, std::set<ContainerId>> foreign_;     // containers of other projects in the zone
  std::map<ContainerId, std::vector<engine::Publication>> published_;
  std::optional<network::ProjectFirewall> applied_;
  std::set<sys::Ipv4> gone_addresses_;  // flows to delete in the next turn
  std::vector<engine::Publication> new_publications_;
  bool forgetting_ = false, refreshing_ = false;
};

}  // namespace berth::local
