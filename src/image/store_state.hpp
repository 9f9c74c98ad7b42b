// What the parts of ImageStore share.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "berth/image/sha256.hpp"
#include "berth/image/store.hpp"
#include "berth/sys/file.hpp"
#include "index.hpp"

namespace berth::image {

struct ImageStore::State {
  std::string root;
  std::string images;  // root + "/images"
  Index index;
  std::string lease;  // name of this object's lease; empty until needed
  sys::UniqueFd lease_lock;

  std::string layer_path(const std::string& id) const { return images + "/layers/" + id; }
  std::string blob_path(const std::string& digest) const {
    return images + "/blobs/sha256/" + digest.substr(digest.find(':') + 1);
  }
  // Layers of the lease survive gc while this process lives.
  Result<void> hold(const std::string& layer);
  // Out of sight by rename, then deleted; what a crash leaves in trash, gc deletes.
  Result<void> discard(const std::string& path) const;
  Result<void> forget_missing_layers() const;
  // One process unpacks; others wait here and then find it done. The lock goes with its holder.
  Result<sys::UniqueFd> lock_imports() const {
    return sys::lock_file(images + "/import.lock", sys::LockMode::Exclusive);
  }
  Result<void> forget_origins(const std::string& image) const;
  Result<void> collect_downloads() const;
  Result<LayerId> publish(const std::string& draft_directory, const LayerId& id);
};

std::int64_t now_nanoseconds();

}  // namespace berth::image
