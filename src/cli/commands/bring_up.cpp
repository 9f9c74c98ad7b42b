// `up` and what is an `up` of a kind: `create`, `scale`, and `plan`, which only shows it.
#include <algorithm>
#include <chrono>

#include "berth/model/names.hpp"
#include "berth/text/suggest.hpp"
#include "commands.hpp"
#include "compose_files.hpp"
#include "docker_presence.hpp"
#include "stack_client.hpp"
#include "start_stack.hpp"
#include "up_options.hpp"

namespace berth::cli {
namespace {

void require_known(const model::Project& project, const std::vector<std::string>& services, const std::string& flag) {
  for (const auto& name : services) {
    if (project.services.count(name)) continue;
    std::vector<std::string> known;
    for (const auto& [service, unused] : project.services) known.push_back(service);
    auto error = Error::make(ErrorKind::NotFound, flag + ": no such service among those that come up: `" + name + "`");
    if (const auto near = text::nearest(name, known))
      throw Failure(std::move(error).with_hint("did you mean `" + *near + "`?"));
    throw Failure(std::move(error));
  }
}

// What docker compose checks before anything else.
void check_up_flags(const OptionValues& given) {
  const auto exclude = [&](const char* one, const char* other) {
    if (given.flag(one) && (given.flag(other) || !given.all(other).empty()) && given.text(other) != "false")
      throw Failure(
          Error::make(ErrorKind::Invalid, std::string("--") + one + " and --" + other + " exclude each other"));
  };
  for (const char* alone : {"detach", "wait"})
    for (const char* attached :
         {"abort-on-container-exit", "abort-on-container-failure", "attach", "attach-dependencies", "exit-code-from"})
      exclude(alone, attached);
  exclude("abort-on-container-exit", "abort-on-container-failure");
  exclude("no-start", "wait");
}

// Compat: whose lines an attached `up` shows: --attach, else the services that were named (or all) but those with
// `attach: false`; with --attach-dependencies those they depend on, too; without those of --no-attach.
std::set<std::string> attached_services(const OptionValues& given, const model::Project& project,
                                        const plan::UpOptions& options) {
  std::set<std::string> shown;
  const auto asked = given.all("attach");
  require_known(project, asked, "--attach");
  require_known(project, given.all("no-attach"), "--no-attach");
  if (!asked.empty()) {
    shown = {asked.begin(), asked.end()};
  } else {
    const bool all = options.services.empty() || given.flag("attach-dependencies");
    for (const auto& name : must(plan::selected_services(project, options))) {
      const bool named = std::find(options.services.begin(), options.services.end(), name) != options.services.end();
      if (project.services.at(name).attach && (all || named)) shown.insert(name);
    }
  }
  for (const auto& name : given.all("no-attach")) shown.erase(name);
  return shown;
}

// Names of the containers that will be there, for the padding and colours of their lines.
std::vector<std::string> container_names(const model::Project& project, const std::set<std::string>& services,
                                         const plan::UpOptions& options) {
  std::vector<std::string> names;
  for (const auto& name : services) {
    const auto& service = project.services.at(name);
    const auto scaled = options.scale.find(name);
    const int count = scaled == options.scale.end() ? service.scale : scaled->second;
    for (int number = 1; number <= count; ++number) names.push_back(model::container_name(project, service, number));
  }
  return names;
}

int bring_up(const App& app, const compose::Loaded& loaded, const plan::UpOptions& options, bool attach) {
  const OptionValues& given = app.line.options;
  const bool dry = app.line.globals.flag("dry-run");
  require_docker_sockets(loaded.project);
  if (!given.flag("fresh-volumes")) require_no_docker_volumes(app, loaded.project, dry);
  if (dry) return show_plan(plan_of_up(app, loaded, options), "text", false);
  control::Up up;
  up.project = loaded.project;
  up.options = options;
  up.attach = attach;
  up.abort_on_exit = given.flag("abort-on-container-exit");
  up.abort_on_failure = given.flag("abort-on-container-failure");
  up.exit_code_from = given.text("exit-code-from");
  if (const auto seconds = given.number("wait-timeout"); seconds && *seconds > 0 && options.wait)
    up.wait_timeout = std::chrono::seconds(*seconds);
  std::vector<std::string> names;
  if (!up.exit_code_from.empty()) require_known(loaded.project, {up.exit_code_from}, "--exit-code-from");
  if (attach) {
    const auto shown = attached_services(given, loaded.project, options);
    up.attach_services = {shown.begin(), shown.end()};
    up.no_lines = shown.empty();
    names = container_names(loaded.project, shown, options);
  }
  up.images = prepare_images(app, loaded, options);
  const ProjectName& project = loaded.project.name;
  ensure_supervisor(app, project);
  return request_of_stack(app, project, up, names);
}

}  // namespace

int run_up(const App& app) {
  const OptionValues& given = app.line.options;
  check_up_flags(given);
  const plan::UpOptions options = up_options(app);
  const auto loaded = load_project(app, app.line.operands, compose::Purpose::Run);
  return bring_up(app, loaded, options, !given.flag("detach") && !given.flag("wait") && !given.flag("no-start"));
}

int run_create(const App& app) {
  check_up_flags(app.line.options);
  plan::UpOptions options = up_options(app);
  options.no_start = true;
  return bring_up(app, load_project(app, app.line.operands, compose::Purpose::Run), options, false);
}

// `scale web=3 job=0`
int run_scale(const App& app) {
  plan::UpOptions options;
  options.no_dependencies = app.line.options.flag("no-deps");
  options.timeout = grace_of(app.line.options);
  for (const auto& text : app.line.operands) {
    const auto [service, count] = parse_scale(text, "`scale`");
    options.services.push_back(service);
    options.scale[service] = count;
  }
  const auto loaded = load_project(app, options.services, compose::Purpose::Run);
  require_known(loaded.project, options.services, "scale");
  options.ignore_orphans = true;
  return bring_up(app, loaded, options, false);
}

int run_plan(const App& app) {
  const auto loaded = load_project(app, app.line.operands, compose::Purpose::Run);
  require_no_docker_volumes(app, loaded.project, true);
  return show_plan(plan_of_up(app, loaded, up_options(app)), app.line.options.text("format"),
                   app.line.options.flag("detailed-exitcode"));
}

}  // namespace berth::cli
