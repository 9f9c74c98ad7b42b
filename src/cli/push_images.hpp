// Images of the store into registries, with progress as the command line asks for it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "berth/cli/app.hpp"
#include "berth/compose/load.hpp"
#include "berth/registry/push.hpp"

namespace berth::cli {

// One image by its reference. Throws Failure; LoadFailed with kInterrupted after an interrupt. Errors are not printed.
registry::PushedImage push_image(const App& app, const std::string& reference, bool quiet);

// The same of several. Throws only for an interrupt.
std::vector<Result<registry::PushedImage>> push_all(const App& app, const std::vector<std::string>& references,
                                                    bool quiet);

// Names under which the images of these services are pushed: those that are built from the files.
std::vector<std::string> images_to_push(const compose::Loaded& loaded, const std::set<std::string>& services);
// Pushes them and prints the digests, or with --dry-run only what would be pushed. False: something failed and was
// told.
bool push_and_tell(const App& app, const std::vector<std::string>& references, bool quiet, bool ignore_failures);

}  // namespace berth::cli
