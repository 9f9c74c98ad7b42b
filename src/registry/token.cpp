#include "token.hpp"

#include <boost/json.hpp>

#include <algorithm>

#include "docker_config.hpp"

namespace berth::registry {

std::string percent_encoded(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
                       byte == '-' || byte == '.' || byte == '_' || byte == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

std::string basic_authorization(const Credential& credential) {
  const std::string& secret = credential.identity_token.empty() ? credential.password : credential.identity_token;
  return "Basic " + base64_encode(credential.user + ":" + secret);
}

std::string token_form(const std::string& service, const std::vector<std::string>& scopes,
                       const std::string& refresh_token) {
  std::string scope;
  for (const auto& each : scopes) scope += (scope.empty() ? "" : " ") + each;
  return "grant_type=refresh_token&client_id=berth&service=" + percent_encoded(service) +
         "&scope=" + percent_encoded(scope) + "&refresh_token=" + percent_encoded(refresh_token);
}

Url with_token_query(Url realm, const std::string& service, const std::vector<std::string>& scopes,
                     const std::optional<Credential>& credential) {
  const auto add = [&](const char* name, const std::string& value) {
    realm.target +=
        (realm.target.find('?') == std::string::npos ? "?" : "&") + std::string(name) + "=" + percent_encoded(value);
  };
  if (!service.empty()) add("service", service);
  for (const auto& scope : scopes) add("scope", scope);
  if (credential && !credential->user.empty()) add("account", credential->user);
  return realm;
}

Result<TokenAnswer> parse_token_answer(std::string_view json) {
  const auto wrong = [](const char* why) { return Error::make(ErrorKind::Protocol, why); };
  boost::system::error_code failed;
  const auto value = boost::json::parse(boost::json::string_view(json.data(), json.size()), failed);
  if (failed || !value.is_object()) return wrong("it is not a JSON object");
  TokenAnswer out;
  for (const char* name : {"token", "access_token"}) {
    const auto* token = value.get_object().if_contains(name);
    if (out.token.empty() && token && token->is_string()) out.token = std::string(token->get_string());
  }
  if (out.token.empty()) return wrong("it holds no token");
  const bool plain = std::all_of(out.token.begin(), out.token.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!plain || out.token.size() > (48u << 10)) return wrong("it holds a token that could not be sent");
  return out;
}

}  // namespace berth::registry
