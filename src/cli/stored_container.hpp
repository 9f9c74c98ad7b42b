// One container of a service, by its record: for commands that work on files, without a supervisor.
#pragma once

#include <string>
#include <vector>

#include "berth/cli/app.hpp"
#include "berth/engine/container.hpp"
#include "berth/state/records.hpp"

namespace berth::cli {

// Those of the service, in the order of their numbers; with `index` the one with that number (0: all), with `one_offs`
// those of `run`, too. Never none: throws Failure.
std::vector<state::StoredContainer> containers_of_service(const App& app, const ProjectName& project,
                                                          const std::string& service, long index,
                                                          bool one_offs = false);

}  // namespace berth::cli
