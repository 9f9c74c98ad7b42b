// `wait` and `events`: what the supervisor knows first.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "berth/text/duration.hpp"
#include "commands.hpp"
#include "stack.hpp"
#include "stack_client.hpp"
#include "start_stack.hpp"
#include "time_option.hpp"

namespace berth::cli {
namespace {

// "2026-11-24 08:00:00.123456", in local time as docker compose prints it.
std::string local_time(std::int64_t nanoseconds) {
  const std::time_t seconds = static_cast<std::time_t>(nanoseconds / 1'000'000'000);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return std::string(text, length) + fmt::format(".{:06}", nanoseconds / 1000 % 1'000'000);
}

std::string event_line(const control::Happened& event) {
  std::string attributes;
  for (const auto& [key, value] : event.attributes) attributes += (attributes.empty() ? "" : ", ") + key + "=" + value;
  return fmt::format("{} container {} {} ({})\n", local_time(event.time), event.action, event.id.value, attributes);
}

std::string event_json(const control::Happened& event) {
  boost::json::object attributes;
  for (const auto& [key, value] : event.attributes) attributes.emplace(key, value);
  const auto time = std::chrono::system_clock::time_point(std::chrono::nanoseconds(event.time));
  return boost::json::serialize(boost::json::object{{"time", text::format_time(time)},
                                                    {"type", "container"},
                                                    {"action", event.action},
                                                    {"id", event.id.value},
                                                    {"service", event.service},
                                                    {"attributes", std::move(attributes)}}) +
         "\n";
}

void print_exit(const std::string& container, int code) {
  print(fmt::format("container \"{}\" exited with status code {}\n", container, code));
  std::fflush(stdout);
}

}  // namespace

int run_events(const App& app) {
  const ProjectName project = project_name(app);
  const auto containers = stored_containers(app, project);
  if (containers.empty())
    throw Failure(Error::make(ErrorKind::NotFound, "project `" + project.value + "` has no containers to watch"));
  require_services(app, containers, app.line.operands);
  ensure_supervisor(app, project);
  control::Watch watch;
  watch.services = app.line.operands;
  if (const auto since = app.line.options.maybe("since")) watch.since = time_of(*since, "since");
  if (const auto until = app.line.options.maybe("until")) watch.until = time_of(*until, "until");
  const bool json = app.line.options.flag("json");
  return watch_stack(app, project, watch, [&](const control::Message& message) {
    if (const auto* event = std::get_if<control::Happened>(&message)) {
      print(json ? event_json(*event) : event_line(*event));
      std::fflush(stdout);
    }
  });
}

int run_wait(const App& app) {
  const ProjectName project = project_name(app);
  const auto containers = stored_containers(app, project);
  require_services(app, containers, app.line.operands);
  ensure_supervisor(app, project);
  control::Wait wait;
  wait.services = app.line.operands;
  wait.down_project = app.line.options.flag("down-project");
  const int code = watch_stack(app, project, wait, [&](const control::Message& message) {
    if (const auto* exited = std::get_if<control::Exited>(&message)) print_exit(exited->container, exited->code);
  });
  if (!wait.down_project || code == kInterrupted) return code;
  App whole = app;
  whole.line.operands.clear();  // all of the project goes, not the services that were waited for
  const int down = run_down(whole);
  return down == kOk ? code : down;
}

}  // namespace berth::cli
