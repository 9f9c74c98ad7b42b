// The compose files of this command line, loaded: global flags and COMPOSE_* variables applied.
#pragma once

#include <string>
#include <vector>

#include "berth/cli/app.hpp"
#include "berth/compose/load.hpp"

namespace berth::cli {

// Ends the command with its own exit code; the diagnostics have been printed.
struct LoadFailed {
  int exit_code;
};

compose::LoadOptions load_options(const App& app, std::vector<std::string> services);
// Prints warnings and errors. Throws LoadFailed.
compose::Loaded load_with(const App& app, const compose::LoadOptions& options);
compose::Loaded load_project(const App& app, std::vector<std::string> services,
                             compose::Purpose purpose = compose::Purpose::Show);

}  // namespace berth::cli
