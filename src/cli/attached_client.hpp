// exec and run: a request whose program has our stdin, stdout and stderr, or a terminal of its own that ours shows.
#pragma once

#include "berth/cli/app.hpp"
#include "berth/control/messages.hpp"

namespace berth::cli {

// Whether a terminal makes sense: stdin and stdout are one, and -T was not given.
bool wants_terminal(const App& app);
control::TerminalSize terminal_size();

// The program's exit code. With a terminal in the request ours is raw until this returns; ctrl-p ctrl-q leaves it (0).
// Without one SIGINT, SIGTERM and the like go to the program; the third SIGINT kills it.
int attach_to_exec(const App& app, const ProjectName& project, control::Exec request);
int attach_to_run(const App& app, const ProjectName& project, control::Run request);

// To a container that runs, with or without a terminal, as the flags of `attach` say.
int attach_to_container(const App& app, const ProjectName& project, control::Attach request, bool terminal);

}  // namespace berth::cli
