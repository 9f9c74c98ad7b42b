// Logging in: credentials are tried at the registry before they are kept (credentials.hpp).
#pragma once

#include <map>
#include <string>

#include "berth/base/error.hpp"
#include "berth/registry/credentials.hpp"

namespace berth::registry {

// Success: the registry takes them. Permission: it does not, with its words. `host` as registry_host() gives it.
// Blocks; ends where `stop_fd` becomes readable.
Result<void> try_credential(const std::map<std::string, std::string>& environment, const std::string& host,
                            const Credential& credential, int stop_fd = -1);

}  // namespace berth::registry
