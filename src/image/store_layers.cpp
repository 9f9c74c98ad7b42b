// Drafts, layers, cache records, collection.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <set>
#include <sstream>

#include "berth/base/random.hpp"
#include "berth/image/layer_tar.hpp"
#include "berth/sys/file.hpp"
#include "store_state.hpp"

namespace berth::image {
std::int64_t now_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

LayerDraft::LayerDraft(LayerId id, std::string directory, sys::UniqueFd lock)
    : id_(std::move(id)), directory_(std::move(directory)), lock_(std::move(lock)) {}

LayerDraft::~LayerDraft() {
  // Where removing fails, gc finds the draft: its lock is free then.
  if (lock_) (void)sys::remove_tree(directory_);
}

Result<void> ImageStore::State::hold(const std::string& layer) {
  if (lease.empty()) {
    const std::string name = random_hex(8);
    auto lock = sys::lock_file(images + "/leases/" + name, sys::LockMode::Exclusive);
    if (!lock) return lock.error();
    lease_lock = std::move(*lock);
    lease = name;
  }
  return index.run("INSERT OR IGNORE INTO leases VALUES(?,?)", {lease, layer});
}

Result<void> ImageStore::State::discard(const std::string& path) const {
  const std::string gone = root + "/trash/" + random_hex(8);
  if (::rename(path.c_str(), gone.c_str()) < 0) {
    if (errno == ENOENT) return {};
    return Error::system(errno, "move to trash", path);
  }
  return sys::remove_tree(gone);
}

Result<void> ImageStore::State::forget_missing_layers() const {
  const auto known = index.rows("SELECT id FROM layers");
  if (!known) return known.error();
  std::vector<std::string> missing;
  for (const auto& row : *known)
    if (!sys::exists(layer_path(row[0]) + "/diff")) missing.push_back(row[0]);
  if (missing.empty()) return {};
  return index.atomically([&]() -> Result<void> {
    for (const auto& id : missing) {
      BERTH_TRY(index.run("DELETE FROM refs WHERE digest IN (SELECT digest FROM image_layers WHERE layer=?)", {id}));
      BERTH_TRY(index.run("DELETE FROM images WHERE digest IN (SELECT digest FROM image_layers WHERE layer=?)", {id}));
      BERTH_TRY(index.run("DELETE FROM image_layers WHERE digest NOT IN (SELECT digest FROM images)"));
      BERTH_TRY(index.run("DELETE FROM cache WHERE layer=?", {id}));
      BERTH_TRY(index.run("DELETE FROM origins WHERE image NOT IN (SELECT digest FROM images)"));
      BERTH_TRY(index.run("DELETE FROM layer_blobs WHERE layer=?", {id}));
      BERTH_TRY(index.run("DELETE FROM imports WHERE layer=?", {id}));
      BERTH_TRY(index.run("DELETE FROM layers WHERE id=?", {id}));
    }
    return {};
  });
}

Result<LayerDraft> ImageStore::begin_layer() {
  const LayerId id(random_hex(32));
  const std::string directory = state_->images + "/tmp/" + id.value;
  // The directory's own lock file: gc takes a draft only when it gets this lock. Made under a name that gc skips.
  const std::string hidden = state_->images + "/tmp/.new-" + id.value;
  const auto making = sys::lock_file(state_->images + "/making.lock", sys::LockMode::Shared);
  if (!making) return making.error();
  for (const char* part : {"/diff", "/work", "/scratch"}) BERTH_TRY(sys::make_directories(hidden + part, 0755));
  if (::chmod((hidden + "/diff").c_str(), 0755) < 0) return Error::system(errno, "change mode of", hidden + "/diff");
  auto lock = sys::lock_file(hidden + "/lock", sys::LockMode::Exclusive);
  if (!lock) return lock.error();
  if (::rename(hidden.c_str(), directory.c_str()) < 0) return Error::system(errno, "rename", hidden);
  return LayerDraft(id, directory, std::move(*lock));
}

Result<LayerId> ImageStore::State::publish(const std::string& draft_directory, const LayerId& id) {
  BERTH_TRY(hold(id.value));
  for (const char* part : {"/work", "/scratch"}) BERTH_TRY(sys::remove_tree(draft_directory + part));
  if (::rename(draft_directory.c_str(), layer_path(id.value).c_str()) < 0)
    return Error::system(errno, "publish layer", layer_path(id.value));
  BERTH_TRY(index.run("INSERT INTO layers VALUES(?,?,NULL)", {id.value, std::to_string(now_nanoseconds())}));
  return id;
}

Result<LayerId> ImageStore::commit_layer(LayerDraft draft) {
  auto id = state_->publish(draft.directory_, draft.id_);
  if (id) draft.lock_.reset();
  return id;
}

Result<std::string> ImageStore::layer_directory(const LayerId& id) const {
  const std::string path = state_->layer_path(id.value) + "/diff";
  if (id.empty() || id.value.find('/') != std::string::npos || !sys::exists(path))
    return Error::make(ErrorKind::NotFound, "no such layer: `" + id.value + "`");
  return path;
}

// "VERSION DIGEST SIZE"; another version of the writer may make other bytes.
Result<ImageStore::LayerTar> ImageStore::ensure_diff_id(const LayerId& id) {
  constexpr const char* kWriterVersion = "2";
  auto directory = layer_directory(id);
  if (!directory) return directory.error();
  const std::string path = state_->layer_path(id.value) + "/diff-id";
  if (const auto kept = sys::read_file(path, 4096)) {
    std::istringstream fields(*kept);
    LayerTar known;
    std::string version;
    if (fields >> version >> known.diff_id >> known.size && version == kWriterVersion) return known;
  }
  Sha256 sum;
  LayerTar tar;
  BERTH_TRY(write_layer_tar(*directory, [&](std::string_view bytes) -> Result<void> {
    sum.add(bytes);
    tar.size += static_cast<std::int64_t>(bytes.size());
    return {};
  }));
  tar.diff_id = "sha256:" + sum.hex();
  BERTH_TRY(sys::write_file_atomic(
      path, std::string(kWriterVersion) + " " + tar.diff_id + " " + std::to_string(tar.size) + "\n",
      sys::Durability::Whole));
  // Who brings that tar finds this layer, and does not unpack it beside.
  BERTH_TRY(state_->index.run("INSERT OR IGNORE INTO imports VALUES(?,?)", {"layer:" + tar.diff_id, id.value}));
  return tar;
}

bool ImageStore::is_reference(const std::string& full) const {
  const auto rows = state_->index.rows("SELECT digest FROM refs WHERE reference=?", {full});
  return rows && !rows->empty();
}

Result<std::optional<ImageStore::CacheRecord>> ImageStore::cache_get(const std::string& key) const {
  const auto found = state_->index.rows("SELECT layer, value FROM cache WHERE key=?", {key});
  if (!found) return found.error();
  if (found->empty()) return std::optional<CacheRecord>();
  CacheRecord record{LayerId(found->front()[0]), found->front()[1]};
  if (!record.layer.empty()) {
    // Held first, looked for afterwards: gc cannot take it in between.
    BERTH_TRY(state_->hold(record.layer.value));
    if (!layer_directory(record.layer)) return std::optional<CacheRecord>();
  }
  return std::optional<CacheRecord>(std::move(record));
}

Result<void> ImageStore::cache_put(const std::string& key, const CacheRecord& record) {
  return state_->index.run("INSERT OR REPLACE INTO cache VALUES(?,?,?,?)",
                           {key, record.layer.value, record.value, std::to_string(now_nanoseconds())});
}

Result<void> ImageStore::cache_clear() { return state_->index.run("DELETE FROM cache"); }

Result<std::size_t> ImageStore::collect_drafts() const {
  std::size_t collected = 0;
  const std::string tmp = state_->images + "/tmp/";
  const auto nobody_makes_one = sys::try_lock_file(state_->images + "/making.lock", sys::LockMode::Exclusive);
  const auto drafts = sys::list_directory(tmp);
  if (!drafts) return drafts.error();
  for (const auto& name : *drafts) {
    const bool hidden = name.starts_with(".new-");
    if (hidden ? !nobody_makes_one : !sys::try_lock_file(tmp + name + "/lock", sys::LockMode::Exclusive))
      continue;  // somebody works on it, or it has just been committed
    BERTH_TRY(state_->discard(tmp + name));
    ++collected;
  }
  return collected;
}

Result<Collected> ImageStore::gc() {
  Collected out;
  const std::string leases = state_->images + "/leases/";
  const auto drafts = collect_drafts();
  if (!drafts) return drafts.error();
  out.drafts = *drafts;
  const auto held = sys::list_directory(leases);
  if (!held) return held.error();
  for (const auto& name : *held) {
    if (name == state_->lease || !sys::try_lock_file(leases + name, sys::LockMode::Exclusive)) continue;
    BERTH_TRY(state_->index.run("DELETE FROM leases WHERE lease=?", {name}));
    BERTH_TRY(sys::remove_tree(leases + name));
  }
  // Chosen and forgotten in one transaction, so that nobody can hold a layer that is about to go.
  std::vector<Index::Row> unused;
  BERTH_TRY(state_->index.atomically([&]() -> Result<void> {
    const std::string chosen =
        "id NOT IN (SELECT layer FROM image_layers) AND id NOT IN (SELECT layer FROM cache) AND id NOT IN (SELECT "
        "layer FROM leases)";
    auto rows = state_->index.rows("SELECT id FROM layers WHERE " + chosen);
    if (!rows) return rows.error();
    unused = std::move(*rows);
    BERTH_TRY(state_->index.run("DELETE FROM layers WHERE " + chosen));
    BERTH_TRY(state_->index.run("DELETE FROM layer_blobs WHERE layer NOT IN (SELECT id FROM layers)"));
    return state_->index.run("DELETE FROM imports WHERE layer NOT IN (SELECT id FROM layers)");
  }));
  BERTH_TRY(state_->collect_downloads());
  out.layers = unused.size();
  for (const auto& row : unused) BERTH_TRY(state_->discard(state_->layer_path(row[0])));
  // Directories without a row: renamed by a process that died before its row was written (it held a lease until then).
  const auto directories = sys::list_directory(state_->images + "/layers");
  if (!directories) return directories.error();
  const auto rows = state_->index.rows("SELECT id FROM layers UNION SELECT layer FROM leases");
  if (!rows) return rows.error();
  std::set<std::string> known;
  for (const auto& row : *rows) known.insert(row[0]);
  for (const auto& name : *directories)
    if (!known.count(name)) BERTH_TRY(state_->discard(state_->layer_path(name)));
  return out;
}

}  // namespace berth::image
