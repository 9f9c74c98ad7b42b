// `docker COMMAND`: docker's own commands, where berth is called by that name. `docker compose` never gets here
// (front.hpp). The table of commands is docker_grammar(); what they do is beside this file (commands.hpp).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "berth/cli/options.hpp"

namespace berth::cli {

Grammar docker_grammar();

// The whole run: parses, answers help and version, runs the command; the exit code.
int run_docker(const std::vector<std::string>& arguments, std::map<std::string, std::string> environment);

}  // namespace berth::cli
