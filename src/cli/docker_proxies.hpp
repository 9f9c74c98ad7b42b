// `proxies` of docker's config.json: what `docker build` hands to every build as arguments.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "berth/base/error.hpp"

namespace berth::cli {

// Build arguments (HTTP_PROXY and http_proxy, …) out of the text of config.json; Protocol where that is not JSON.
Result<std::map<std::string, std::string>> proxies_of_docker_config(std::string_view text);

}  // namespace berth::cli
