#include "berth/image/store.hpp"

#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/json.hpp>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "berth/base/random.hpp"
#include "berth/image/reference.hpp"
#include "berth/image/unpack.hpp"
#include "berth/sys/file.hpp"
#include "berth/text/duration.hpp"
#include "store_state.hpp"

namespace berth::image {
namespace {

constexpr std::string_view kShaPrefix = "sha256:";

bool is_hex_text(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Real blocks of a tree, hard-linked files once.
std::int64_t blocks_below(std::string path) {
  char* roots[] = {path.data(), nullptr};
  FTS* tree = ::fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, nullptr);
  if (!tree) return 0;
  std::int64_t blocks = 0;
  while (const FTSENT* entry = ::fts_read(tree))
    if (entry->fts_info != FTS_DP && entry->fts_statp)
      blocks += entry->fts_statp->st_blocks /
                std::max<nlink_t>(1, S_ISDIR(entry->fts_statp->st_mode) ? 1 : entry->fts_statp->st_nlink);
  ::fts_close(tree);
  return blocks * 512;
}

std::string stored_config(const oci::ImageConfig& config, const std::vector<LayerId>& layers) {
  auto object = boost::json::parse(oci::to_json(config)).as_object();
  boost::json::array ids;
  for (const auto& layer : layers) ids.emplace_back(boost::json::string(layer.value));
  object.emplace("berth.layers", std::move(ids));
  return boost::json::serialize(object);
}

// An archive that cannot be read twice (a pipe) is copied into an unnamed file first.
Result<sys::UniqueFd> seekable(int archive, const std::string& directory) {
  struct stat info;
  if (::fstat(archive, &info) < 0) return Error::system(errno, "stat", "archive");
  if (S_ISREG(info.st_mode)) return sys::open("/proc/self/fd/" + std::to_string(archive), O_RDONLY);
  auto spool = sys::open(directory, O_TMPFILE | O_RDWR, 0600);
  if (!spool) return spool.error();
  std::vector<char> buffer(256 * 1024);
  for (;;) {
    const ssize_t n = ::read(archive, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::system(errno, "read", "archive");
    if (n == 0) break;
    BERTH_TRY(sys::write_all(spool->get(), {buffer.data(), static_cast<std::size_t>(n)}, "copy of the archive"));
  }
  if (::lseek(spool->get(), 0, SEEK_SET) < 0) return Error::system(errno, "seek in", "copy of the archive");
  return std::move(*spool);
}

}  // namespace

ImageStore::ImageStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
ImageStore::ImageStore(ImageStore&&) noexcept = default;
ImageStore& ImageStore::operator=(ImageStore&&) noexcept = default;
ImageStore::~ImageStore() {
  if (!state_ || state_->lease.empty()) return;
  // Where this fails the lease is free all the same (its lock goes with the descriptor) and gc takes it.
  (void)state_->index.run("DELETE FROM leases WHERE lease=?", {state_->lease});
  (void)sys::remove_tree(state_->images + "/leases/" + state_->lease);
}

Result<ImageStore> ImageStore::open(const std::string& root) {
  auto state = std::make_unique<State>();
  state->root = root;
  state->images = root + "/images";
  for (const char* part : {"/blobs/sha256", "/layers", "/tmp", "/leases"})
    BERTH_TRY(sys::make_directories(state->images + part));
  const std::string empty = state->images + "/empty";
  BERTH_TRY(sys::make_directories(empty));
  // Whatever the umask: it is the root directory of containers without layers.
  if (::chmod(empty.c_str(), 0755) < 0) return Error::system(errno, "change mode of", empty);
  BERTH_TRY(sys::make_directories(root + "/trash"));
  auto index = Index::open(state->images + "/index.db");
  if (!index) return index.error();
  state->index = std::move(*index);
  BERTH_TRY(state->forget_missing_layers());
  return ImageStore(std::move(state));
}

Result<ImageDigest> ImageStore::find(const std::string& text) const {
  const auto not_there = [&] { return Error::make(ErrorKind::NotFound, "no such image: `" + text + "`"); };
  std::string_view hex = text;
  const bool marked = hex.substr(0, kShaPrefix.size()) == kShaPrefix;
  if (marked) hex.remove_prefix(kShaPrefix.size());
  if (!marked && !(hex.size() == 64 && is_hex_text(hex))) {
    if (const auto reference = parse_reference(text)) {
      // What a digest names is the same under every tag.
      const auto rows = reference->digest.empty()
                            ? state_->index.rows("SELECT digest FROM refs WHERE reference=?", {reference->to_string()})
                            : state_->index.rows("SELECT image FROM origins WHERE repository=? AND digest=?",
                                                 {reference->domain + "/" + reference->path, reference->digest});
      if (!rows) return rows.error();
      if (!rows->empty()) return ImageDigest(rows->front()[0]);
    }
  }
  if (!is_hex_text(hex) || hex.size() > 64) return not_there();
  const std::string prefix = std::string(kShaPrefix) + std::string(hex);
  const auto rows =
      state_->index.rows("SELECT digest FROM images WHERE substr(digest,1,length(?1))=?1 LIMIT 2", {prefix});
  if (!rows) return rows.error();
  if (rows->size() > 1) return Error::make(ErrorKind::Invalid, "more than one image's id starts with `" + text + "`");
  if (rows->empty()) return not_there();
  return ImageDigest(rows->front()[0]);
}

Result<oci::ImageConfig> ImageStore::config(const ImageDigest& digest) const {
  const auto known = state_->index.rows("SELECT digest FROM images WHERE digest=?", {digest.value});
  if (!known) return known.error();
  if (known->empty()) return Error::make(ErrorKind::NotFound, "no such image: `" + digest.value + "`");
  const auto bytes = sys::read_file(state_->blob_path(digest.value), 16u << 20);
  if (!bytes) return bytes.error();
  return oci::parse_image_config(*bytes);
}

Result<engine::ImageFacts> ImageStore::facts(const ImageDigest& digest) const {
  const auto image = config(digest);
  if (!image) return image.error();
  const auto& process = image->config;
  engine::ImageFacts facts;
  facts.digest = digest;
  facts.entrypoint = process.entrypoint;
  facts.command = process.cmd;
  facts.environment = process.env;
  facts.working_dir = process.working_dir;
  facts.user = process.user;
  facts.volumes.assign(process.volumes.begin(), process.volumes.end());
  facts.exposed_ports.assign(process.exposed_ports.begin(), process.exposed_ports.end());
  facts.labels = process.labels;
  facts.stop_signal = process.stop_signal;
  facts.shell = process.shell;
  if (const auto& check = process.healthcheck) {
    const auto given = [](std::int64_t value) {
      return value ? std::optional<model::Duration>(std::chrono::nanoseconds(value)) : std::nullopt;
    };
    auto& to = facts.healthcheck.emplace();
    to.test = check->test;
    to.interval = given(check->interval);
    to.timeout = given(check->timeout);
    to.start_period = given(check->start_period);
    to.start_interval = given(check->start_interval);
    if (check->retries) to.retries = check->retries;
  }
  return facts;
}

Result<std::vector<Layer>> ImageStore::layers(const ImageDigest& digest) const {
  const auto rows =
      state_->index.rows("SELECT layer FROM image_layers WHERE digest=? ORDER BY position", {digest.value});
  if (!rows) return rows.error();
  std::vector<Layer> out;
  for (const auto& row : *rows) out.push_back({LayerId(row[0]), state_->layer_path(row[0]) + "/diff"});
  return out;
}

Result<std::vector<std::string>> ImageStore::lower_directories(const ImageDigest& digest) const {
  const auto chain = layers(digest);
  if (!chain) return chain.error();
  std::vector<std::string> out;
  for (auto layer = chain->rbegin(); layer != chain->rend(); ++layer) out.push_back(layer->diff);
  if (out.empty()) out.push_back(state_->images + "/empty");
  return out;
}

Result<std::vector<ImageSummary>> ImageStore::list() const {
  const auto unmeasured = state_->index.rows("SELECT id FROM layers WHERE size IS NULL");
  if (!unmeasured) return unmeasured.error();
  // Measured when first asked for, not at commit, which is to be a rename.
  for (const auto& row : *unmeasured)
    BERTH_TRY(state_->index.run("UPDATE layers SET size=? WHERE id=?",
                                {std::to_string(blocks_below(state_->layer_path(row[0]) + "/diff")), row[0]}));
  const auto images = state_->index.rows(
      "SELECT digest, created, (SELECT coalesce(sum(size),0) FROM image_layers JOIN layers ON layer=id "
      "WHERE image_layers.digest=images.digest) FROM images ORDER BY created DESC, digest");
  if (!images) return images.error();
  std::vector<ImageSummary> out;
  for (const auto& row : *images) {
    auto& summary = out.emplace_back();
    summary.digest = ImageDigest(row[0]);
    summary.created_at = std::stoll(row[1]);
    summary.size.bytes = std::stoll(row[2]);
    const auto names = state_->index.rows("SELECT reference FROM refs WHERE digest=? ORDER BY reference", {row[0]});
    if (!names) return names.error();
    for (const auto& name : *names) summary.references.push_back(name[0]);
  }
  return out;
}

Result<ImageDigest> ImageStore::put_image(const oci::ImageConfig& config, const std::vector<LayerId>& layers,
                                          const std::vector<std::string>& references) {
  std::vector<std::string> names;
  for (const auto& text : references) {
    const auto reference = parse_reference(text);
    if (!reference) return reference.error();
    names.push_back(reference->to_string());
  }
  for (const auto& layer : layers) {
    BERTH_TRY(state_->hold(layer.value));
    const auto directory = layer_directory(layer);
    if (!directory) return directory.error();
  }
  const std::string bytes = stored_config(config, layers);
  const std::string digest = std::string(kShaPrefix) + sha256_hex(bytes);
  BERTH_TRY(sys::write_file_atomic(state_->blob_path(digest), bytes, sys::Durability::Volatile));
  std::int64_t created = now_nanoseconds();
  if (const auto time = text::parse_time(config.created))
    created = std::chrono::duration_cast<std::chrono::nanoseconds>(time->time_since_epoch()).count();
  BERTH_TRY(state_->index.atomically([&]() -> Result<void> {
    const auto& index = state_->index;
    BERTH_TRY(index.run("INSERT OR IGNORE INTO images VALUES(?,?)", {digest, std::to_string(created)}));
    for (std::size_t i = 0; i < layers.size(); ++i)
      BERTH_TRY(index.run("INSERT OR IGNORE INTO image_layers VALUES(?,CAST(? AS INTEGER),?)",
                          {digest, std::to_string(i), layers[i].value}));
    for (const auto& name : names) BERTH_TRY(index.run("INSERT OR REPLACE INTO refs VALUES(?,?)", {name, digest}));
    return {};
  }));
  return ImageDigest(digest);
}

Result<std::optional<ImageDigest>> ImageStore::find_image(const oci::ImageConfig& config,
                                                          const std::vector<LayerId>& wanted) const {
  if (wanted.empty()) return std::optional<ImageDigest>();
  oci::ImageConfig bare = config;
  bare.diff_ids.clear();
  const auto rows = state_->index.rows("SELECT digest FROM image_layers WHERE layer=?", {wanted.back().value});
  if (!rows) return rows.error();
  for (const auto& row : *rows) {
    const ImageDigest digest(row[0]);
    const auto stack = layers(digest);
    auto existing = this->config(digest);
    if (!stack || !existing) continue;  // it is being removed
    const bool same = std::equal(stack->begin(), stack->end(), wanted.begin(), wanted.end(),
                                 [](const auto& one, const LayerId& other) { return one.id == other; });
    existing->diff_ids.clear();
    if (same && *existing == bare) return std::optional<ImageDigest>(digest);
  }
  return std::optional<ImageDigest>();
}

Result<LayerId> ImageStore::unpacked_once(int archive, const std::string& key, Whiteouts whiteouts) {
  const auto known = state_->index.rows("SELECT layer FROM imports WHERE content=?", {key});
  if (!known) return known.error();
  if (!known->empty()) {
    LayerId layer(known->front()[0]);
    BERTH_TRY(state_->hold(layer.value));
    if (layer_directory(layer)) return layer;
  }
  auto draft = begin_layer();
  if (!draft) return draft.error();
  auto directory = sys::open(draft->upper(), O_RDONLY | O_DIRECTORY);
  if (!directory) return directory.error();
  const auto unpacked = unpack_archive(archive, directory->get(), {.whiteouts = whiteouts});
  if (!unpacked) return unpacked.error();
  if (unpacked->entries == 0 && whiteouts == Whiteouts::Refuse)
    return Error::make(ErrorKind::Protocol, "the archive is empty");
  // The one sync there is: a base image is costly to make again, and a record must not outlive its bytes.
  if (::syncfs(directory->get()) < 0) return Error::system(errno, "sync", draft->upper());
  auto layer = commit_layer(std::move(*draft));
  if (!layer) return layer;
  BERTH_TRY(state_->index.run("INSERT OR REPLACE INTO imports VALUES(?,?)", {key, layer->value}));
  return layer;
}

Result<LayerId> ImageStore::import_layer(int archive, const std::string& digest) {
  if (::lseek(archive, 0, SEEK_SET) < 0) return Error::system(errno, "seek in", "a layer");
  const auto lock = state_->lock_imports();
  if (!lock) return lock.error();
  return unpacked_once(archive, "layer:" + digest, Whiteouts::Translate);
}

Result<ImageDigest> ImageStore::import_rootfs(int archive, const std::string& reference,
                                              const oci::ImageConfig& wanted) {
  const auto name = parse_reference(reference);
  if (!name) return name.error();
  auto file = seekable(archive, state_->images + "/tmp");
  if (!file) return file.error();
  const auto content = sha256_of_file(file->get());
  if (!content) return content.error();
  // Held until the image is there: somebody who imports the same finds it.
  const auto lock = state_->lock_imports();
  if (!lock) return lock.error();
  auto unpacked = unpacked_once(file->get(), *content, Whiteouts::Refuse);
  if (!unpacked) return unpacked.error();
  const LayerId layer = std::move(*unpacked);
  // Same bytes and same config: the image that is there, with its time of creation.
  const auto same_layer = state_->index.rows(
      "SELECT digest FROM image_layers GROUP BY digest HAVING count(*)=1 AND max(layer)=?", {layer.value});
  if (!same_layer) return same_layer.error();
  oci::ImageConfig image = wanted;
  for (const auto& row : *same_layer) {
    const auto existing = config(ImageDigest(row[0]));
    if (!existing) continue;
    image.created = existing->created;
    image.history = existing->history;
    if (image == *existing) {
      BERTH_TRY(tag(ImageDigest(row[0]), reference));
      return ImageDigest(row[0]);
    }
  }
  image.history = wanted.history;
  image.created = wanted.created;
  if (image.created.empty()) image.created = text::format_time(std::chrono::system_clock::now());
  if (image.history.empty())
    image.history.push_back(
        {.created = image.created, .created_by = {}, .author = {}, .comment = "imported", .empty_layer = false});
  return put_image(image, {layer}, {reference});
}

Result<ImageDigest> ImageStore::import_rootfs(const std::string& path, const std::string& reference,
                                              const oci::ImageConfig& config) {
  auto file = sys::open(path, O_RDONLY);
  if (!file) return file.error();
  auto digest = import_rootfs(file->get(), reference, config);
  if (!digest) return digest.error().while_doing("import `" + path + "`");
  return digest;
}

Result<void> ImageStore::tag(const ImageDigest& digest, const std::string& text) {
  const auto reference = parse_reference(text);
  if (!reference) return reference.error();
  const auto known = state_->index.rows("SELECT digest FROM images WHERE digest=?", {digest.value});
  if (!known) return known.error();
  if (known->empty()) return Error::make(ErrorKind::NotFound, "no such image: `" + digest.value + "`");
  return state_->index.run("INSERT OR REPLACE INTO refs VALUES(?,?)", {reference->to_string(), digest.value});
}

Result<void> ImageStore::untag(const std::string& text) {
  const auto reference = parse_reference(text);
  if (!reference) return reference.error();
  return state_->index.run("DELETE FROM refs WHERE reference=?", {reference->to_string()});
}

Result<ImageStore::Removed> ImageStore::remove(const std::string& text, const std::vector<std::string>& users,
                                               bool force) {
  const auto digest = find(text);
  if (!digest) return digest.error();
  const auto names =
      state_->index.rows("SELECT reference FROM refs WHERE digest=? ORDER BY reference", {digest->value});
  if (!names) return names.error();
  const auto reference = parse_reference(text);
  const bool by_name = reference && std::any_of(names->begin(), names->end(),
                                                [&](const auto& row) { return row[0] == reference->to_string(); });
  Removed out;
  if (by_name && names->size() > 1) {
    BERTH_TRY(untag(text));
    out.untagged.push_back(reference->familiar());
    return out;
  }
  if (!users.empty()) {
    std::string who;
    for (const auto& user : users) who += (who.empty() ? "`" : ", `") + user + "`";
    return Error::make(ErrorKind::Busy, "image `" + text + "` is used by " + who);
  }
  if (!by_name && names->size() > 1 && !force)
    return Error::make(ErrorKind::Busy, "image `" + text + "` has several names")
        .with_hint("remove them by name, or use --force");
  for (const auto& row : *names)
    if (const auto name = parse_reference(row[0])) out.untagged.push_back(name->familiar());
  BERTH_TRY(state_->index.atomically([&]() -> Result<void> {
    for (const char* sql : {"DELETE FROM refs WHERE digest=?", "DELETE FROM image_layers WHERE digest=?",
                            "DELETE FROM images WHERE digest=?"})
      BERTH_TRY(state_->index.run(sql, {digest->value}));
    return {};
  }));
  BERTH_TRY(state_->forget_origins(digest->value));
  BERTH_TRY(sys::remove_tree(state_->blob_path(digest->value)));
  out.deleted.push_back(*digest);
  const auto collected = gc();
  if (!collected) return collected.error();
  return out;
}

}  // namespace berth::image
