// exec and run: a request whose program has our stdin, stdout and stderr, or a terminal of its own that ours shows.
#pragma once

#include <functional>
#include <string>

#include "berth/cli/app.hpp"
#include "berth/control/messages.hpp"

namespace berth::cli {

// Whether a terminal makes sense: stdin and stdout are one, and -T was not given.
bool wants_terminal(const App& app);
control::TerminalSize terminal_size();

// How a conversation with a program goes.
struct Manner {
  bool terminal = false;        // the program has one
  bool interactive = true;      // what is typed goes to it
  bool out = true, err = true;  // what it writes is shown
  bool signals = true;          // ours go to it
  std::string detach_keys = "ctrl-p,ctrl-q";
  std::function<void()> started{};  // it runs
};

// The program's exit code. With a terminal ours is raw until this returns; ctrl-p ctrl-q leaves it (0). Without one
// SIGINT, SIGTERM and the like go to the program; the third SIGINT kills it.
int attach_to_exec(const App& app, const ProjectName& project, control::Exec request, const Manner& manner);
int attach_to_run(const App& app, const ProjectName& project, control::Run request, const Manner& manner);
// As the flags of compose's `exec` and `run` say.
int attach_to_exec(const App& app, const ProjectName& project, control::Exec request);
int attach_to_run(const App& app, const ProjectName& project, control::Run request);

// To a container that runs, with or without a terminal.
int attach_to_container(const App& app, const ProjectName& project, control::Attach request, const Manner& manner);
Manner manner_of_attach(const App& app, bool terminal);  // as the flags of `attach` say

}  // namespace berth::cli
