#include "docker/find.hpp"

#include <algorithm>

#include "berth/text/suggest.hpp"

namespace berth::cli::docker {

std::vector<Found> all_containers(const App& app) {
  std::vector<Found> all;
  for (const auto& project : state::list_projects(app.paths)) {
    auto stored = state::read_containers(app.paths, project);
    for (const Error& damaged : stored.damaged) print_warning(damaged.to_string() + ", continuing without it");
    for (auto& container : stored.containers) {
      auto now = state::current_state(app.paths, container);
      all.push_back({std::move(container), std::move(now)});
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Found& a, const Found& b) { return a.state.created_at > b.state.created_at; });
  return all;
}

Result<Found> find_container(const std::vector<Found>& all, const std::string& text) {
  const std::string name = text.starts_with('/') ? text.substr(1) : text;
  const Found* found = nullptr;
  for (const auto& one : all)
    if (one.state.id.value == name || one.state.name == name) return one;
  for (const auto& one : all) {
    if (name.empty() || !one.state.id.value.starts_with(name)) continue;
    if (found) return Error::make(ErrorKind::Invalid, "several containers have an id that begins with `" + name + "`");
    found = &one;
  }
  if (found) return *found;
  // Compat: scripts look for docker's words, with its capital.
  auto error = Error::make(ErrorKind::NotFound, "No such container: `" + text + "`");
  std::vector<std::string> known;
  for (const auto& one : all) known.push_back(one.state.name);
  const auto near = text::nearest(name, known);
  return near ? std::move(error).with_hint("did you mean `" + *near + "`?") : error;
}

Found require_container(const App& app, const std::string& text) {
  return must(find_container(all_containers(app), text));
}

Chosen choose_containers(const App& app, const std::vector<std::string>& names) {
  Chosen chosen;
  const auto all = all_containers(app);
  for (const auto& name : names) {
    auto found = find_container(all, name);
    if (found) {
      chosen.found.emplace_back(name, std::move(*found));
      continue;
    }
    chosen.missing = true;
    print_error(found.error());
  }
  return chosen;
}

bool is_up(engine::Phase phase) {
  return phase == engine::Phase::Running || phase == engine::Phase::Paused || phase == engine::Phase::Restarting;
}

std::vector<std::string> users_of_network(const std::vector<Found>& all, const std::string& network) {
  std::vector<std::string> users;
  for (const auto& one : all)
    for (const auto& endpoint : one.state.spec.endpoints)
      if (endpoint.network == network) users.push_back(one.state.name);
  return users;
}

std::vector<std::string> users_of_volume(const std::vector<Found>& all, const std::string& volume) {
  std::vector<std::string> users;
  for (const auto& one : all) {
    const auto& anonymous = one.state.anonymous_volumes;
    bool uses = std::find(anonymous.begin(), anonymous.end(), volume) != anonymous.end();
    for (const auto& mount : one.state.spec.mounts)
      uses = uses || (mount.type == model::MountType::Volume && mount.source == volume);
    if (uses) users.push_back(one.state.name);
  }
  return users;
}

}  // namespace berth::cli::docker
