#include "berth/network/files.hpp"

#include <sstream>

namespace berth::network {
namespace {

std::string line_of(const char* key, const std::vector<std::string>& words) {
  if (words.empty()) return {};
  std::string out = key;
  for (const auto& word : words) out += ' ' + word;
  return out + '\n';
}

std::string extra_lines(const std::map<std::string, std::vector<std::string>>& extra_hosts,
                        const std::string& host_gateway) {
  std::string out;
  for (const auto& [name, values] : extra_hosts)
    for (const auto& value : values) out += (value == "host-gateway" ? host_gateway : value) + '\t' + name + '\n';
  return out;
}

// "." alone asks for no search list.
bool is_no_search(const std::vector<std::string>& search) { return search.size() == 1 && search[0] == "."; }

}  // namespace

ResolvConf parse_resolv_conf(std::string_view text) {
  ResolvConf out;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    line.resize(std::min(line.find_first_of("#;"), line.size()));
    std::istringstream words(line);
    std::string key, word;
    words >> key;
    if (key == "nameserver" && words >> word) out.servers.push_back(word);
    if (key == "search" || key == "domain") {
      out.search.clear();
      while (words >> word) out.search.push_back(word);
    }
    if (key == "options")
      while (words >> word) out.options.push_back(word);
  }
  return out;
}

std::string resolv_conf_text(const ResolvConf& host, const std::vector<std::string>& search,
                             const std::vector<std::string>& options) {
  std::string out = "nameserver 127.0.0.11\n";
  const auto& wanted = search.empty() ? host.search : search;
  if (!is_no_search(wanted)) out += line_of("search", wanted);
  out += "options";
  bool ndots = false;
  for (const auto& option : options.empty() ? host.options : options) {
    ndots |= option.starts_with("ndots:");
    out += ' ' + option;
  }
  return out + (ndots ? "\n" : " ndots:0\n");
}

std::string hosts_text(const std::vector<std::string>& addresses, const std::string& hostname,
                       const std::string& domainname,
                       const std::map<std::string, std::vector<std::string>>& extra_hosts,
                       const std::string& host_gateway) {
  std::string out =
      "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\n"
      "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n";
  out += extra_lines(extra_hosts, host_gateway);
  for (const auto& address : addresses)
    out += address + '\t' + (domainname.empty() ? "" : hostname + '.' + domainname + ' ') + hostname + '\n';
  return out;
}

std::string host_resolv_conf_text(const std::string& host_file, const std::vector<std::string>& servers,
                                  const std::vector<std::string>& search, const std::vector<std::string>& options) {
  if (servers.empty() && search.empty() && options.empty()) return host_file;
  const ResolvConf host = parse_resolv_conf(host_file);
  std::string out;
  for (const auto& server : servers.empty() ? host.servers : servers) out += "nameserver " + server + '\n';
  const auto& wanted = search.empty() ? host.search : search;
  if (!is_no_search(wanted)) out += line_of("search", wanted);
  return out + line_of("options", options.empty() ? host.options : options);
}

std::string host_hosts_text(const std::string& host_file,
                            const std::map<std::string, std::vector<std::string>>& extra_hosts) {
  std::string out = host_file;
  if (!out.empty() && out.back() != '\n') out += '\n';
  return out + extra_lines(extra_hosts, "127.0.0.1");
}

std::string hostname_text(const std::string& hostname) { return hostname + '\n'; }

}  // namespace berth::network
