// From a reference to what must be fetched: the manifest for a platform, and the config. Runs on a worker.
#pragma once

#include <set>
#include <string>

#include "berth/image/reference.hpp"
#include "berth/oci/image_config.hpp"
#include "manifest.hpp"
#include "session.hpp"

namespace berth::registry {

struct ResolveTask {
  image::Reference reference;
  Platform platform;
  std::set<std::string> known;  // digests under which the store has what the reference names now
};

struct Resolved {
  std::string digest;  // what the reference names: an index or a manifest
  bool known = false;  // it is one of `known`; nothing below was fetched
  std::string manifest_bytes, config_bytes;
  ImageManifest manifest;
  oci::ImageConfig config;
};

Result<Resolved> resolve_image(Session& session, const ResolveTask& task);
// Only what the reference names.
Result<std::string> resolve_digest(Session& session, const ResolveTask& task);

}  // namespace berth::registry
