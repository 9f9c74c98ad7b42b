// The JSON files of image archives: docker's manifest.json, and index and manifest of the OCI layout. Pure; members
// that are not needed are ignored, wrong types are ErrorKind::Protocol.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"

namespace berth::image {

struct ArchivedImage {  // one entry of manifest.json; paths in the archive
  std::string config;
  std::vector<std::string> layers;
  std::vector<std::string> references;
};
Result<std::vector<ArchivedImage>> parse_docker_manifest(std::string_view json);

struct Descriptor {
  std::string media_type;
  std::string digest;            // "sha256:" and 64 hex digits: checked
  std::string os, architecture;  // of the platform; may be empty
  std::map<std::string, std::string> annotations;

  bool is_index() const;
};
Result<std::vector<Descriptor>> parse_oci_index(std::string_view json);

struct OciManifest {
  Descriptor config;
  std::vector<Descriptor> layers;
};
Result<OciManifest> parse_oci_manifest(std::string_view json);

}  // namespace berth::image
