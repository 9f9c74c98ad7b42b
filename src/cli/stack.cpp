#include "stack.hpp"

#include <algorithm>
#include <cctype>
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

// For looking and taking down: what is in env files is not asked, they may be gone.
compose::LoadOptions without_env_files(const App& app) {
  auto options = load_options(app, {});
  options.no_env_resolution = true;
  return options;
}

}  // namespace

ProjectName project_name(const App& app) {
  const auto given = given_name(app);
  return given ? *given : load_with(app, without_env_files(app)).project.name;
}

StackFiles stack_files(const App& app) {
  auto options = without_env_files(app);
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

namespace {

bool is_container_name(const std::string& name) {
  const auto plain = [](unsigned char c) { return c < 0x80 && std::isalnum(c); };
  return name.size() > 1 && plain(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || c == '_' || c == '.' || c == '-'; });
}

}  // namespace

void require_container_name(const std::string& name) {
  if (is_container_name(name)) return;
  throw Failure(Error::make(ErrorKind::Invalid, "invalid container name `" + name + "`")
                    .with_hint("at least two of letters, digits, `_`, `.` and `-`, beginning with a letter or digit"));
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

namespace {

// What is wrong with the files is not this command's business.
std::vector<std::string> declared_services(const App& app) {
  compose::DiskFiles disk;
  const auto outcome = compose::load(without_env_files(app), compose::Environment{app.environment}, disk);
  std::vector<std::string> names;
  if (!outcome.loaded) return names;
  for (const auto* services : {&outcome.loaded->project.services, &outcome.loaded->project.disabled_services})
    for (const auto& [name, unused] : *services) names.push_back(name);
  return names;
}

}  // namespace

void require_services(const App& app, const std::vector<engine::ContainerState>& all,
                      const std::vector<std::string>& services) {
  std::vector<std::string> known;
  for (const auto& state : all) known.push_back(state.spec.service.value);
  const auto is_known = [&](const std::string& service) {
    return std::find(known.begin(), known.end(), service) != known.end();
  };
  if (std::all_of(services.begin(), services.end(), is_known)) return;
  const auto declared = declared_services(app);
  known.insert(known.end(), declared.begin(), declared.end());
  for (const auto& service : services) {
    if (is_known(service)) continue;
    auto error = Error::make(ErrorKind::NotFound, "no such service: `" + service + "`");
    if (const auto near = text::nearest(service, known))
      throw Failure(std::move(error).with_hint("did you mean `" + *near + "`?"));
    throw Failure(std::move(error));
  }
}

std::vector<std::string> services_with_containers(const std::vector<engine::ContainerState>& all,
                                                  const std::vector<std::string>& services) {
  std::vector<std::string> present;
  for (const auto& service : services)
    if (std::any_of(all.begin(), all.end(), [&](const auto& state) { return state.spec.service.value == service; }))
      present.push_back(service);
  return present;
}

bool is_named(const engine::ContainerState& state, const std::vector<std::string>& services) {
  return services.empty() || std::find(services.begin(), services.end(), state.spec.service.value) != services.end();
}

}  // namespace berth::cli
