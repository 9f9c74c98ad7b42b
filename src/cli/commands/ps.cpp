#include <algorithm>
#include <set>

#include "commands.hpp"
#include "render/container_view.hpp"
#include "render/template.hpp"
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
  // Compat: without -a, docker compose lists what runs, also when it is paused or between two restarts, and no one-off.
  if (state.spec.one_off && !app.line.options.flag("all")) return false;
  return app.line.options.flag("all") || state.phase == engine::Phase::Running ||
         state.phase == engine::Phase::Paused || state.phase == engine::Phase::Restarting;
}

bool is_orphan(const engine::ContainerState& state, const model::Project& project) {
  const std::string& service = state.spec.service.value;
  return !project.services.count(service) && !project.disabled_services.count(service);
}

void print_rows(const Template& rows, const std::vector<engine::ContainerState>& shown, std::int64_t now) {
  static const Template::Fields kHeadings{{"ID", "CONTAINER ID"},
                                          {"RunningFor", "CREATED"},
                                          {"CreatedAt", "CREATED AT"},
                                          {"LocalVolumes", "LOCAL VOLUMES"},
                                          {"Names", "NAMES"}};
  std::vector<TemplateRow> lines;
  for (const auto& state : shown) {
    std::string json = ps_json_line(state, now);
    json.pop_back();  // its newline
    lines.push_back({ps_fields(state, now), std::move(json)});
  }
  print(must(format_rows(rows, lines, kHeadings)));
}

void print_services(const std::vector<engine::ContainerState>& shown) {
  std::set<std::string> services;
  for (const auto& state : shown) services.insert(state.spec.service.value);
  for (const auto& service : services) print(service + "\n");
}

}  // namespace

int run_ps(const App& app) {
  const OptionValues& options = app.line.options;
  const auto states = wanted_states(options);
  const auto rows = must(parse_format(options.text("format")));
  StackFiles files;
  if (options.text("orphans") == "false")
    files = stack_files(app);
  else
    files.name = project_name(app);
  const auto all = stored_containers(app, files.name);
  require_services(app, all, app.line.operands);
  std::vector<engine::ContainerState> shown;
  std::copy_if(all.begin(), all.end(), std::back_inserter(shown), [&](const auto& state) {
    return is_wanted(state, app, states) && !(files.project && is_orphan(state, *files.project));
  });

  const std::int64_t now = now_ns();
  if (options.flag("services"))
    print_services(shown);
  else if (options.flag("quiet"))
    for (const auto& state : shown) print(state.id.value + "\n");
  else if (rows)
    print_rows(*rows, shown, now);
  else if (options.text("format") == "json")
    for (const auto& state : shown) print(ps_json_line(state, now));
  else
    print(ps_table(shown, now, !options.flag("no-trunc")));
  return kOk;
}

}  // namespace berth::cli
