// A request to the stack's supervisor: connects to control.sock, sends, shows events as they come, returns the exit
// code.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "berth/cli/app.hpp"
#include "berth/control/messages.hpp"

namespace berth::cli {

// Throws Failure where nobody serves the stack. Ctrl-C asks the supervisor to stop gracefully, the second one to kill;
// the result is then 130.
// `descriptors` go with the request (exec: stdin, stdout, stderr). Log lines are printed with their container's name;
// those of a `run` as they are.
// `names`: containers whose lines may come, so that prefixes are aligned from the first line on.
int request_of_stack(const App& app, const ProjectName& project, const control::Message& request,
                     const std::vector<int>& descriptors = {}, const std::vector<std::string>& names = {});

// A request that only looks: each message to `receiver`, problems printed, the exit code returned; Ctrl-C ends it
// (130).
int watch_stack(const App& app, const ProjectName& project, const control::Message& request,
                const std::function<void(const control::Message&)>& receiver);

}  // namespace berth::cli
