#include "berth/image/load.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "archive_manifest.hpp"
#include "berth/image/reference.hpp"
#include "berth/image/unpack.hpp"
#include "berth/sys/file.hpp"
#include "store_state.hpp"

namespace berth::image {
namespace {

constexpr std::size_t kLargestJson = 16u << 20;
constexpr int kDeepestIndex = 4;

std::string blob_path(const std::string& digest) { return "blobs/sha256/" + digest.substr(digest.find(':') + 1); }

// `blobs/sha256/HEX` -> sha256:HEX; what stands there must be that.
std::string digest_of_path(const std::string& path) {
  constexpr std::string_view kFolder = "blobs/sha256/";
  return path.starts_with(kFolder) ? "sha256:" + path.substr(kFolder.size()) : std::string();
}

class ArchiveLoad {
 public:
  ArchiveLoad(ImageStore& store, sys::UniqueFd directory) : store_(store), directory_(std::move(directory)) {}

  Result<std::vector<LoadedImage>> run() {
    if (has("manifest.json")) {
      BERTH_TRY(by_docker_manifest());
    } else if (has("index.json")) {
      auto index = json("index.json", {});
      if (!index) return index.error();
      BERTH_TRY(by_index(*index, {}, 0));
    } else {
      return Error::make(ErrorKind::Protocol, "the archive holds no image: it has neither manifest.json nor index.json")
          .with_hint("a root file system is taken by `image import FILE NAME`");
    }
    if (loaded_.empty()) return Error::make(ErrorKind::NotFound, "the archive holds no image for this machine");
    return std::move(loaded_);
  }

 private:
  bool has(const std::string& path) const { return sys::open_in_root(directory_.get(), path, O_PATH).has_value(); }

  Result<sys::UniqueFd> open(const std::string& path) const {
    auto file = sys::open_in_root(directory_.get(), path, O_RDONLY | O_NONBLOCK);
    if (!file) return file.error().while_doing("reading the archive");
    struct stat info {};
    if (::fstat(file->get(), &info) < 0) return Error::system(errno, "stat", path);
    if (!S_ISREG(info.st_mode)) return Error::make(ErrorKind::Protocol, "the archive's `" + path + "` is no file");
    return file;
  }

  static Error damaged(const std::string& path) {
    return Error::make(ErrorKind::Protocol, "the archive's `" + path + "` is damaged: it is not what its digest says");
  }

  // Text of a file; with a digest it must have that.
  Result<std::string> json(const std::string& path, const std::string& digest) const {
    auto file = open(path);
    if (!file) return file.error();
    auto text = sys::read_all(file->get(), path, kLargestJson);
    if (text && !digest.empty() && "sha256:" + sha256_hex(*text) != digest) return damaged(path);
    return text;
  }

  Result<void> by_docker_manifest() {
    auto text = json("manifest.json", {});
    if (!text) return text.error();
    auto images = parse_docker_manifest(*text);
    if (!images) return images.error();
    for (const auto& image : *images) BERTH_TRY(image_of(image.config, image.layers, image.references));
    return {};
  }

  // The names come from the outermost index that has some.
  Result<void> by_index(const std::string& text, const std::vector<std::string>& names, int depth) {
    if (depth > kDeepestIndex) return Error::make(ErrorKind::Protocol, "the archive's indexes are nested too deeply");
    auto descriptors = parse_oci_index(text);
    if (!descriptors) return descriptors.error();
    const oci::ImageConfig host = oci::host_image_config();
    for (const auto& each : *descriptors) {
      const bool other = !each.architecture.empty() && (each.architecture != host.architecture || each.os != host.os);
      if (other) continue;  // attestations call themselves unknown/unknown
      auto own = names;
      for (const char* annotation : {"io.containerd.image.name", "org.opencontainers.image.ref.name"}) {
        const auto name = each.annotations.find(annotation);
        // The second is often a tag alone.
        if (own.empty() && name != each.annotations.end() && name->second.find_first_of(":/") != std::string::npos)
          own.push_back(name->second);
      }
      auto inner = json(blob_path(each.digest), each.digest);
      if (!inner) return inner.error();
      if (each.is_index()) {
        BERTH_TRY(by_index(*inner, own, depth + 1));
        continue;
      }
      auto manifest = parse_oci_manifest(*inner);
      if (!manifest) return manifest.error();
      std::vector<std::string> layers;
      for (const auto& layer : manifest->layers) layers.push_back(blob_path(layer.digest));
      BERTH_TRY(image_of(blob_path(manifest->config.digest), layers, own));
    }
    return {};
  }

  Result<void> image_of(const std::string& config_path, const std::vector<std::string>& layer_paths,
                        const std::vector<std::string>& names) {
    auto text = json(config_path, digest_of_path(config_path));
    if (!text) return text.error();
    auto config = oci::parse_image_config(*text);
    if (!config) return config.error().while_doing("reading the archive's `" + config_path + "`");
    if (config->diff_ids.size() != layer_paths.size())
      return Error::make(ErrorKind::Protocol, "the archive's `" + config_path + "` speaks of " +
                                                  std::to_string(config->diff_ids.size()) + " layers, and there are " +
                                                  std::to_string(layer_paths.size()));
    LoadedImage loaded;
    for (const auto& name : names) {
      const auto reference = parse_reference(name);
      if (!reference) return reference.error();
      loaded.references.push_back(reference->familiar());
    }
    std::vector<LayerId> layers;
    for (std::size_t i = 0; i < layer_paths.size(); ++i) {
      auto layer = layer_of(layer_paths[i], config->diff_ids[i]);
      if (!layer) return layer.error();
      layers.push_back(std::move(*layer));
    }
    auto digest = digest_of(*config, layers, names);
    if (!digest) return digest.error();
    loaded.digest = std::move(*digest);
    loaded_.push_back(std::move(loaded));
    return {};
  }

  // What was saved here is what it was, so that containers of it are not made anew.
  Result<ImageDigest> digest_of(const oci::ImageConfig& config, const std::vector<LayerId>& layers,
                                const std::vector<std::string>& names) {
    auto known = store_.find_image(config, layers);
    if (!known) return known.error();
    if (!*known) return store_.put_image(config, layers, names);
    for (const auto& name : names) BERTH_TRY(store_.tag(**known, name));
    return **known;
  }

  // Not compressed it is what its diff id says; compressed, it lies under its own digest.
  Result<LayerId> layer_of(const std::string& path, const std::string& diff_id) {
    auto file = open(path);
    if (!file) return file.error();
    auto sum = sha256_of_file(file->get());
    if (!sum) return sum.error();
    const std::string digest = "sha256:" + *sum;
    if (digest != diff_id && digest != digest_of_path(path)) return damaged(path);
    return store_.import_layer(file->get(), digest);
  }

  ImageStore& store_;
  sys::UniqueFd directory_;
  std::vector<LoadedImage> loaded_;
};

}  // namespace

Result<std::vector<LoadedImage>> load_images(ImageStore& store, int archive) {
  // A draft is only used as a place that is collected whatever happens.
  auto place = store.begin_layer();
  if (!place) return place.error();
  auto directory = sys::open(place->scratch(), O_RDONLY | O_DIRECTORY);
  if (!directory) return directory.error();
  auto unpacked = unpack_archive(archive, directory->get(), {.device_nodes = false});
  if (!unpacked) return unpacked.error();
  return ArchiveLoad(store, std::move(*directory)).run();
}

}  // namespace berth::image
