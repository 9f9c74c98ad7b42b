// `volumes_from`: a container gets the binds and volumes of others. They are looked up once, when it is created, and
// stand among its mounts from then on. Pure.
#pragma once

#include <functional>
#include <string>

#include "berth/base/error.hpp"
#include "berth/state/records.hpp"

namespace berth::local {

using FindContainer = std::function<Result<state::ContainerRecord>(const std::string& name)>;

// Appends what spec.volumes_from names, in its order; the first to have a path has it. Compat: as Docker does, what the
// container mounts itself stays, an anonymous volume gives way, and an anonymous volume of the other is shared by name.
Result<void> take_over_mounts(engine::ContainerSpec& spec, const FindContainer& find);

}  // namespace berth::local
