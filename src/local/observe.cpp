#include "berth/local/observe.hpp"

#include "berth/network/bridges.hpp"
#include "berth/state/records.hpp"
#include "berth/sys/file.hpp"
#include "berth/volume/store.hpp"

namespace berth::local {

Result<void> observe_host(const state::Paths& paths, const ProjectName& project, engine::ObservedState& observed) {
  auto networks = network::Bridges(paths.root).observe();
  if (!networks) return networks.error();
  for (const auto& [name, record] : *networks) observed.networks[name] = {record.spec, record.subnet, record.gateway};
  auto volumes = volume::VolumeStore(paths.root).list();
  if (!volumes) return volumes.error();
  for (auto& volume : *volumes) observed.volumes[volume.spec.volume.name] = volume;
  auto names = state::read_names(paths);
  if (!names) return names.error();
  for (const auto& [name, owner] : *names)
    if (owner.project != project.value) observed.taken_names[name] = owner.project;
  return {};
}

Result<engine::ObservedState> observe_stored(const state::Paths& paths, const ProjectName& project,
                                             std::map<std::string, engine::ImageFacts> images) {
  engine::ObservedState observed;
  observed.images = std::move(images);
  if (!sys::exists(paths.root + "/global")) return observed;
  const auto stored = state::read_containers(paths, project);
  if (!stored.damaged.empty()) return stored.damaged.front();
  for (const auto& container : stored.containers) observed.containers.push_back(state::current_state(paths, container));
  BERTH_TRY(observe_host(paths, project, observed));
  return observed;
}

}  // namespace berth::local
