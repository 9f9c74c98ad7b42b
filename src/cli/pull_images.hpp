// Images from registries, with progress as the command line asks for it: for `pull`, `up`, `create`, `run`, `build`,
// and for commands that name one image. Ctrl-C ends it with exit code 130; what had come is gone on with the next time.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "berth/base/ids.hpp"
#include "berth/cli/app.hpp"
#include "berth/compose/load.hpp"
#include "berth/plan/plan.hpp"
#include "berth/registry/pull.hpp"
#include "berth/text/diagnostic.hpp"

namespace berth::image {
class ImageStore;
}

namespace berth::cli {

// One image by its reference. `platform` empty: DOCKER_DEFAULT_PLATFORM, else this machine's. Throws Failure;
// LoadFailed with kInterrupted after an interrupt. Errors are not printed.
registry::PulledImage pull_image(const App& app, const std::string& reference, const std::string& platform, bool quiet);

// The same of several, with one picture. Throws only for an interrupt.
std::vector<Result<registry::PulledImage>> pull_all(const App& app, image::ImageStore& store,
                                                    std::vector<registry::PullRequest> requests, bool quiet);

// What `up`, `create` and `run` need before they build: images of `services` that the pull policies want from a
// registry. Prints errors with their place in the file and throws LoadFailed{kPullFailed}; a service that can be built
// instead is only warned about.
void pull_for_start(const App& app, const compose::Loaded& loaded, const std::set<std::string>& services);

// What pull_for_start would ask registries for now, with the reason.
std::vector<plan::ImagePull> pulls_of_start(const App& app, const compose::Loaded& loaded,
                                            const std::set<std::string>& services);
// What a registry refused, at the service's `image` in its file.
text::Diagnostic image_error(const model::Service& service, const Error& error);

// `flag`: of --pull.
bool is_to_be_pulled(const image::ImageStore& store, const model::Service& service, const std::string& flag);

}  // namespace berth::cli
