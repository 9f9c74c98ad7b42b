#include "render/progress.hpp"

#include <boost/describe/enum_to_string.hpp>
#include <boost/json.hpp>
#include <chrono>

#include "berth/text/duration.hpp"

namespace berth::cli {
namespace {

// Compat: the noun and the name are what docker compose prints as one id.
std::string event_id(const engine::Event& event) {
  return std::string(boost::describe::enum_to_string(event.subject, "")) + " " + event.name;
}

std::string json_line(const engine::Event& event) {
  const bool failed = event.step == engine::Step::Error;
  boost::json::object line{{"id", event_id(event)}, {"status", boost::describe::enum_to_string(event.step, "")}};
  if (failed) line.emplace("error", true);
  if (!event.text.empty()) line.emplace(failed ? "message" : "text", event.text);
  if (!event.reason.empty()) line.emplace("reason", event.reason);
  line.emplace("ts", text::format_time(std::chrono::system_clock::time_point(std::chrono::nanoseconds(event.time))));
  return boost::json::serialize(line) + "\n";
}

}  // namespace

ProgressMode progress_mode(const App& app) {
  const std::string mode = app.line.globals.maybe("progress").value_or(app.variable("COMPOSE_PROGRESS"));
  if (mode == "json") return ProgressMode::Json;
  return mode == "quiet" ? ProgressMode::Quiet : ProgressMode::Plain;
}

std::string progress_line(ProgressMode mode, const engine::Event& event) {
  if (mode == ProgressMode::Json) return json_line(event);
  if (event.step == engine::Step::Warning) return "warning: " + event.text + "\n";
  if (event.step == engine::Step::Error) return "error: " + event_id(event) + ": " + event.text + "\n";
  if (mode == ProgressMode::Quiet) return "";
  if (event.step == engine::Step::Waiting && !event.text.empty())
    return " " + event_id(event) + "  Waiting  " + event.text + "\n";
  return " " + event_id(event) + "  " + boost::describe::enum_to_string(event.step, "") + "\n";
}

}  // namespace berth::cli
