// The image store: layers as directories ready for overlay, configs as blobs, relations in SQLite (WAL).
//
//   ROOT/images/{blobs/sha256/<hex>, layers/<layer id>/diff, tmp/<draft>, empty, index.db}   ROOT/trash
//
// Everything is made below tmp/, renamed into place, and then gets its row: a directory without a row is garbage (gc),
// a row without its directory is dropped with the images that need it. A layer is never changed after its commit.
// Identity: an image's digest is the sha256 of its stored config, in which `berth.layers` names the layers; diff ids
// are not needed for it, so that a local build never hashes a tar. Several processes may use one store at once
// (SQLite's locks, flock on drafts); one object belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "berth/base/byte_size.hpp"
#include "berth/base/error.hpp"
#include "berth/base/ids.hpp"
#include "berth/engine/container.hpp"
#include "berth/oci/image_config.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::image {

// Mount options that keep an upper directory a plain diff of its lowers, whatever the kernel's defaults are.
inline constexpr const char* kOverlayOptions = "redirect_dir=off,metacopy=off,index=off,xino=off";

enum class Whiteouts;

struct Layer {
  LayerId id;
  std::string diff;  // absolute path of the directory
};

struct ImageSummary {
  ImageDigest digest;
  std::vector<std::string> references;  // in full; empty: dangling
  std::int64_t created_at = 0;          // nanoseconds since 1970
  ByteSize size;                        // blocks of its layers
};

// A layer in the making. Dropped (and its directory removed) by the destructor unless committed.
class LayerDraft {
 public:
  LayerDraft(LayerDraft&&) noexcept = default;
  LayerDraft& operator=(LayerDraft&&) = delete;
  ~LayerDraft();
  std::string upper() const { return directory_ + "/diff"; }
  std::string work() const { return directory_ + "/work"; }
  std::string scratch() const { return directory_ + "/scratch"; }  // for the builder; gone after commit

 private:
  friend class ImageStore;
  LayerDraft(LayerId id, std::string directory, sys::UniqueFd lock);
  LayerId id_;
  std::string directory_;
  sys::UniqueFd lock_;  // moved-from: empty
};

struct Collected {
  std::size_t layers = 0;
  std::size_t drafts = 0;
};

class ImageStore {
 public:
  // Creates what is missing; drops rows whose directories are gone.
  static Result<ImageStore> open(const std::string& root);
  ImageStore(ImageStore&&) noexcept;
  ImageStore& operator=(ImageStore&&) noexcept;
  ~ImageStore();

  // By reference, by full id, by id prefix (as docker: full id, then reference, then unique prefix). NotFound names the
  // text.
  Result<ImageDigest> find(const std::string& text) const;
  Result<oci::ImageConfig> config(const ImageDigest& digest) const;
  // What `plan` needs; NotFound where the store has no such image.
  Result<engine::ImageFacts> facts(const ImageDigest& digest) const;
  Result<std::vector<Layer>> layers(const ImageDigest& digest) const;  // lowest first
  // For overlay's lowerdir: topmost first; an image without layers gives one empty directory.
  Result<std::vector<std::string>> lower_directories(const ImageDigest& digest) const;
  Result<std::vector<ImageSummary>> list() const;  // newest first

  // A root file system tar (see unpack.hpp) becomes a one-layer image. The same bytes with the same config give the
  // same image, unpacked once, also when two processes ask at the same time.
  Result<ImageDigest> import_rootfs(int archive, const std::string& reference, const oci::ImageConfig& config);
  Result<ImageDigest> import_rootfs(const std::string& path, const std::string& reference,
                                    const oci::ImageConfig& config);

  // A layer's tar, with `.wh.` files, read from its start; `digest` is that of the bytes. Unpacked once.
  Result<LayerId> import_layer(int archive, const std::string& digest);

  Result<void> tag(const ImageDigest& digest, const std::string& reference);  // moves it from another image
  Result<void> untag(const std::string& reference);
  // Removes a name; with the last one the image and the layers that nobody else needs. `users` are the containers that
  // use the image: refused as Busy, naming them, when the image itself would go.
  struct Removed {
    std::vector<std::string> untagged;
    std::vector<ImageDigest> deleted;
  };
  Result<Removed> remove(const std::string& text, const std::vector<std::string>& users, bool force = false);

  // For the builder.
  Result<LayerDraft> begin_layer();
  Result<LayerId> commit_layer(LayerDraft draft);  // a rename; what the layer holds is not looked at
  Result<std::string> layer_directory(const LayerId& id) const;
  Result<ImageDigest> put_image(const oci::ImageConfig& config, const std::vector<LayerId>& layers,
                                const std::vector<std::string>& references);
  // The image that has these layers and this config; what diff ids a config holds does not count.
  Result<std::optional<ImageDigest>> find_image(const oci::ImageConfig& config,
                                                const std::vector<LayerId>& layers) const;
  // The layer as a tar of the image-spec: its digest and size. Computed once, kept beside the layer.
  struct LayerTar {
    std::string diff_id;  // "sha256:…"
    std::int64_t size = 0;
  };
  Result<LayerTar> ensure_diff_id(const LayerId& id);
  bool is_reference(const std::string& full) const;  // whether an image has just this name

  // For pulls and pushes. A layer that was unpacked from a tar with that diff id, held; nothing where there is none.
  Result<std::optional<LayerId>> find_unpacked(const std::string& diff_id);
  // A draft whose upper() holds what that tar held: synced, committed, found by find_unpacked from then on.
  Result<LayerId> commit_unpacked(LayerDraft draft, const std::string& diff_id);
  // Where unfinished downloads lie. What nobody has touched for a week, gc removes.
  Result<std::string> downloads_directory() const;
  // What a registry calls an image: found by `repository@digest` from then on. `manifest` and `config` are kept byte
  // for byte, so that what was pulled can be pushed as it was.
  struct Origin {
    std::string repository;      // in full: "docker.io/library/nginx"
    std::string digest;          // of what the reference named: an index or a manifest
    std::string manifest;        // bytes
    std::string config;          // bytes; read back only by those who ask for them
    std::int64_t pulled_at = 0;  // nanoseconds since 1970
  };
  Result<void> record_origin(const ImageDigest& image, const Origin& origin);
  Result<std::vector<Origin>> origins(const ImageDigest& image) const;  // latest first
  // Which blob of a repository holds a layer: so that a push need not send it, nor even pack it.
  struct LayerBlob {
    std::string repository;
    std::string digest, media_type, diff_id;
    std::int64_t size = 0;
  };
  Result<void> record_blob(const LayerId& layer, const LayerBlob& blob);
  Result<std::vector<LayerBlob>> layer_blobs(const LayerId& layer) const;

  // A record whose layer is gone is a miss. `layer` may be empty (steps that change only the config).
  struct CacheRecord {
    LayerId layer;
    std::string value;
  };
  Result<std::optional<CacheRecord>> cache_get(const std::string& key) const;
  Result<void> cache_put(const std::string& key, const CacheRecord& record);
  Result<void> cache_clear();

  // Removes layers that no image, cache record or running process needs, and drafts whose process died.
  Result<Collected> gc();
  // Only drafts of builds and imports that were killed; cheap where there are none.
  Result<std::size_t> collect_drafts() const;

 private:
  struct State;
  explicit ImageStore(std::unique_ptr<State> state);
  // Under the lock of imports.
  Result<LayerId> unpacked_once(int archive, const std::string& key, Whiteouts whiteouts);
  std::unique_ptr<State> state_;
};

}  // namespace berth::image
