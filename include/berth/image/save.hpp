// Images as one archive for other tools: an OCI layout with docker's manifest.json beside it, as `docker save` writes
// it. Layers are not compressed. Blocks; reads each layer twice the first time (its diff id is kept afterwards).
#pragma once

#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/image/store.hpp"

namespace berth::image {

// `names`: references or ids; the archive names an image by the references given, by none where an id was given.
// `output` is written to from where it stands; nothing is sought.
Result<void> save_images(ImageStore& store, const std::vector<std::string>& names, int output);

}  // namespace berth::image
