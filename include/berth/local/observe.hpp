// What exists, read from disk and kernel: for whoever plans without a supervisor. Changes nothing.
#pragma once

#include <map>
#include <string>

#include "berth/base/error.hpp"
#include "berth/engine/observed.hpp"
#include "berth/state/paths.hpp"

namespace berth::local {

// The project's containers, held against the kernel, and what observe_host finds. `images` are passed through.
// Where nothing was ever made on this machine, nothing is there.
Result<engine::ObservedState> observe_stored(const state::Paths& paths, const ProjectName& project,
                                             std::map<std::string, engine::ImageFacts> images);

// What concerns all projects: networks, volumes, names that others hold.
Result<void> observe_host(const state::Paths& paths, const ProjectName& project, engine::ObservedState& observed);

}  // namespace berth::local
