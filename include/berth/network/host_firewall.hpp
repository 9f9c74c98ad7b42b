// Other people's firewalls on the way of a stack's packets. An accept in our table cannot override a drop in somebody
// else's base chain, so their forward chains that drop by default (iptables' FORWARD as Docker and ufw set it, those of
// firewalld) get an accept for each of our bridges at their head, marked with a comment: in DOCKER-USER where there is
// one. What may pass is still decided in our own table, which these packets go through too.
//
// They go when their table is reloaded; whoever watches the rule set (sys::watch_nft) calls again.
#pragma once

#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/sys/netlink.hpp"

namespace berth::network {

// `socket`: NETLINK_NETFILTER, see firewall.hpp.
// Makes the accepts of `table` those of `bridges` (none: takes them all away). Idempotent. The lines are to be told to
// the user: what was put where, and that a firewall which drops incoming connections does not cover published ports.
Result<std::vector<std::string>> pass_host_firewall(sys::NetlinkSocket& socket, const std::string& table,
                                                    const std::vector<std::string>& bridges, bool publishes = false);

}  // namespace berth::network
