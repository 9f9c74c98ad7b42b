#include "volumes_from.hpp"

#include <algorithm>

namespace berth::local {
namespace {

// The mount as another container would have it; nothing for what is its own alone.
std::optional<engine::ContainerMount> shared_mount(const state::ContainerRecord& owner,
                                                   const engine::ContainerMount& mount, bool read_only) {
  if (mount.type == model::MountType::Tmpfs) return std::nullopt;
  engine::ContainerMount shared = mount;
  shared.taken_over = true;
  shared.no_copy = true;  // the owner's image has filled it
  shared.read_only = mount.read_only || read_only;
  if (engine::is_anonymous(mount)) shared.source = owner.anonymous_volumes.at(mount.target);
  return shared;
}

void take(engine::ContainerSpec& spec, engine::ContainerMount shared) {
  const auto own = std::find_if(spec.mounts.begin(), spec.mounts.end(),
                                [&](const auto& mount) { return mount.target == shared.target; });
  if (own == spec.mounts.end())
    spec.mounts.push_back(std::move(shared));
  else if (engine::is_anonymous(*own))
    *own = std::move(shared);
}

}  // namespace

Result<void> take_over_mounts(engine::ContainerSpec& spec, const FindContainer& find) {
  for (const auto& from : spec.volumes_from) {
    const auto owner = find(from.container);
    if (!owner) return owner.error();
    for (const auto& mount : owner->spec.mounts)
      if (auto shared = shared_mount(*owner, mount, from.read_only)) take(spec, std::move(*shared));
  }
  return {};
}

}  // namespace berth::local
