#include "stack.hpp"

#include <algorithm>
#include <chrono>

#include "berth/state/records.hpp"
#include "berth/text/suggest.hpp"
#include "compose_files.hpp"

namespace berth::cli {

namespace {

// -p or COMPOSE_PROJECT_NAME.
std::optional<ProjectName> given_name(const App& app) {
  const std::string given = app.line.globals.maybe("project-name").value_or(app.variable("COMPOSE_PROJECT_NAME"));
  if (given.empty()) return std::nullopt;
  if (!state::is_project_name(given))
    throw Failure(Error::make(ErrorKind::Invalid, "invalid project name `" + given + "`")
                      .with_hint("lower-case letters, digits, `-` and `_`, beginning with a letter or digit"));
  return ProjectName(given);
}

}  // namespace

ProjectName project_name(const App& app) {
  const auto given = given_name(app);
  return given ? *given : load_project(app, {}).project.name;
}

StackFiles stack_files(const App& app) {
  auto options = load_options(app, {});
  options.all_resources = true;  // `down -v` takes volumes of services that are not enabled, too
  compose::DiskFiles disk;
  auto outcome = compose::load(options, compose::Environment{app.environment}, disk);
  const auto given = given_name(app);
  if (!outcome.loaded && outcome.exit_code == kNoComposeFile && given) return {*given, std::nullopt};
  print_diagnostics(app, outcome.diagnostics);
  if (!outcome.loaded) throw LoadFailed{outcome.exit_code};
  return {outcome.loaded->project.name, std::move(outcome.loaded->project)};
}

std::vector<std::string> image_users(const App& app, const ImageDigest& digest) {
  std::vector<std::string> users;
  for (const auto& project : state::list_projects(app.paths))
    for (const auto& container : state::read_containers(app.paths, project).containers)
      if (container.record.spec.image_digest == digest) users.push_back(container.record.name);
  return users;
}

std::int64_t now_ns() {
  using std::chrono::system_clock;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(system_clock::now().time_since_epoch()).count();
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
      throw Failure(std::move(error).with_hint("did you mean `" + *near + "`?"));
    throw Failure(std::move(error));
  }
}

bool is_named(const engine::ContainerState& state, const std::vector<std::string>& services) {
  return services.empty() || std::find(services.begin(), services.end(), state.spec.service.value) != services.end();
}

}  // namespace berth::cli
