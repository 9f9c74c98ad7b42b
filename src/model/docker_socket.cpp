#include "berth/model/docker_socket.hpp"

namespace berth::model {

bool is_docker_socket(std::string_view path) {
  // /var/run is /run, but for a container that sees neither.
  for (std::string_view directory : {"/var/run/", "/run/"})
    if (path.starts_with(directory)) {
      path.remove_prefix(directory.size());
      const bool of_a_user = path.starts_with("user/") && path.ends_with("/docker.sock");
      return path == "docker.sock" || path == "podman/podman.sock" || path == "containerd/containerd.sock" || of_a_user;
    }
  return false;
}

}  // namespace berth::model
