#include "stack.hpp"

#include <algorithm>

#include "berth/state/records.hpp"
#include "berth/text/suggest.hpp"
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

void require_services(const std::vector<engine::ContainerState>& all, const std::vector<std::string>& services) {
  std::vector<std::string> known;
  for (const auto& state : all) known.push_back(state.spec.service.value);
  for (const auto& service : services) {
    if (std::find(known.begin(), known.end(), service) != known.end()) continue;
    auto error = Error::make(ErrorKind::NotFound, "no container of a service `" + service + "`");
    if (const auto near = text::nearest(service, known))
      error = std::move(error).with_hint("did you mean `" + *near + "`?");
    throw Failure(std::move(error));
  }
}

bool is_named(const engine::ContainerState& state, const std::vector<std::string>& services) {
  return services.empty() || std::find(services.begin(), services.end(), state.spec.service.value) != services.end();
}

}  // namespace berth::cli
