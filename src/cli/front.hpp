// Under which name the program was called, and what that means. One binary answers as `berth`, as `docker-compose`
// (that of version 1, too), as the docker client's plug-in `compose`, and as `docker`. Pure.
//
//   docker-compose [-H …] up            compose's commands
//   docker-compose docker-cli-plugin-metadata            the docker client asks its plug-in what it is
//   docker-compose [-H …] compose up    the docker client hands `docker [-H …] compose up` on
//   docker [-H …] compose up            the same without a client
//   docker [-H …] ps                    docker's own commands (docker/)
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace berth::cli {

enum class Front { Compose, PluginMetadata, Docker };

struct Call {
  Front front = Front::Compose;
  std::string program;                 // as messages name it: "berth", "docker-compose", "docker compose", "docker"
  std::vector<std::string> arguments;  // for the grammar of the front
};

Call choose_front(std::string_view argv0, const std::vector<std::string>& arguments);

// The releases whose commands and flags this version knows: what scripts that compare version numbers get to see under
// docker's names (decisions/names.md).
inline constexpr std::string_view kComposeLevel = "2.40.3";
inline constexpr std::string_view kDockerLevel = "28.5.1";

std::string plugin_metadata();  // JSON, one line

}  // namespace berth::cli
