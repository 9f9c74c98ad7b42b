// A real Docker beside berth, or another machine's: what must not be lost, and what must not be mistaken for this one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/cli/app.hpp"
#include "berth/model/project.hpp"

namespace berth::cli {

// Throws Failure where DOCKER_HOST or the client's context names another machine's daemon: what was meant happens
// there, and berth has only the containers of this one.
void require_local_daemon(const std::map<std::string, std::string>& environment);

struct DockerVolume {
  std::string data;      // the directory that holds its data
  bool shifted = false;  // user ids in it are those of a user namespace: userns-remap, or a Docker without root
};
// The volume in Docker's store on this machine; nothing where it has none of the name.
std::optional<DockerVolume> docker_volume(const App& app, const std::string& name);

// Throws Failure where volumes that the project is about to get hold data in Docker's store: an `up` would begin with
// empty ones. With `dry` it is a warning.
void require_no_docker_volumes(const App& app, const model::Project& project, bool dry);

// Throws Failure for a bind of Docker's socket where there is none: a directory in its place would pass for one.
void require_docker_sockets(const model::Project& project);

}  // namespace berth::cli
