#include <algorithm>
#include <chrono>
#include <set>

#include "commands.hpp"
#include "render/container_view.hpp"
#include "stack.hpp"

namespace berth::cli {
namespace {

std::set<std::string> wanted_states(const OptionValues& options) {
  std::set<std::string> states;
  for (auto& status : options.all("status")) states.insert(status);
  for (const auto& filter : options.all("filter")) {
    const auto equals = filter.find('=');
    if (filter.substr(0, equals) != "status" || equals == std::string::npos)
      throw Failure(Error::make(ErrorKind::Invalid, "unknown filter `" + filter + "`")
                        .with_hint("`status=...` is the only filter"));
    states.insert(filter.substr(equals + 1));
  }
  return states;
}

bool is_wanted(const engine::ContainerState& state, const App& app, const std::set<std::string>& states) {
  if (!is_named(state, app.line.operands)) return false;
  if (!states.empty()) return states.count(state_word(state.phase)) > 0;
  // Compat: without -a, docker compose lists what runs, also when it is paused or between two restarts.
  return app.line.options.flag("all") || state.phase == engine::Phase::Running ||
         state.phase == engine::Phase::Paused || state.phase == engine::Phase::Restarting;
}

void print_services(const std::vector<engine::ContainerState>& shown) {
  std::set<std::string> services;
  for (const auto& state : shown) services.insert(state.spec.service.value);
  for (const auto& service : services) print(service + "\n");
}

}  // namespace

int run_ps(const App& app) {
  const auto states = wanted_states(app.line.options);
  const auto all = stored_containers(app, project_name(app));
  require_services(all, app.line.operands);
  std::vector<engine::ContainerState> shown;
  std::copy_if(all.begin(), all.end(), std::back_inserter(shown),
               [&](const auto& state) { return is_wanted(state, app, states); });

  const std::int64_t now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  if (app.line.options.flag("services"))
    print_services(shown);
  else if (app.line.options.flag("quiet"))
    for (const auto& state : shown) print(state.id.value + "\n");
  else if (app.line.options.text("format") == "json")
    for (const auto& state : shown) print(ps_json_line(state, now));
  else
    print(ps_table(shown, now, !app.line.options.flag("no-trunc")));
  return kOk;
}

}  // namespace berth::cli
