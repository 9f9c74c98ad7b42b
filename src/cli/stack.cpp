#include "stack.hpp"

#include "berth/state/records.hpp"
#include "compose_files.hpp"

namespace berth::cli {

ProjectName project_name(const App& app) {
  const std::string given = app.line.globals.maybe("project-name").value_or(app.variable("COMPOSE_PROJECT_NAME"));
  if (!given.empty()) {
    if (!state::is_project_name(given))
      throw Failure(Error::make(ErrorKind::Invalid, "invalid project name `" + given + "`")
                        .with_hint("lower-case letters, digits, `-` and `_`, beginning with a letter or digit"));
    return ProjectName(given);
  }
  return load_project(app, {}).project.name;
}

std::vector<engine::ContainerState> stored_containers(const App& app, const ProjectName& project) {
  const auto stored = state::read_containers(app.paths, project);
  for (const Error& damaged : stored.damaged) print_warning(damaged.to_string() + ", continuing without it");
  std::vector<engine::ContainerState> states;
  for (const auto& container : stored.containers) states.push_back(state::current_state(app.paths, container));
  return states;
}

}  // namespace berth::cli
