// What is said of a container that is waited for: how its health stands, why it failed. Pure.
#pragma once

#include <string>
#include <vector>

#include "berth/engine/container.hpp"

namespace berth::local {

// The end of what a program printed, on one line: what went wrong is said last.
std::string one_line_of(const std::string& output);
// "exited with code 137 (killed by SIGKILL, out of memory)"
std::string exit_text(int exit_code, bool oom_killed);
// "probe 3 of 10, last: exit 1: connection refused": the probe that is waited for now, and what the one before said.
std::string health_text(const engine::HealthPlan& plan, const engine::ContainerState& state);
// "3 probes in a row have failed: timeout 5s, every 10s" and a line for each of the last probes.
std::string unhealthy_text(const engine::HealthPlan& plan, const engine::HealthLog& log);
// "\n  probe at 12:00:01Z, 0.2s: exit 1: connection refused" for each of the last `count`.
std::string probes_text(const engine::HealthLog& log, std::size_t count);
// "\n  its last log lines:\n    | …"; empty where there are none.
std::string lines_text(const std::vector<std::string>& lines);

}  // namespace berth::local
