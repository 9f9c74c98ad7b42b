#include "render/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/describe/enum_to_string.hpp>
#include <boost/json.hpp>
#include <chrono>

#include "berth/text/duration.hpp"
#include "render/columns.hpp"
#include "render/transfer_board.hpp"

namespace berth::cli {
namespace {

std::string time_text(std::int64_t time) {
  return text::format_time(std::chrono::system_clock::time_point(std::chrono::nanoseconds(time)));
}

std::string json_line(const engine::Event& event) {
  const bool failed = event.step == engine::Step::Error;
  boost::json::object line{{"id", event_id(event)}, {"status", step_word(event.step)}};
  if (failed) line.emplace("error", true);
  if (!event.text.empty()) line.emplace(failed ? "message" : "text", event.text);
  if (!event.reason.empty()) line.emplace("reason", event.reason);
  line.emplace("ts", time_text(event.time));
  return boost::json::serialize(line) + "\n";
}

std::string build_json_line(const std::string& name, const build::BuildEvent& event, std::int64_t now) {
  using Kind = build::BuildEvent::Kind;
  const char* status = "";
  switch (event.kind) {
    case Kind::Step: status = "Working"; break;
    case Kind::Cached: status = "Cached"; break;
    case Kind::Done: status = "Done"; break;
    case Kind::Output: status = "Output"; break;
    case Kind::Failed: status = "Error"; break;
    case Kind::Image: status = "Built"; break;
    case Kind::Warning: return "";
  }
  const std::string image = "Image of " + name;
  boost::json::object line;
  if (event.kind == Kind::Image)
    line.emplace("id", image);
  else
    line = {{"id", fmt::format("{} {}/{}", event.stage, event.step, event.total)}, {"parent_id", image}};
  line.emplace("status", status);
  if (!event.text.empty() && event.kind != Kind::Failed) line.emplace("text", event.text);
  if (event.kind == Kind::Failed) line.emplace("error", true);
  line.emplace("ts", time_text(now));
  return boost::json::serialize(line) + "\n";
}

std::string one_line(const std::string& text) {
  std::string line;
  for (const char c : text) line += c == '\n' ? ' ' : c;
  return line;
}

// Compat: docker compose's keys; `status` is one of its three, `text` what docker calls the phase.
std::string transfer_json_line(const registry::TransferEvent& event, std::int64_t now) {
  const bool failed = event.phase == registry::Phase::Failed;
  boost::json::object line;
  if (event.layer.empty())
    line = {{"id", "Image " + event.image}};
  else
    line = {{"id", event.layer}, {"parent_id", "Image " + event.image}};
  line.emplace("status", failed ? "Error" : is_last_phase(event.phase) ? "Done" : "Working");
  line.emplace("text", phase_words(event.phase));
  if (failed) line.emplace("error", true);
  if (!event.text.empty()) line.emplace("details", event.text);
  if (event.total > 0) {
    line.emplace("current", event.current);
    line.emplace("total", event.total);
    line.emplace("percent", event.current * 100 / event.total);
  }
  line.emplace("ts", time_text(now));
  return boost::json::serialize(line) + "\n";
}

}  // namespace

std::string event_id(const engine::Event& event) {
  return std::string(boost::describe::enum_to_string(event.subject, "")) + " " + event.name;
}

const char* step_word(engine::Step step) { return boost::describe::enum_to_string(step, ""); }

ProgressMode progress_mode(const App& app) {
  std::string mode = app.line.globals.maybe("progress").value_or(app.variable("COMPOSE_PROGRESS"));
  if (const auto own = app.line.options.maybe("progress")) mode = *own;  // build --progress
  if (mode == "json") return ProgressMode::Json;
  if (mode == "quiet") return ProgressMode::Quiet;
  if (mode == "plain") return ProgressMode::Plain;
  if (mode == "tty") return ProgressMode::Tty;
  const std::string ansi = app.line.globals.maybe("ansi").value_or(app.variable("COMPOSE_ANSI"));
  if (app.line.globals.flag("no-ansi") || ansi == "never") return ProgressMode::Plain;
  const bool terminal = ::isatty(app.status_fd()) != 0 && app.variable("TERM") != "dumb";
  return terminal || ansi == "always" ? ProgressMode::Tty : ProgressMode::Plain;
}

std::string progress_line(ProgressMode mode, const engine::Event& event) {
  if (mode == ProgressMode::Json) return json_line(event);
  if (event.step == engine::Step::Warning) return "warning: " + event.text + "\n";
  if (mode != ProgressMode::Plain) return "";
  if (event.step == engine::Step::Waiting && !event.text.empty())
    return " " + event_id(event) + "  Waiting  " + one_line(event.text) + "\n";
  return " " + event_id(event) + "  " + step_word(event.step) + "\n";
}

std::string transfer_line(ProgressMode mode, const registry::TransferEvent& event, std::int64_t now) {
  using registry::Phase;
  if (mode == ProgressMode::Json) return transfer_json_line(event, now);
  if (mode != ProgressMode::Plain) return "";
  const bool moves = event.phase == Phase::Downloading || event.phase == Phase::Uploading;
  // One line where bytes begin to move; how far they are is for those who watch.
  if (moves && event.current > 0) return "";
  const std::string id = event.layer.empty() ? "Image " + event.image : event.layer;
  const bool says_why = event.phase == Phase::Retrying || event.phase == Phase::Failed;
  return " " + id + "  " + phase_words(event.phase) + (says_why ? "  " + one_line(event.text) : "") + "\n";
}

std::string build_line(ProgressMode mode, const std::string& name, const build::BuildEvent& event, std::int64_t now) {
  using Kind = build::BuildEvent::Kind;
  if (mode == ProgressMode::Json) return build_json_line(name, event, now);
  if (mode != ProgressMode::Plain) return "";
  switch (event.kind) {
    case Kind::Step:
      return fmt::format(" {}  [{} {}/{}] {}\n", name, event.stage, event.step, event.total, one_line(event.text));
    case Kind::Cached:
      return fmt::format(" {}  [{} {}/{}] CACHED {}\n", name, event.stage, event.step, event.total,
                         one_line(event.text));
    case Kind::Output: return fmt::format(" {}  | {}\n", name, printable(event.text));
    case Kind::Image: return fmt::format(" {}  {}\n", name, event.text);
    case Kind::Done:
    case Kind::Warning:
    case Kind::Failed: return "";
  }
  return "";
}

}  // namespace berth::cli
