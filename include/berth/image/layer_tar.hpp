// A layer's directory as a layer of the image-spec: entries in order of their names, overlay's whiteouts and opaque
// directories as `.wh.` files. Same directory, same bytes. Blocks.
#pragma once

#include <string>

#include "berth/base/error.hpp"
#include "berth/image/tar_writer.hpp"

namespace berth::image {

Result<void> write_layer_tar(const std::string& diff, const TarWriter::Sink& sink);

}  // namespace berth::image
