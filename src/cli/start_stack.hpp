// Makes sure that a supervisor serves the stack: starts keeper and supervisor where none is up, and waits for the
// socket.
#pragma once

#include <map>

#include "berth/cli/app.hpp"
#include "berth/compose/load.hpp"
#include "berth/engine/container.hpp"

namespace berth::cli {

// Throws Failure, with what the pair left as its reason, where it does not come up. One of another build is replaced by
// this one where this is the program that its keeper starts.
void ensure_supervisor(const App& app, const ProjectName& project);

// Facts of the images that the services name, by reference; those that are not in the store are left out.
std::map<std::string, engine::ImageFacts> image_facts(const App& app, const model::Project& project);

// After `down`: waits until keeper and supervisor are gone and removes the project's directories, under its lock and
// the keeper's. Where another command has brought the stack up again meanwhile, nothing is removed.
void remove_project(const App& app, const ProjectName& project);

}  // namespace berth::cli
