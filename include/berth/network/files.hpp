// Texts of /etc/hosts, /etc/resolv.conf and /etc/hostname of a container, and the reader of the host's resolv.conf. All
// pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace berth::network {

struct ResolvConf {
  std::vector<std::string> servers;  // as written, IPv4 and IPv6, in order
  std::vector<std::string> search;
  std::vector<std::string> options;
};
// Tolerant, as resolv.conf(5): unknown lines are ignored, the last `search` wins.
ResolvConf parse_resolv_conf(std::string_view text);

// `nameserver 127.0.0.11`, the host's search list and options unless the service gives its own; ndots:0 as Docker
// writes.
std::string resolv_conf_text(const ResolvConf& host, const std::vector<std::string>& search,
                             const std::vector<std::string>& options);
// Loopback names, then the container's own (hostname with domainname first), then extra_hosts; `host_gateway` replaces
// the value "host-gateway".
std::string hosts_text(const std::vector<std::string>& addresses, const std::string& hostname,
                       const std::string& domainname,
                       const std::map<std::string, std::vector<std::string>>& extra_hosts,
                       const std::string& host_gateway);
// For a container in the host's own network: the host's file, or what the service asks for in place of its parts.
std::string host_resolv_conf_text(const std::string& host_file, const std::vector<std::string>& servers,
                                  const std::vector<std::string>& search, const std::vector<std::string>& options);
// Likewise: the host's file with the extra hosts behind it.
std::string host_hosts_text(const std::string& host_file,
                            const std::map<std::string, std::vector<std::string>>& extra_hosts);
std::string hostname_text(const std::string& hostname);

}  // namespace berth::network
