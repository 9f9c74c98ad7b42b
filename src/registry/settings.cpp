#include "settings.hpp"

#include <arpa/inet.h>

#include <boost/json.hpp>

#include <algorithm>

#include "berth/sys/file.hpp"
#include "docker_config.hpp"
#include "header_values.hpp"

namespace berth::registry {
namespace {

constexpr std::size_t kLargestSettings = 1u << 20;

std::string small_letters(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

struct Address {
  std::vector<unsigned char> bytes;  // 4 or 16; empty: it is a name
};

Address address_of(std::string_view text) {
  const std::string copy(text.substr(0, 64));
  Address out;
  out.bytes.resize(16);
  if (::inet_pton(AF_INET, copy.c_str(), out.bytes.data()) == 1)
    out.bytes.resize(4);
  else if (::inet_pton(AF_INET6, copy.c_str(), out.bytes.data()) != 1)
    out.bytes.clear();
  return out;
}

// "10.0.0.0/8" and "10.1.2.3"
bool is_inside(const Address& address, std::string_view range) {
  const auto slash = range.find('/');
  if (slash == std::string_view::npos || address.bytes.empty()) return false;
  const Address base = address_of(range.substr(0, slash));
  const auto bits = parse_number(range.substr(slash + 1));
  if (!bits || base.bytes.size() != address.bytes.size() || *bits > base.bytes.size() * 8) return false;
  for (std::size_t bit = 0; bit < *bits; ++bit) {
    const unsigned char mask = static_cast<unsigned char>(0x80u >> (bit % 8));
    if ((address.bytes[bit / 8] & mask) != (base.bytes[bit / 8] & mask)) return false;
  }
  return true;
}

std::string host_without_port(std::string_view registry) {
  if (registry.starts_with('[')) return std::string(registry.substr(1, registry.find(']') - 1));
  const auto colon = registry.find(':');
  const bool one = colon != std::string_view::npos && registry.find(':', colon + 1) == std::string_view::npos;
  return std::string(one ? registry.substr(0, colon) : registry);
}

Result<std::vector<std::string>> list_member(const boost::json::object& object, const char* name) {
  std::vector<std::string> out;
  const auto* value = object.if_contains(name);
  if (!value || value->is_null()) return out;
  if (!value->is_array()) return Error::make(ErrorKind::Protocol, std::string("`") + name + "` is not a list");
  for (const auto& item : value->get_array()) {
    if (!item.is_string())
      return Error::make(ErrorKind::Protocol, std::string("`") + name + "` is not a list of strings");
    out.emplace_back(item.get_string());
  }
  return out;
}

Result<Proxy> parse_proxy(const std::string& name, std::string text) {
  if (text.find("://") == std::string::npos) text = "http://" + text;
  Proxy out;
  const auto begin = text.find("://") + 3;
  const auto at = text.substr(0, text.find('/', begin)).rfind('@');
  if (at != std::string::npos && at >= begin) {
    std::string login;
    for (std::size_t i = begin; i < at; ++i) {
      unsigned value = 0;
      if (text[i] == '%' && i + 2 < at && std::sscanf(text.substr(i + 1, 2).c_str(), "%2x", &value) == 1) {
        login += static_cast<char>(value);
        i += 2;
      } else {
        login += text[i];
      }
    }
    out.authorization = "Basic " + base64_encode(login.find(':') == std::string::npos ? login + ":" : login);
    text.erase(begin, at + 1 - begin);
  }
  auto url = parse_url(text);
  // Its text may hold a password: it is not repeated.
  if (!url) return url.error().while_doing("reading the variable " + name);
  if (url->scheme != "http")
    return Error::make(ErrorKind::Unsupported, "the variable " + name + " names a proxy that is spoken to by " +
                                                   url->scheme + "; only http:// proxies are");
  out.url = std::move(*url);
  return out;
}

bool is_excepted(const std::vector<std::string>& none, const Url& url) {
  const Address address = address_of(url.host);
  for (const auto& entry : none) {
    if (entry == "*" || is_inside(address, entry)) return true;
    std::string host = entry;
    const auto colon = host.rfind(':');
    if (colon != std::string::npos && host.find(':') == colon) {
      if (parse_number(host.substr(colon + 1)) != std::uint64_t{url.port}) continue;
      host.resize(colon);
    }
    const std::string bare = host.starts_with('.') ? host.substr(1) : host;
    if (bare.empty()) continue;
    if (url.host == bare && !host.starts_with('.')) return true;
    if (address.bytes.empty() && url.host.ends_with("." + bare)) return true;
  }
  return false;
}

}  // namespace

Result<RegistrySettings> parse_daemon_json(std::string_view json) {
  boost::system::error_code failed;
  const auto value = boost::json::parse(boost::json::string_view(json.data(), json.size()), failed);
  if (failed) return Error::make(ErrorKind::Protocol, "it is not JSON: " + failed.message());
  if (!value.is_object()) return Error::make(ErrorKind::Protocol, "it is not a JSON object");
  RegistrySettings out;
  auto insecure = list_member(value.get_object(), "insecure-registries");
  if (!insecure) return insecure.error();
  for (const auto& entry : *insecure) out.insecure.push_back(small_letters(entry));
  const auto mirrors = list_member(value.get_object(), "registry-mirrors");
  if (!mirrors) return mirrors.error();
  for (const auto& text : *mirrors) {
    auto url = parse_url(text);
    if (!url) return url.error().while_doing("reading `registry-mirrors`");
    while (url->target.ends_with('/')) url->target.pop_back();
    out.mirrors.push_back(std::move(*url));
  }
  return out;
}

Result<RegistrySettings> read_settings() {
  RegistrySettings out;
  for (const char* path : {"/etc/berth/registries.json", "/etc/docker/daemon.json"}) {
    const auto text = sys::read_file(path, kLargestSettings);
    if (!text && text.error().kind() == ErrorKind::NotFound) continue;
    if (!text) return text.error();
    auto one = parse_daemon_json(*text);
    if (!one) return one.error().while_doing(std::string("reading `") + path + "`");
    out.insecure.insert(out.insecure.end(), one->insecure.begin(), one->insecure.end());
    out.mirrors.insert(out.mirrors.end(), one->mirrors.begin(), one->mirrors.end());
  }
  return out;
}

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  const Address address = address_of(host);
  if (address.bytes.size() == 4) return address.bytes[0] == 127;
  return address.bytes.size() == 16 && address.bytes.back() == 1 &&
         std::all_of(address.bytes.begin(), address.bytes.end() - 1, [](unsigned char byte) { return byte == 0; });
}

bool may_be_plain(const RegistrySettings& settings, std::string_view registry) {
  const std::string name = small_letters(registry), host = host_without_port(name);
  if (is_loopback(host)) return true;
  const Address address = address_of(host);
  return std::any_of(settings.insecure.begin(), settings.insecure.end(), [&](const std::string& entry) {
    return entry == name || entry == host || is_inside(address, entry);
  });
}

Certificates find_certificates(const std::string& registry) {
  Certificates out;
  if (registry.find('/') != std::string::npos || registry.starts_with('.')) return out;
  for (const char* folder : {"/etc/berth/certs.d/", "/etc/docker/certs.d/", "/etc/containers/certs.d/"}) {
    const std::string path = folder + registry;
    const auto names = sys::list_directory(path);
    if (!names) continue;
    for (const auto& name : *names) {
      if (name.ends_with(".crt")) out.authorities.push_back(path + "/" + name);
      // Compat: NAME.cert and NAME.key belong together.
      if (name.ends_with(".cert") && out.certificate.empty()) {
        const std::string key = path + "/" + name.substr(0, name.size() - 5) + ".key";
        if (!sys::exists(key)) continue;
        out.certificate = path + "/" + name;
        out.key = key;
      }
    }
    return out;
  }
  return out;
}

Result<ProxySettings> ProxySettings::from(const std::map<std::string, std::string>& environment) {
  const auto variable = [&](const char* lower, const char* upper) -> std::pair<std::string, std::string> {
    for (const char* name : {lower, upper})
      if (const auto found = environment.find(name); found != environment.end() && !found->second.empty())
        return {name, found->second};
    return {};
  };
  ProxySettings out;
  for (const auto& [names, to] : {std::pair{variable("http_proxy", "HTTP_PROXY"), &out.http_},
                                  std::pair{variable("https_proxy", "HTTPS_PROXY"), &out.https_}}) {
    if (names.second.empty()) continue;
    auto proxy = parse_proxy(names.first, names.second);
    if (!proxy) return proxy.error();
    *to = std::move(*proxy);
  }
  std::string entry;
  for (const char c : small_letters(variable("no_proxy", "NO_PROXY").second) + ",") {
    if (c != ',' && c != ' ') {
      entry += c;
      continue;
    }
    if (!entry.empty()) out.none_.push_back(std::exchange(entry, {}));
  }
  return out;
}

std::optional<Proxy> ProxySettings::proxy_for(const Url& url) const {
  if (is_loopback(url.host) || is_excepted(none_, url)) return std::nullopt;
  return url.scheme == "https" ? https_ : http_;
}

}  // namespace berth::registry
