// The flags of `run` as a compose document over the files: so they are read, checked and merged by the rules of the
// files, and a mistake in one is shown with its place. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "berth/cli/options.hpp"

namespace berth::cli {

struct RunOverride {
  std::string service;
  std::vector<std::string> command;                   // empty: the service's
  std::map<std::string, std::string> file_variables;  // of --env-from-file; -e comes over them
  std::string directory;                              // where relative sources of -v start
  std::set<std::string> declared_volumes;             // others that -v names belong to no project
};

// The volumes that -v mounts by name.
std::set<std::string> named_volumes(const std::vector<std::string>& mounts);
std::string run_override(const RunOverride& run, const OptionValues& given);

}  // namespace berth::cli
