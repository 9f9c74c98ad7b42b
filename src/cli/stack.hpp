// Which project a command is about, and what of it is on disk. Reads only; needs no supervisor.
#pragma once

#include <vector>

#include "berth/cli/app.hpp"
#include "berth/engine/container.hpp"

namespace berth::cli {

// The name only: -p, COMPOSE_PROJECT_NAME, else what the compose file says. Throws Failure where none can be found.
ProjectName project_name(const App& app);
// By name. A damaged record is warned about and left out.
std::vector<engine::ContainerState> stored_containers(const App& app, const ProjectName& project);

}  // namespace berth::cli
