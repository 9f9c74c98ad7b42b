// Names in networks that containers of several projects are in: each project's supervisor answers DNS from memory, so
// each writes what it knows where the others can see it.
//
//   RUN/.shared/<network>/<container id>      {"project": "shop", "ipv4": "172.18.0.2", "names": ["web", ...]}
//
// The first project that joins a network as `external` makes its directory; from then on all that have containers in it
// publish them there. Watch fd(); changes() then says what the others' names are now.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/base/ids.hpp"
#include "berth/sys/inotify.hpp"

namespace berth::network {

struct SharedName {
  std::string project;
  std::string ipv4;
  std::vector<std::string> names;
  bool operator==(const SharedName&) const = default;
};

class SharedNames {
 public:
  // What another project publishes, by network and container.
  using Others = std::map<std::string, std::map<ContainerId, SharedName>>;

  static Result<SharedNames> create(const std::string& run_root, const ProjectName& project);
  int fd() const noexcept { return watch_.fd(); }

  Result<void> share(const std::string& network);  // idempotent
  // Kept, and written as soon as the network is a shared one.
  Result<void> publish(const std::string& network, const ContainerId& container, SharedName name);
  Result<void> withdraw(const ContainerId& container);
  Result<void> unshare(const std::string& network);  // the network is gone

  // Reads away the events. Networks that nobody of this project is in are left out; a damaged entry is one that is not
  // there yet.
  Result<Others> changes();

 private:
  SharedNames(sys::Inotify watch, std::string directory, ProjectName project)
      : watch_(std::move(watch)), directory_(std::move(directory)), project_(std::move(project)) {}
  Result<void> write(const std::string& network, const ContainerId& container, const SharedName& name) const;
  std::string path(const std::string& network) const { return directory_ + "/" + network; }

  sys::Inotify watch_;
  std::string directory_;
  ProjectName project_;
  std::set<std::string> watched_;
  std::map<std::string, std::map<ContainerId, SharedName>> mine_;
};

}  // namespace berth::network
