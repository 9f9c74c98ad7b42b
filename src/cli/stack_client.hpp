// A request to the stack's supervisor: connects to control.sock, sends, shows events as they come, returns the exit
// code.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "berth/cli/app.hpp"
#include "berth/control/client.hpp"
#include "berth/control/messages.hpp"

namespace berth::cli {

// Where the supervisor is killed meanwhile its successor is asked again, if that does nothing twice; else Failure.
// Ctrl-C asks the supervisor to stop gracefully, the second one to kill; the result is then 130. Log lines are printed
// with their container's name.
// `names`: containers whose lines may come, so that prefixes are aligned from the first line on.
int request_of_stack(const App& app, const ProjectName& project, const control::Message& request,
                     const std::vector<std::string>& names = {});

// The first part of it, for requests with a conversation of their own (attached_client.hpp).
std::unique_ptr<control::Client> connect_to_stack(const App& app, const ProjectName& project);

// A request that only looks: each message to `receiver`, problems printed, the exit code returned; Ctrl-C ends it
// (130).
int watch_stack(const App& app, const ProjectName& project, const control::Message& request,
                const std::function<void(const control::Message&)>& receiver);

}  // namespace berth::cli
