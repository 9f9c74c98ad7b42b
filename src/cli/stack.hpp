// Which project a command is about, and what of it is on disk. Reads only; needs no supervisor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "berth/cli/app.hpp"
#include "berth/engine/container.hpp"
#include "berth/model/project.hpp"

namespace berth::cli {

// The name only: -p, COMPOSE_PROJECT_NAME, else what the compose file says. Throws Failure where none can be found.
ProjectName project_name(const App& app);
// The name and what the files declare, all of it. No project where -p names one whose files are not here.
struct StackFiles {
  ProjectName name;
  std::optional<model::Project> project;
};
StackFiles stack_files(const App& app);
// By name. A damaged record is warned about and left out.
std::vector<engine::ContainerState> stored_containers(const App& app, const ProjectName& project);
// Throws Failure for a service that no container is of and that the files (read only then) do not declare either.
void require_services(const App& app, const std::vector<engine::ContainerState>& all,
                      const std::vector<std::string>& services);
// Those that have a container.
std::vector<std::string> services_with_containers(const std::vector<engine::ContainerState>& all,
                                                  const std::vector<std::string>& services);
std::vector<std::string> image_users(const App& app, const ImageDigest& digest);  // containers of any project
void require_container_name(const std::string& name);                             // throws Failure
std::int64_t now_ns();                                                            // wall clock, nanoseconds since 1970
bool is_named(const engine::ContainerState& state, const std::vector<std::string>& services);  // none named: all are

}  // namespace berth::cli
