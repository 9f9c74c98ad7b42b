// The network of one stack's containers: namespace, addresses, names, published ports, firewall. Wires the pieces of
// `network` to the event loop and to the keeper, which holds every descriptor that must survive us:
//   netns:<id>   dns:<id>:udp|tcp   port:<id>:<index of the port>:<address>
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "berth/async/loop.hpp"
#include "berth/engine/container.hpp"
#include "berth/network/bridges.hpp"
#include "berth/network/dns.hpp"
#include "berth/network/files.hpp"
#include "berth/network/ports.hpp"
#include "berth/network/proxy.hpp"
#include "berth/runtime/keeper_link.hpp"
#include "berth/state/paths.hpp"

namespace berth::local {

// What one container has of it while it runs or waits for its restart.
struct NetworkPlace {
  sys::UniqueFd netns;
  network::DnsSockets dns;
  std::vector<network::Reservation> ports;
  std::vector<engine::Address> addresses;
  std::string gateway;
};

class StackNetwork {
 public:
  static Result<std::unique_ptr<StackNetwork>> create(async::Loop& loop, runtime::KeeperLink& keeper,
                                                      const state::Paths& paths, const ProjectName& project);

  // Everything up to the firewall, in an order that another attempt can resume. On failure nothing of it is left.
  Result<void> join(const engine::ContainerSpec& spec, const ContainerId& id, const std::string& name,
                    NetworkPlace& place);
  // After a supervisor took over: serves what the descriptors in `place` stand for.
  Result<void> resume(const engine::ContainerSpec& spec, const ContainerId& id, const std::string& name,
                      NetworkPlace& place);
  // The container has ended for good: names, sockets and the namespace go; its addresses stay leased.
  void leave(const ContainerId& id, NetworkPlace& place);
  Result<void> release(const ContainerId& id) { return bridges_.release(id); }
  Result<void> refresh_firewall();

  network::Bridges& bridges() { return bridges_; }
  const network::ResolvConf& host_resolver() const { return resolver_; }

 private:
  StackNetwork(async::Loop& loop, runtime::KeeperLink& keeper, const state::Paths& paths, const ProjectName& project,
               network::ResolvConf resolver, network::DnsServer dns, network::TcpProxy proxy);
  void watch();
  void arm_dns_timer();
  Result<void> attach(const engine::ContainerSpec& spec, const ContainerId& id, NetworkPlace& place);
  Result<void> answer(const engine::ContainerSpec& spec, const ContainerId& id, const std::string& name,
                      NetworkPlace& place);
  Result<void> publish(const engine::ContainerSpec& spec, const ContainerId& id, NetworkPlace& place);
  Result<void> serve_ports(const ContainerId& id, NetworkPlace& place);

  async::Loop& loop_;
  runtime::KeeperLink& keeper_;
  state::Paths paths_;
  ProjectName project_;
  network::ResolvConf resolver_;
  network::Bridges bridges_;
  network::DnsServer dns_;
  network::TcpProxy proxy_;
  async::Watch dns_watch_, proxy_watch_;
  async::Timer dns_timer_;
  std::map<ContainerId, std::vector<sys::NftDnat>> translations_;
  std::optional<sys::NetlinkSocket> netfilter_;  // opened with the first firewall, kept: firewall.hpp says why
  bool firewall_set_ = false;                    // by this process, as the records are
};

}  // namespace berth::local
