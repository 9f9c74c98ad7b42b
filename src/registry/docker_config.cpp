#include "docker_config.hpp"

#include <openssl/evp.h>

#include <boost/json.hpp>

#include <algorithm>
#include <vector>

namespace berth::registry {
namespace {

namespace bj = boost::json;

constexpr std::string_view kHub = "docker.io";
constexpr std::string_view kHubKey = "https://index.docker.io/v1/";

Error wrong_member(const std::string& what) { return Error::make(ErrorKind::Protocol, what); }

Result<bj::object> object_of(std::string_view json) {
  if (json.find_first_not_of(" \t\r\n") == std::string_view::npos) return bj::object();
  boost::system::error_code failed;
  auto value = bj::parse(bj::string_view(json.data(), json.size()), failed);
  if (failed) return wrong_member("it is not JSON: " + failed.message());
  if (!value.is_object()) return wrong_member("it is not a JSON object");
  return std::move(value.get_object());
}

Result<std::string> string_member(const bj::object& object, const char* name, const std::string& where) {
  const auto* value = object.if_contains(name);
  if (!value || value->is_null()) return std::string();
  if (!value->is_string()) return wrong_member("`" + where + name + "` is not a string");
  return std::string(value->get_string());
}

// The member as an object; nothing where it is not there.
Result<const bj::object*> object_member(const bj::object& object, const char* name) {
  const auto* value = object.if_contains(name);
  if (!value || value->is_null()) return static_cast<const bj::object*>(nullptr);
  if (!value->is_object()) return wrong_member(std::string("`") + name + "` is not an object");
  return &value->get_object();
}

Result<Credential> credential_of(const std::string& key, const bj::value& value) {
  if (!value.is_object()) return wrong_member("`auths." + key + "` is not an object");
  const auto& object = value.get_object();
  const std::string where = "auths." + key + ".";
  Credential out;
  struct Field {
    const char* name;
    std::string* to;
  };
  std::string auth;
  for (const Field& field :
       {Field{"auth", &auth}, Field{"username", &out.user}, Field{"password", &out.password},
        Field{"identitytoken", &out.identity_token}, Field{"registrytoken", &out.registry_token}}) {
    auto text = string_member(object, field.name, where);
    if (!text) return text.error();
    *field.to = std::move(*text);
  }
  if (const auto plain = base64_decode(auth); plain && !auth.empty()) {
    const auto colon = plain->find(':');
    if (colon != std::string::npos) {
      out.user = plain->substr(0, colon);
      out.password = plain->substr(colon + 1);
      // Compat: docker fills the buffer up with NUL bytes.
      out.password.erase(out.password.find_last_not_of('\0') + 1);
    }
  }
  return out;
}

std::string_view without_scheme(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"})
    if (key.starts_with(scheme)) return key.substr(scheme.size());
  return key;
}

std::string_view host_part(std::string_view key) {
  return without_scheme(key).substr(0, without_scheme(key).find('/'));
}

bool is_hub(std::string_view host) {
  return host == kHub || host == "index.docker.io" || host == "registry-1.docker.io";
}

}  // namespace

std::string config_key(std::string_view host) { return is_hub(host) ? std::string(kHubKey) : std::string(host); }

bool is_key_of(std::string_view key, std::string_view host) {
  const auto bare = host_part(key);
  return bare == host || (is_hub(bare) && is_hub(host));
}

std::string base64_encode(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<int>(bytes.size()));
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0 || text.size() > (1u << 20)) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  if (text.substr(0, text.size() - padding)
          .find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") !=
      std::string_view::npos)
    return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(text.data()),
                      static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  out.resize(static_cast<std::size_t>(length) - padding);
  return out;
}

Result<DockerConfig> parse_docker_config(std::string_view json) {
  const auto object = object_of(json);
  if (!object) return object.error();
  DockerConfig out;
  const auto auths = object_member(*object, "auths");
  if (!auths) return auths.error();
  if (*auths)
    for (const auto& [key, value] : **auths) {
      auto credential = credential_of(std::string(key), value);
      if (!credential) return credential.error();
      out.auths.emplace(std::string(key), std::move(*credential));
    }
  const auto helpers = object_member(*object, "credHelpers");
  if (!helpers) return helpers.error();
  if (*helpers)
    for (const auto& [key, value] : **helpers) {
      if (!value.is_string()) return wrong_member("`credHelpers." + std::string(key) + "` is not a string");
      out.helpers.emplace(std::string(key), std::string(value.get_string()));
    }
  auto store = string_member(*object, "credsStore", "");
  if (!store) return store.error();
  out.store = std::move(*store);
  return out;
}

std::optional<Credential> find_credential(const DockerConfig& config, std::string_view host,
                                          std::string_view repository) {
  // From the most particular key on: host/a/b, host/a, then the host in all its spellings.
  std::string key = std::string(host) + "/" + std::string(repository);
  for (auto slash = key.size(); slash > host.size(); slash = key.rfind('/')) {
    key.resize(slash);
    if (const auto found = config.auths.find(key); found != config.auths.end() && !found->second.empty())
      return found->second;
  }
  if (const auto found = config.auths.find(config_key(host)); found != config.auths.end() && !found->second.empty())
    return found->second;
  for (const auto& [written, credential] : config.auths) {
    const auto bare = without_scheme(written);
    const auto path = bare.find('/') == std::string_view::npos ? std::string_view() : bare.substr(bare.find('/'));
    const bool whole_host = path.empty() || path == "/" || path.starts_with("/v1") || path.starts_with("/v2");
    if (whole_host && is_key_of(written, host) && !credential.empty()) return credential;
  }
  return std::nullopt;
}

std::string helper_of(const DockerConfig& config, std::string_view host) {
  if (const auto own = config.helpers.find(std::string(host)); own != config.helpers.end()) return own->second;
  for (const auto& [key, helper] : config.helpers)
    if (is_key_of(key, host)) return helper;
  return config.store;
}

Result<std::string> with_credential(std::string_view json, std::string_view host, const Credential& credential) {
  auto object = object_of(json);
  if (!object) return object.error();
  const auto there = object_member(*object, "auths");
  if (!there) return there.error();
  if (!*there) (*object)["auths"] = bj::object();
  bj::object entry;
  if (!credential.identity_token.empty())
    entry = {{"auth", base64_encode(credential.user + ":")}, {"identitytoken", credential.identity_token}};
  else
    entry = {{"auth", base64_encode(credential.user + ":" + credential.password)}};
  (*object)["auths"].as_object()[config_key(host)] = std::move(entry);
  return bj::serialize(*object) + "\n";
}

Result<Erased> without_credential(std::string_view json, std::string_view host) {
  auto object = object_of(json);
  if (!object) return object.error();
  const auto there = object_member(*object, "auths");
  if (!there) return there.error();
  Erased out;
  if (*there) {
    auto& auths = (*object)["auths"].as_object();
    std::vector<std::string> gone;
    for (const auto& [key, unused] : auths)
      if (is_key_of(key, host)) gone.emplace_back(key);
    for (const auto& key : gone) auths.erase(key);
    out.found = !gone.empty();
  }
  out.text = bj::serialize(*object) + "\n";
  return out;
}

Result<std::string> registry_host(std::string_view text) {
  std::string host(host_part(text));
  for (char& c : host)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  const bool good = !host.empty() && std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == ':' || c == '_' || c == '[' || c == ']';
  });
  if (!good) return Error::make(ErrorKind::Invalid, "`" + std::string(text) + "` is no registry: HOST[:PORT]");
  return is_hub(host) ? std::string(kHub) : host;
}

}  // namespace berth::registry
