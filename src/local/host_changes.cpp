// What others change while a stack runs: the rule set, the host's resolver, names in shared networks.
#include <climits>
#include <cstdlib>

#include "berth/sys/file.hpp"
#include "berth/sys/nft.hpp"
#include "stack_network.hpp"

namespace berth::local {
namespace {

constexpr const char* kHostResolver = "/etc/resolv.conf";
// A firewall that is reloaded makes a burst of changes.
constexpr auto kRulesSettle = std::chrono::milliseconds(100);

std::string directory_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

// The file may be a link to one that systemd-resolved replaces: both directories are watched.
Result<void> StackNetwork::read_resolver() {
  char real[PATH_MAX];
  std::set<std::string> directories{directory_of(kHostResolver)};
  if (::realpath(kHostResolver, real)) directories.insert(directory_of(real));
  for (const auto& directory : directories)
    if (auto added = resolver_files_.add(directory); !added) return added.error();
  auto text = sys::read_file(kHostResolver, 1u << 16);  // none is no failure: then only local names are known
  resolver_ = network::parse_resolv_conf(text ? *text : std::string());
  dns_.set_servers(resolver_.servers);
  return {};
}

void StackNetwork::learn_shared_names() {
  auto others = shared_.changes();
  if (!others) return warn_(others.error().to_string());
  for (auto& [network, known] : foreign_)
    for (const auto& id : known)
      if (!others->count(network) || !others->at(network).count(id)) dns_.zone().remove(network, id);
  foreign_.clear();
  for (const auto& [network, containers] : *others)
    for (const auto& [id, name] : containers)
      if (const auto address = sys::Ipv4::parse(name.ipv4)) {
        dns_.zone().set(network, id, *address, name.names);
        foreign_[network].insert(id);
      }
}

void StackNetwork::on_rules_changed() {
  sys::drain_nft_watch(rules_.get());
  if (!rules_timer_)
    rules_timer_ = loop_.after(kRulesSettle, [this] {
      rules_timer_ = {};
      reassert_firewall();
    });
}

void StackNetwork::reassert_firewall() {
  if (!applied_) return;
  auto there = network::has_firewall(*netfilter_, *applied_);
  if (!there) return warn_(there.error().to_string());
  if (!*there) {
    warn_("another program removed the firewall rules of this stack; they are put back");
    if (auto put = network::apply_firewall(*netfilter_, *applied_); !put) return warn_(put.error().to_string());
  }
  if (auto passed = pass_others(*applied_); !passed) warn_(passed.error().to_string());
}

}  // namespace berth::local
