#include "docker_proxies.hpp"

#include <boost/json.hpp>
#include <cctype>

namespace berth::cli {

Result<std::map<std::string, std::string>> proxies_of_docker_config(std::string_view text) {
  namespace bj = boost::json;
  boost::system::error_code failed;
  const auto config = bj::parse(bj::string_view(text.data(), text.size()), failed);
  if (failed) return Error::make(ErrorKind::Protocol, "not JSON: " + failed.message());
  std::map<std::string, std::string> out;
  const auto member = [](const bj::value* value, const char* name) -> const bj::value* {
    return value && value->is_object() ? value->get_object().if_contains(name) : nullptr;
  };
  // Others are named after a daemon's address; there is none here.
  const bj::value* proxies = member(member(&config, "proxies"), "default");
  static constexpr std::pair<const char*, const char*> kNames[] = {{"httpProxy", "HTTP_PROXY"},
                                                                   {"httpsProxy", "HTTPS_PROXY"},
                                                                   {"noProxy", "NO_PROXY"},
                                                                   {"ftpProxy", "FTP_PROXY"},
                                                                   {"allProxy", "ALL_PROXY"}};
  for (const auto& [key, variable] : kNames) {
    const bj::value* value = member(proxies, key);
    if (!value || !value->is_string() || value->get_string().empty()) continue;
    std::string lower = variable;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    out[variable] = out[lower] = std::string(value->get_string());
  }
  return out;
}

}  // namespace berth::cli
