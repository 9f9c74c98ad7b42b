#include "health_text.hpp"

#include <signal.h>

#include <algorithm>
#include <cstdio>

#include "berth/text/duration.hpp"

namespace berth::local {
namespace {

constexpr std::size_t kOutputShown = 300;  // bytes; a line of a terminal or four

std::string probe_text(const engine::Probe& probe) {
  const std::string output = one_line_of(probe.output);
  const std::string code = probe.exit_code < 0 ? "" : "exit " + std::to_string(probe.exit_code);
  return code + (code.empty() || output.empty() ? "" : ": ") + output;
}

std::string seconds_text(std::int64_t nanoseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1fs", static_cast<double>(std::max<std::int64_t>(0, nanoseconds)) / 1e9);
  return text;
}

}  // namespace

std::string one_line_of(const std::string& output) {
  std::string line;
  for (const char c : output) {
    const bool space = static_cast<unsigned char>(c) <= ' ' || c == 0x7f;
    if (!space)
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  if (line.size() <= kOutputShown) return line;
  std::size_t cut = line.size() - kOutputShown;
  while (cut < line.size() && (line[cut] & 0xC0) == 0x80) ++cut;  // not inside a code point
  return "…" + line.substr(cut);
}

std::string exit_text(int exit_code, bool oom_killed) {
  std::string meaning;
  if (exit_code == 126)
    meaning = "not executable";
  else if (exit_code == 127)
    meaning = "not found";
  else if (exit_code > 128 && exit_code <= 128 + SIGRTMAX)
    if (const char* name = sigabbrev_np(exit_code - 128)) meaning = std::string("killed by SIG") + name;
  if (oom_killed) meaning += (meaning.empty() ? "" : ", ") + std::string("out of memory");
  return "exited with code " + std::to_string(exit_code) + (meaning.empty() ? "" : " (" + meaning + ")");
}

std::string health_text(const engine::HealthPlan& plan, const engine::ContainerState& state) {
  const auto& [streak, probes] = state.health_log;
  std::string text = "probe " + std::to_string(streak + 1) + " of " + std::to_string(plan.retries);
  if (probes.empty()) return text;
  const auto& last = probes.back();
  if (last.exit_code != 0 && last.started_at - state.started_at < plan.start_period.count())
    text = "in its start period of " + text::format_duration(plan.start_period);
  return text + ", last: " + probe_text(last);
}

std::string probes_text(const engine::HealthLog& log, std::size_t count) {
  std::string text;
  for (std::size_t i = log.probes.size() - std::min(count, log.probes.size()); i < log.probes.size(); ++i) {
    const auto& probe = log.probes[i];
    const auto time =
        text::format_time(std::chrono::system_clock::time_point(std::chrono::nanoseconds(probe.started_at)));
    text += "\n  probe at " + (time.size() < 19 ? time : time.substr(11, 8) + "Z") + ", " +
            seconds_text(probe.ended_at - probe.started_at) + ": " + probe_text(probe);
  }
  return text;
}

std::string unhealthy_text(const engine::HealthPlan& plan, const engine::HealthLog& log) {
  const bool one = log.failing_streak == 1;
  return std::to_string(log.failing_streak) + (one ? " probe has failed" : " probes in a row have failed") +
         " (every " + text::format_duration(plan.interval) + ", timeout " + text::format_duration(plan.timeout) + ")" +
         probes_text(log, 3);
}

std::string lines_text(const std::vector<std::string>& lines) {
  if (lines.empty()) return "";
  std::string text = "\n  its last log lines:";
  for (const auto& line : lines) text += "\n    | " + line;
  return text;
}

}  // namespace berth::local
