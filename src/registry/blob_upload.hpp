// Blobs into a repository. Runs on a worker: values in, values out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "berth/sys/unique_fd.hpp"
#include "session.hpp"

namespace berth::registry {

// A blob that some repository of some registry holds.
struct KnownBlob {
  std::string repository;  // in full: "docker.io/library/debian"
  std::string digest, media_type, diff_id;
  std::int64_t size = 0;
};

struct PackedLayer {
  sys::UniqueFd file;  // unnamed
  std::string digest, diff_id;
  std::int64_t size = 0;
};
// The directory as tar and gzip into an unnamed file of `folder`.
Result<PackedLayer> pack_layer(const std::string& diff, const std::string& folder, int stop_fd);

class BlobUploads {
 public:
  // `repository`: path below the session's registry.
  BlobUploads(Session& session, std::string repository) : session_(session), repository_(std::move(repository)) {}

  Result<bool> has(const std::string& digest);
  // From another repository of the registry; false: the registry does not do it.
  Result<bool> mount(const std::string& digest, const std::string& from);
  // `source` begins from the start each time `rewind` was called.
  Result<void> put(const std::string& digest, std::int64_t size, const std::function<BodySource()>& rewind);
  Result<void> put_text(const std::string& digest, const std::string& text);

 private:
  std::string uploads() const { return "/v2/" + repository_ + "/blobs/uploads/"; }
  Session& session_;
  std::string repository_;
};

}  // namespace berth::registry
