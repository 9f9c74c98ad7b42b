// Which registries may be spoken to without TLS, through which mirrors, with which certificates: docker's daemon.json
// and certs.d, and the same below /etc/berth. And which proxy a request goes through. Parsing is pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/registry/http.hpp"

namespace berth::registry {

struct RegistrySettings {
  std::vector<std::string> insecure;  // "host", "host:port", "10.0.0.0/8"
  std::vector<Url> mirrors;           // of docker.io, in this order
};
// `insecure-registries` and `registry-mirrors` of a daemon.json; everything else is passed over.
Result<RegistrySettings> parse_daemon_json(std::string_view json);
// /etc/berth/registries.json and /etc/docker/daemon.json; missing ones say nothing.
Result<RegistrySettings> read_settings();

bool is_loopback(std::string_view host);  // 127.0.0.0/8, ::1, localhost
// Whether `host:port` (as in a reference) may be spoken to without a certificate that holds, or without TLS.
bool may_be_plain(const RegistrySettings& settings, std::string_view registry);

struct Certificates {
  std::vector<std::string> authorities;  // files
  std::string certificate, key;          // of the client; empty: none
};
// certs.d/HOST[:PORT] of /etc/berth, /etc/docker and /etc/containers, the first that there is.
Certificates find_certificates(const std::string& registry);

struct Proxy {
  Url url;
  std::string authorization;  // value of Proxy-Authorization; empty: none
};
class ProxySettings {
 public:
  ProxySettings() = default;
  // HTTP_PROXY, HTTPS_PROXY, NO_PROXY; lower case wins.
  static Result<ProxySettings> from(const std::map<std::string, std::string>& environment);
  // Never for the machine itself.
  std::optional<Proxy> proxy_for(const Url& url) const;

 private:
  std::optional<Proxy> http_, https_;
  std::vector<std::string> none_;
};

}  // namespace berth::registry
