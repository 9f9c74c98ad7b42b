#include <linux/netlink.h>

#include <chrono>

#include "berth/base/random.hpp"
#include "berth/build/build.hpp"
#include "berth/network/bridges.hpp"
#include "berth/network/dns.hpp"
#include "berth/network/files.hpp"
#include "berth/network/firewall.hpp"
#include "berth/network/host_firewall.hpp"
#include "berth/sys/file.hpp"

namespace berth::build {
namespace {

constexpr const char* kBuildNetwork = "berth0";
const ProjectName kBuildProject("_build");

class BridgeNetwork : public RunNetwork {
 public:
  BridgeNetwork(std::string root, network::DnsServer dns, sys::NetlinkSocket netfilter)
      : root_(std::move(root)),
        bridges_(root_),
        id_(random_hex(32)),
        dns_(std::move(dns)),
        netfilter_(std::move(netfilter)) {}

  ~BridgeNetwork() override {
    if (sockets_.udp) dns_.forget(id_);
    // A build elsewhere may still use the bridge: then removing it is refused as busy, and it is that build's to drop.
    if (attached_ && bridges_.release(id_) && bridges_.remove({kBuildNetwork})) {
      // What is left of it carries nothing, and the next build or stack does the same again.
      (void)network::remove_firewall(netfilter_, table());
      (void)network::pass_host_firewall(netfilter_, table(), {});
      (void)network::restore_forwarding(netfilter_, root_);
    }
  }

  Result<void> set_up(const network::ResolvConf& host) {
    auto record = bridges_.ensure_build_network();
    if (!record) return record.error();
    if (auto on = network::enable_forwarding(netfilter_, root_); !on) return on.error();
    network::ProjectFirewall firewall;
    firewall.table = table();
    firewall.networks.push_back(network::firewall_network(*record));
    BERTH_TRY(network::apply_firewall(netfilter_, firewall));
    if (auto passed = network::pass_host_firewall(netfilter_, table(), {record->bridge}); !passed)
      return passed.error();
    auto netns = network::create_container_netns();
    if (!netns) return netns.error();
    netns_ = std::move(*netns);
    attached_ = true;
    auto attachment = bridges_.attach(kBuildNetwork, id_, netns_.get(), {});
    if (!attachment) return attachment.error();
    gateway_ = attachment->gateway;
    auto sockets = network::open_dns_sockets(netns_.get());
    if (!sockets) return sockets.error();
    sockets_ = std::move(*sockets);
    network::DnsAsker asker;
    asker.networks = {kBuildNetwork};
    BERTH_TRY(dns_.serve(id_, sockets_.udp.get(), sockets_.tcp.get(), std::move(asker)));
    text_ = network::resolv_conf_text(host, {}, {});
    return {};
  }

  int namespace_fd() const override { return netns_.get(); }
  std::string resolv_conf() const override { return text_; }
  std::string host_address() const override { return gateway_; }
  std::vector<int> poll_fds() const override { return {dns_.fd()}; }
  void on_readable(int) override { dns_.on_ready(std::chrono::steady_clock::now()); }
  std::optional<std::chrono::steady_clock::time_point> deadline() const override { return dns_.deadline(); }

 private:
  std::string table() const { return network::firewall_table(root_, kBuildProject); }

  std::string root_;
  network::Bridges bridges_;
  ContainerId id_;
  network::DnsServer dns_;
  sys::NetlinkSocket netfilter_;
  network::DnsSockets sockets_;
  sys::UniqueFd netns_;
  std::string text_, gateway_;
  bool attached_ = false;
};

}  // namespace

std::function<Result<std::unique_ptr<RunNetwork>>()> bridge_network(const std::string& root) {
  return [root]() -> Result<std::unique_ptr<RunNetwork>> {
    auto text = sys::read_file("/etc/resolv.conf", 1u << 16);
    const network::ResolvConf host = network::parse_resolv_conf(text ? *text : std::string());
    auto dns = network::DnsServer::create(host.servers);
    if (!dns) return dns.error();
    auto netfilter = sys::NetlinkSocket::open(NETLINK_NETFILTER);
    if (!netfilter) return netfilter.error();
    auto made = std::make_unique<BridgeNetwork>(root, std::move(*dns), std::move(*netfilter));
    BERTH_TRY(made->set_up(host));
    return std::unique_ptr<RunNetwork>(std::move(made));
  };
}

}  // namespace berth::build
