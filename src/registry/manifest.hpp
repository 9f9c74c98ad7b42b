// Manifests and indexes of the image-spec and of Docker as structs. Pure; every digest that comes out is `sha256:` and
// 64 hexadecimal digits, so that it may become a path; sizes are not negative; lists are limited.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "berth/base/error.hpp"

namespace berth::registry {

inline constexpr const char* kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr const char* kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr const char* kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr const char* kOciLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr const char* kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr const char* kDockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr const char* kDockerSchema1 = "application/vnd.docker.distribution.manifest.v1+json";
inline constexpr const char* kDockerSchema1Signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";

bool is_sha256(std::string_view digest);

struct Platform {
  std::string os, architecture, variant;
  std::string to_string() const;  // "linux/arm64/v8"
  bool operator==(const Platform&) const = default;
};
// "linux/amd64", "linux/arm/v7", "amd64"; other names of an architecture (x86_64, aarch64) in Go's spelling.
Result<Platform> parse_platform(std::string_view text);
Platform host_platform();

struct Descriptor {
  std::string media_type;
  std::string digest;
  std::int64_t size = 0;
  Platform platform;              // of an index's entries; may be empty
  std::vector<std::string> urls;  // of layers that lie elsewhere
  std::map<std::string, std::string> annotations;
};

struct ImageIndex {
  std::vector<Descriptor> manifests;
};
struct ImageManifest {
  std::string media_type;
  Descriptor config;
  std::vector<Descriptor> layers;
};

// By the media type that the document names, else the server's, else by what is in it. Refuses schema 1, and what is
// no image of a container (charts, attestations and other artifacts).
Result<std::variant<ImageIndex, ImageManifest>> parse_manifest(std::string_view json, std::string_view content_type);

// The entry for the platform, or the nearest that it can run: arm goes down from v8 to v5, an amd64 or arm64 entry may
// name a variant or none. Attestations are passed over. NotFound names the platforms that there are.
Result<Descriptor> choose_manifest(const ImageIndex& index, const Platform& wanted);

// Whether the store could unpack a layer of that type.
bool is_layer_type(std::string_view media_type);

}  // namespace berth::registry
