// A request to the stack's supervisor: connects to control.sock, sends, shows events as they come, returns the exit
// code.
#pragma once

#include "berth/cli/app.hpp"
#include "berth/control/messages.hpp"

namespace berth::cli {

// Throws Failure where nobody serves the stack. Ctrl-C asks the supervisor to stop gracefully, the second one to kill;
// the result is then 130.
// `descriptors` go with the request (exec: stdin, stdout, stderr). Log lines are printed with their container's name;
// those of a `run` as they are.
int request_of_stack(const App& app, const ProjectName& project, const control::Message& request,
                     const std::vector<int>& descriptors = {});

}  // namespace berth::cli
