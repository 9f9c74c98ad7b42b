// What registries know of images and layers.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "store_state.hpp"

namespace berth::image {
namespace {

constexpr std::size_t kLargestDocument = 16u << 20;
constexpr std::int64_t kPartLifetime = std::int64_t{7} * 24 * 3600 * 1'000'000'000;

std::string digest_of(const std::string& bytes) { return "sha256:" + sha256_hex(bytes); }

}  // namespace

Result<std::optional<LayerId>> ImageStore::find_unpacked(const std::string& diff_id) {
  const auto known = state_->index.rows("SELECT layer FROM imports WHERE content=?", {"layer:" + diff_id});
  if (!known) return known.error();
  if (known->empty()) return std::optional<LayerId>();
  LayerId layer(known->front()[0]);
  // Held first, looked for afterwards: gc cannot take it in between.
  BERTH_TRY(state_->hold(layer.value));
  if (!layer_directory(layer)) return std::optional<LayerId>();
  return std::optional<LayerId>(std::move(layer));
}

Result<LayerId> ImageStore::commit_unpacked(LayerDraft draft, const std::string& diff_id) {
  const auto directory = sys::open(draft.upper(), O_RDONLY | O_DIRECTORY);
  if (!directory) return directory.error();
  // As for imports: what came over a network is costly to get again.
  if (::syncfs(directory->get()) < 0) return Error::system(errno, "sync", draft.upper());
  auto layer = commit_layer(std::move(draft));
  if (!layer) return layer;
  BERTH_TRY(state_->index.run("INSERT OR REPLACE INTO imports VALUES(?,?)", {"layer:" + diff_id, layer->value}));
  return layer;
}

Result<std::string> ImageStore::downloads_directory() const {
  std::string path = state_->images + "/downloads";
  BERTH_TRY(sys::make_directories(path));
  return path;
}

Result<void> ImageStore::record_origin(const ImageDigest& image, const Origin& origin) {
  const std::string manifest = digest_of(origin.manifest), config = digest_of(origin.config);
  BERTH_TRY(sys::write_file_atomic(state_->blob_path(manifest), origin.manifest, sys::Durability::Volatile));
  BERTH_TRY(sys::write_file_atomic(state_->blob_path(config), origin.config, sys::Durability::Volatile));
  return state_->index.run(
      "INSERT OR REPLACE INTO origins VALUES(?,?,?,?,?,CAST(? AS INTEGER))",
      {origin.repository, origin.digest, image.value, manifest, config, std::to_string(origin.pulled_at)});
}

Result<std::vector<ImageStore::Origin>> ImageStore::origins(const ImageDigest& image) const {
  const auto rows = state_->index.rows(
      "SELECT repository, digest, manifest, config, pulled FROM origins WHERE image=? ORDER BY pulled DESC",
      {image.value});
  if (!rows) return rows.error();
  std::vector<Origin> out;
  for (const auto& row : *rows) {
    Origin origin{row[0], row[1], {}, {}, std::stoll(row[4])};
    // A blob that is gone or torn (it is not synced) is only a reason to pack layers anew.
    for (const auto& [digest, to] : {std::pair{row[2], &origin.manifest}, std::pair{row[3], &origin.config}}) {
      auto bytes = sys::read_file(state_->blob_path(digest), kLargestDocument);
      if (bytes && digest_of(*bytes) == digest) *to = std::move(*bytes);
    }
    out.push_back(std::move(origin));
  }
  return out;
}

Result<void> ImageStore::record_blob(const LayerId& layer, const LayerBlob& blob) {
  return state_->index.run(
      "INSERT OR REPLACE INTO layer_blobs VALUES(?,?,?,?,CAST(? AS INTEGER),?)",
      {layer.value, blob.repository, blob.digest, blob.media_type, std::to_string(blob.size), blob.diff_id});
}

Result<std::vector<ImageStore::LayerBlob>> ImageStore::layer_blobs(const LayerId& layer) const {
  const auto rows = state_->index.rows(
      "SELECT repository, digest, media_type, size, diff_id FROM layer_blobs WHERE layer=? ORDER BY repository, digest",
      {layer.value});
  if (!rows) return rows.error();
  std::vector<LayerBlob> out;
  for (const auto& row : *rows) out.push_back({row[0], row[1], row[2], row[4], std::stoll(row[3])});
  return out;
}

Result<void> ImageStore::State::forget_origins(const std::string& image) const {
  const auto rows = index.rows("SELECT manifest, config FROM origins WHERE image=?", {image});
  if (!rows) return rows.error();
  BERTH_TRY(index.run("DELETE FROM origins WHERE image=?", {image}));
  for (const auto& row : *rows)
    for (const auto& digest : row) {
      const auto users = index.rows("SELECT 1 FROM origins WHERE manifest=?1 OR config=?1 LIMIT 1", {digest});
      if (!users) return users.error();
      if (users->empty()) BERTH_TRY(sys::remove_tree(blob_path(digest)));
    }
  return {};
}

Result<void> ImageStore::State::collect_downloads() const {
  const std::string folder = images + "/downloads/";
  const auto names = sys::list_directory(folder);
  if (!names) return names.error().kind() == ErrorKind::NotFound ? Result<void>() : names.error();
  for (const auto& name : *names) {
    struct stat info {};
    if (::stat((folder + name).c_str(), &info) != 0) continue;
    const std::int64_t touched = std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
    if (now_nanoseconds() - touched > kPartLifetime && sys::try_lock_file(folder + name, sys::LockMode::Exclusive))
      BERTH_TRY(sys::remove_tree(folder + name));
  }
  return {};
}

}  // namespace berth::image
