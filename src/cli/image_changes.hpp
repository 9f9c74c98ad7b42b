// What `image import --change` and `commit --change` ask for.
#pragma once

#include <string>
#include <vector>

#include "berth/base/ids.hpp"
#include "berth/cli/app.hpp"
#include "berth/image/store.hpp"

namespace berth::cli {

// Changes are instructions of a Dockerfile, as `docker import --change` takes them: the builder applies them to the
// image that is called `name`. The image before goes, unless it has another name.
ImageDigest apply_changes(const App& app, image::ImageStore& store, const ImageDigest& imported,
                          const std::string& name, const std::vector<std::string>& changes);

}  // namespace berth::cli
