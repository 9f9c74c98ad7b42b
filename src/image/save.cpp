#include "berth/image/save.hpp"

#include <boost/json.hpp>

#include <map>
#include <set>

#include "berth/image/layer_tar.hpp"
#include "berth/image/reference.hpp"
#include "berth/image/tar_writer.hpp"
#include "berth/sys/file.hpp"
#include "store_state.hpp"

namespace berth::image {
namespace {

namespace json = boost::json;

constexpr const char* kManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* kIndexType = "application/vnd.oci.image.index.v1+json";
constexpr const char* kConfigType = "application/vnd.oci.image.config.v1+json";
constexpr const char* kLayerType = "application/vnd.oci.image.layer.v1.tar";

std::string blob_name(const std::string& digest) { return "blobs/sha256/" + digest.substr(digest.find(':') + 1); }

json::object descriptor(const char* type, const std::string& digest, std::int64_t size) {
  return {{"mediaType", type}, {"digest", digest}, {"size", size}};
}

struct SavedImage {
  ImageDigest digest;
  std::vector<Reference> references;
  oci::ImageConfig config;
  std::vector<Layer> layers;
  std::vector<ImageStore::LayerTar> tars;
};

class Archive {
 public:
  explicit Archive(int output)
      : tar_([output](std::string_view bytes) { return sys::write_all(output, bytes, "the archive"); }) {}

  Result<void> blob(const std::string& digest, const std::string& bytes) {
    return written_.insert(digest).second ? text(blob_name(digest), bytes) : Result<void>();
  }

  Result<void> layer(const Layer& layer, const ImageStore::LayerTar& tar) {
    if (!written_.insert(tar.diff_id).second) return {};
    TarEntry entry = entry_named(blob_name(tar.diff_id));
    entry.size = tar.size;
    BERTH_TRY(tar_.add(entry));
    Sha256 sum;
    BERTH_TRY(write_layer_tar(layer.diff, [&](std::string_view bytes) {
      sum.add(bytes);
      return tar_.content(bytes);
    }));
    if ("sha256:" + sum.hex() != tar.diff_id)
      return Error::make(ErrorKind::Failed, "layer `" + layer.id.value + "` is not what it was when it was made");
    return {};
  }

  Result<void> text(const std::string& name, const std::string& bytes) {
    TarEntry entry = entry_named(name);
    entry.size = static_cast<std::int64_t>(bytes.size());
    BERTH_TRY(tar_.add(entry));
    return tar_.content(bytes);
  }

  Result<void> folder(const std::string& name) {
    TarEntry entry = entry_named(name);
    entry.type = TarType::Directory;
    entry.mode = 0755;
    return tar_.add(entry);
  }

  Result<void> finish() { return tar_.finish(); }

 private:
  static TarEntry entry_named(std::string name) {
    TarEntry entry;
    entry.path = std::move(name);
    entry.mode = 0644;
    return entry;
  }
  TarWriter tar_;
  std::set<std::string> written_;
};

Result<std::vector<SavedImage>> chosen_images(ImageStore& store, const std::vector<std::string>& names) {
  std::vector<SavedImage> images;
  std::map<std::string, std::size_t> known;
  for (const auto& name : names) {
    auto digest = store.find(name);
    if (!digest) return digest.error();
    const auto [at, fresh] = known.try_emplace(digest->value, images.size());
    if (fresh) {
      SavedImage image;
      image.digest = *digest;
      auto config = store.config(*digest);
      if (!config) return config.error();
      image.config = std::move(*config);
      auto layers = store.layers(*digest);
      if (!layers) return layers.error();
      image.layers = std::move(*layers);
      images.push_back(std::move(image));
    }
    // An id is no name: only what resolves as a reference is one.
    const auto reference = parse_reference(name);
    if (reference && reference->digest.empty() && store.is_reference(reference->to_string()))
      images[at->second].references.push_back(*reference);
  }
  return images;
}

json::object manifest_of(const SavedImage& image, const std::string& config_digest, std::int64_t config_size) {
  json::array layers;
  for (const auto& tar : image.tars) layers.push_back(descriptor(kLayerType, tar.diff_id, tar.size));
  return {{"schemaVersion", 2},
          {"mediaType", kManifestType},
          {"config", descriptor(kConfigType, config_digest, config_size)},
          {"layers", std::move(layers)}};
}

}  // namespace

Result<void> save_images(ImageStore& store, const std::vector<std::string>& names, int output) {
  auto images = chosen_images(store, names);
  if (!images) return images.error();
  Archive archive(output);
  json::array index, docker;
  for (const char* folder : {"blobs/", "blobs/sha256/"}) BERTH_TRY(archive.folder(folder));
  for (SavedImage& image : *images) {
    image.config.diff_ids.clear();
    json::array layer_names, tags;
    for (const auto& layer : image.layers) {
      auto tar = store.ensure_diff_id(layer.id);
      if (!tar) return tar.error();
      image.config.diff_ids.push_back(tar->diff_id);
      layer_names.emplace_back(blob_name(tar->diff_id));
      auto written = archive.layer(layer, *tar);
      if (!written) return written.error().while_doing("writing layer " + layer.id.value);
      image.tars.push_back(std::move(*tar));
    }
    const std::string config = oci::to_json(image.config);
    const std::string config_digest = "sha256:" + sha256_hex(config);
    const std::string manifest =
        json::serialize(manifest_of(image, config_digest, static_cast<std::int64_t>(config.size())));
    const std::string manifest_digest = "sha256:" + sha256_hex(manifest);
    BERTH_TRY(archive.blob(config_digest, config));
    BERTH_TRY(archive.blob(manifest_digest, manifest));
    json::object entry = descriptor(kManifestType, manifest_digest, static_cast<std::int64_t>(manifest.size()));
    entry["platform"] = {{"architecture", image.config.architecture}, {"os", image.config.os}};
    if (!image.config.variant.empty()) entry["platform"].as_object()["variant"] = image.config.variant;
    for (const auto& reference : image.references) {
      entry["annotations"] = {{"io.containerd.image.name", reference.to_string()},
                              {"org.opencontainers.image.ref.name", reference.tag}};
      index.push_back(entry);
      tags.emplace_back(reference.familiar());
    }
    if (image.references.empty()) index.push_back(std::move(entry));
    docker.push_back(json::object{
        {"Config", blob_name(config_digest)}, {"RepoTags", std::move(tags)}, {"Layers", std::move(layer_names)}});
  }
  BERTH_TRY(archive.text(
      "index.json",
      json::serialize(json::object{{"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", std::move(index)}})));
  BERTH_TRY(archive.text("manifest.json", json::serialize(docker)));
  BERTH_TRY(archive.text("oci-layout", R"({"imageLayoutVersion":"1.0.0"})"));
  return archive.finish();
}

}  // namespace berth::image
