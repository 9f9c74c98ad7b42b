// Who we are to a registry, and where that is kept: docker's config.json ($DOCKER_CONFIG or ~/.docker), containers'
// auth.json, and credential helpers (`docker-credential-NAME`), which are started directly, without a shell.
//
// Nothing of a credential is ever part of an error or a log line; a helper's own words are passed on with the secrets
// that we know cut out.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "berth/base/error.hpp"

namespace berth::registry {

struct Credential {
  std::string user, password;
  std::string identity_token;  // an OAuth2 refresh token, instead of a password
  std::string registry_token;  // a bearer token that is sent as it is

  bool empty() const { return user.empty() && password.empty() && identity_token.empty() && registry_token.empty(); }
  bool operator==(const Credential&) const = default;
};

// `docker.io` for Docker Hub under any of its names, else the host in lower case, without scheme and path.
Result<std::string> registry_host(std::string_view text);

class CredentialFiles {
 public:
  // DOCKER_CONFIG, HOME, XDG_RUNTIME_DIR and PATH (for helpers) come from `environment`. Nothing is read yet.
  // `stop_fd`: readable where the work is to end; a helper is killed then.
  explicit CredentialFiles(std::map<std::string, std::string> environment, int stop_fd = -1);

  // Nothing: anonymous. A file or helper that cannot be read is an error that names it.
  Result<std::optional<Credential>> find(const std::string& host, const std::string& repository = {}) const;
  // Where the credential now is: a helper's name or a path.
  struct Kept {
    std::string helper;  // "docker-credential-pass", or
    std::string path;
  };
  Result<Kept> store(const std::string& host, const Credential& credential) const;
  Result<bool> erase(const std::string& host) const;  // false: there was none

  std::string config_path() const;  // docker's; empty where neither HOME nor DOCKER_CONFIG is set

 private:
  std::map<std::string, std::string> environment_;
  int stop_fd_;
};

}  // namespace berth::registry
