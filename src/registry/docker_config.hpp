// ~/.docker/config.json and containers' auth.json: which credentials they hold and which helpers know more. Pure text
// in, values out; the same for changes, which keep every other member of the file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "berth/base/error.hpp"
#include "berth/registry/credentials.hpp"

namespace berth::registry {

struct DockerConfig {
  std::map<std::string, Credential> auths;     // by key as written
  std::map<std::string, std::string> helpers;  // credHelpers: registry -> suffix of docker-credential-
  std::string store;                           // credsStore, also a suffix
};

// A member of another type than it must have is ErrorKind::Protocol and names it; a value of `auth` that is no base64
// of USER:PASSWORD is left out. No error holds a part of a credential.
Result<DockerConfig> parse_docker_config(std::string_view json);

// The key that docker uses for a registry: `https://index.docker.io/v1/` for Docker Hub, else the host itself.
std::string config_key(std::string_view host);
// Whether docker's and older tools' ways to write the key mean that host: with scheme, with a path, either name of Hub.
bool is_key_of(std::string_view key, std::string_view host);

// containers' auth.json knows keys of repositories: the longest that is a prefix of `host/repository` wins.
std::optional<Credential> find_credential(const DockerConfig& config, std::string_view host,
                                          std::string_view repository);
// The helper that is asked about the host: its own, else the store; empty where there is none.
std::string helper_of(const DockerConfig& config, std::string_view host);

// The file's text with the registry's credentials set; or without them, under whichever keys they stand. An empty text
// is an empty file.
Result<std::string> with_credential(std::string_view json, std::string_view host, const Credential& credential);
struct Erased {
  std::string text;
  bool found = false;
};
Result<Erased> without_credential(std::string_view json, std::string_view host);

std::string base64_encode(std::string_view bytes);
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace berth::registry
