// From what a container is to be (engine::ContainerSpec) to what the runtime starts (oci::RuntimeSpec). Pure but for
// the device nodes of the host, which are looked at.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/engine/container.hpp"
#include "berth/oci/runtime_spec.hpp"
#include "berth/runtime/user.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::local {

struct MountSource {
  std::string path;
  bool read_only = false;  // whatever the mount says
  sys::UniqueFd fd;        // instead of the path, which then is for messages only
};

// What this host gives the container: directories, files and namespaces that were made ready beforehand.
struct ContainerPlace {
  ContainerId id;
  std::vector<std::string> lower;  // image layers, top first
  std::string upper, work, mount_point;
  std::string hostname;                                // empty: the spec's, else the short id
  std::string hosts_file, resolv_file, hostname_file;  // bound over /etc/…; empty: the image's own
  std::vector<MountSource> mount_sources;              // one per spec.mounts: of binds and volumes; empty: tmpfs
  std::vector<std::string> file_sources;               // one per spec.files
  int network_namespace = -1;                          // joined (borrowed); -1: by network_mode
  int pid_namespace = -1, ipc_namespace = -1, uts_namespace = -1;  // of another container, where the spec says so
  int pid_mounts = -1, ipc_mounts = -1;                            // that container's mount namespace
  runtime::ResolvedUser user;
  std::string bin_dir;  // ROOT/bin, for `init: true`
};

Result<oci::RuntimeSpec> runtime_spec_of(const engine::ContainerSpec& spec, const ContainerPlace& place);
// What every process of the container is held to, also one that is executed later: capabilities, filter, limits.
Result<void> confine(oci::Process& process, std::string& seccomp, const model::Confinement& wanted);
oci::Resources runtime_resources(const engine::ContainerSpec& spec);

// "SIGTERM", "TERM", "15", "RTMIN+3": the number. Nothing where it is none.
std::optional<int> parse_signal(const std::string& text);

// Where the caller wants other than the default fourteen: names with or without CAP_, ALL. Unknown names are an error.
Result<std::uint64_t> capabilities_of(const model::Confinement& confinement);

}  // namespace berth::local
