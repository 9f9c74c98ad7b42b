// How much of the disk things take.
#pragma once

#include <cstdint>
#include <string>

#include "docker/find.hpp"
#include "docker/image_names.hpp"

namespace berth::cli::docker {

// Bytes of the files below a directory; links are not followed, what vanishes meanwhile counts nothing.
std::int64_t bytes_below(const std::string& directory);
// What the container has written into its own layer.
std::int64_t written_by(const App& app, const Found& found);
std::string container_size_text(const App& app, const Found& found, const ImageNames& images);  // "12B (virtual 5MB)"
std::string size_text(std::int64_t bytes);

}  // namespace berth::cli::docker
