// A request to the stack's supervisor: connects to control.sock, sends, shows events as they come, returns the exit code.
#pragma once

#include "berth/cli/app.hpp"
#include "berth/control/messages.hpp"

namespace berth::cli {

// Throws Failure where nobody serves the stack. Ctrl-C asks the supervisor to stop gracefully, the second one to kill;
// the result is then 130.
int request_of_stack(const App& app, const ProjectName& project, const control::Message& request);

}  // namespace berth::cli
