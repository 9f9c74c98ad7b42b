// Archives of other tools into the store: what `docker save` (of any age), `image save`, `skopeo copy …
// docker-archive:` or `oci-archive:` and `buildx --output type=oci` write; plain or compressed. The archive is unpacked
// by the confined child of unpack.hpp, beside the store, and is gone afterwards; every blob is compared with its
// digest. Blocks. Needs root.
#pragma once

#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/image/store.hpp"

namespace berth::image {

struct LoadedImage {
  ImageDigest digest;
  std::vector<std::string> references;  // as docker shows them
};

// Of an image for several platforms the one for this machine. Images before a failure stay.
Result<std::vector<LoadedImage>> load_images(ImageStore& store, int archive);

}  // namespace berth::image
