#include "manifest.hpp"

#include <boost/json.hpp>

#include <algorithm>

#include "berth/oci/image_config.hpp"

namespace berth::registry {
namespace {

namespace bj = boost::json;

constexpr std::size_t kMostManifests = 10'000;
constexpr std::size_t kMostLayers = 480;  // overlay takes 500 directories
constexpr std::int64_t kLargestBlob = std::int64_t{1} << 42;

Error bad_manifest(const std::string& what) { return Error::make(ErrorKind::Protocol, "the manifest " + what); }

Result<std::string> text_member(const bj::object& object, const char* name) {
  const auto* value = object.if_contains(name);
  if (!value || value->is_null()) return std::string();
  if (!value->is_string()) return bad_manifest(std::string("has a `") + name + "` that is not a string");
  if (value->get_string().size() > 4096) return bad_manifest(std::string("has a `") + name + "` that is too long");
  return std::string(value->get_string());
}

Result<Platform> platform_member(const bj::object& object) {
  Platform out;
  const auto* value = object.if_contains("platform");
  if (!value || value->is_null()) return out;
  if (!value->is_object()) return bad_manifest("has a `platform` that is not an object");
  struct Field {
    const char* name;
    std::string* to;
  };
  for (const Field& field :
       {Field{"os", &out.os}, Field{"architecture", &out.architecture}, Field{"variant", &out.variant}}) {
    auto text = text_member(value->get_object(), field.name);
    if (!text) return text.error();
    *field.to = std::move(*text);
  }
  return out;
}

Result<Descriptor> descriptor_of(const bj::value& value) {
  if (!value.is_object()) return bad_manifest("has a descriptor that is not an object");
  const auto& object = value.get_object();
  Descriptor out;
  auto type = text_member(object, "mediaType");
  if (!type) return type.error();
  out.media_type = std::move(*type);
  auto digest = text_member(object, "digest");
  if (!digest) return digest.error();
  if (digest->starts_with("sha512:"))
    return Error::make(ErrorKind::Unsupported, "the manifest names content by sha512; only sha256 is understood");
  if (!is_sha256(*digest)) return bad_manifest("has a digest that is not sha256: and 64 hexadecimal digits");
  out.digest = std::move(*digest);
  const auto* size = object.if_contains("size");
  boost::system::error_code failed;
  out.size = size && size->is_number() ? size->to_number<std::int64_t>(failed) : -1;
  if (failed || out.size < 0 || out.size > kLargestBlob) return bad_manifest("has a size that is none");
  auto platform = platform_member(object);
  if (!platform) return platform.error();
  out.platform = std::move(*platform);
  if (const auto* urls = object.if_contains("urls"); urls && urls->is_array())
    for (const auto& url : urls->get_array())
      if (url.is_string() && out.urls.size() < 16) out.urls.emplace_back(url.get_string());
  if (const auto* annotations = object.if_contains("annotations"); annotations && annotations->is_object())
    for (const auto& [name, text] : annotations->get_object())
      if (text.is_string()) out.annotations[std::string(name)] = std::string(text.get_string());
  return out;
}

Result<std::vector<Descriptor>> descriptors_of(const bj::object& object, const char* name, std::size_t most) {
  const auto* list = object.if_contains(name);
  if (!list || !list->is_array()) return bad_manifest(std::string("has no list `") + name + "`");
  if (list->get_array().size() > most)
    return bad_manifest("has " + std::to_string(list->get_array().size()) + " " + name + ", and " +
                        std::to_string(most) + " are the most there may be");
  std::vector<Descriptor> out;
  for (const auto& item : list->get_array()) {
    auto descriptor = descriptor_of(item);
    if (!descriptor) return descriptor.error();
    out.push_back(std::move(*descriptor));
  }
  return out;
}

Result<ImageManifest> image_manifest_of(const bj::object& object, std::string type) {
  ImageManifest out;
  out.media_type = std::move(type);
  const auto* config = object.if_contains("config");
  if (!config) return bad_manifest("has no `config`");
  auto descriptor = descriptor_of(*config);
  if (!descriptor) return descriptor.error();
  out.config = std::move(*descriptor);
  const std::string& config_type = out.config.media_type;
  if (config_type != kOciConfig && config_type != "application/vnd.docker.container.image.v1+json")
    return Error::make(ErrorKind::Unsupported,
                       "this is no image of a container: its config is of type `" + config_type + "`");
  auto layers = descriptors_of(object, "layers", kMostLayers);
  if (!layers) return layers.error();
  out.layers = std::move(*layers);
  for (const auto& layer : out.layers)
    if (!is_layer_type(layer.media_type))
      return Error::make(ErrorKind::Unsupported, "a layer is of type `" + layer.media_type +
                                                     "`, which is not a file system that can be unpacked");
  return out;
}

bool is_attestation(const Descriptor& manifest) {
  return manifest.annotations.count("vnd.docker.reference.type") != 0 ||
         (manifest.platform.os == "unknown" && manifest.platform.architecture == "unknown");
}

// How well an entry suits: the smaller the better; nothing where it does not run there.
std::optional<int> distance(const Platform& entry, const Platform& wanted) {
  if (entry.os != wanted.os || entry.architecture != wanted.architecture) return std::nullopt;
  const auto level = [&](const std::string& variant, int absent) {
    return variant.size() == 2 && variant[0] == 'v' && variant[1] >= '1' && variant[1] <= '9' ? variant[1] - '0'
                                                                                              : absent;
  };
  // Without a variant: arm is v7, arm64 is v8, amd64 is v1.
  const int usual = wanted.architecture == "arm" ? 7 : wanted.architecture == "arm64" ? 8 : 1;
  const int have = level(entry.variant, usual), want = level(wanted.variant, usual);
  if (have > want) return std::nullopt;
  return want - have;
}

}  // namespace

bool is_sha256(std::string_view digest) {
  return digest.size() == 71 && digest.starts_with("sha256:") &&
         digest.find_first_not_of("0123456789abcdef", 7) == std::string_view::npos;
}

std::string Platform::to_string() const { return os + "/" + architecture + (variant.empty() ? "" : "/" + variant); }

Result<Platform> parse_platform(std::string_view text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == '/')
      parts.emplace_back();
    else
      parts.back() += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  if (parts.size() == 1) parts.insert(parts.begin(), "linux");
  const bool empty = std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.empty(); });
  if (empty || parts.size() > 3)
    return Error::make(ErrorKind::Invalid, "`" + std::string(text) + "` is no platform")
        .with_hint("OS/ARCHITECTURE[/VARIANT], as linux/amd64 or linux/arm/v7");
  Platform out{parts[0], parts[1], parts.size() > 2 ? parts[2] : ""};
  static const std::map<std::string, std::pair<const char*, const char*>> kOtherNames{
      {"x86_64", {"amd64", ""}}, {"x86-64", {"amd64", ""}}, {"aarch64", {"arm64", ""}}, {"i386", {"386", ""}},
      {"i686", {"386", ""}},     {"armhf", {"arm", "v7"}},  {"armel", {"arm", "v6"}}};
  if (const auto other = kOtherNames.find(out.architecture); other != kOtherNames.end()) {
    out.architecture = other->second.first;
    if (out.variant.empty()) out.variant = other->second.second;
  }
  if (out.architecture == "arm64" && out.variant == "v8") out.variant.clear();
  return out;
}

Platform host_platform() {
  const auto config = oci::host_image_config();
  return {config.os, config.architecture, config.variant};
}

bool is_layer_type(std::string_view type) {
  for (const std::string_view stem :
       {"application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.docker.image.rootfs.diff.tar", "application/vnd.docker.image.rootfs.foreign.diff.tar"}) {
    if (!type.starts_with(stem)) continue;
    const auto packed = type.substr(stem.size());
    return packed.empty() || packed == "+gzip" || packed == ".gzip" || packed == "+zstd" || packed == ".zstd";
  }
  return false;
}

Result<std::variant<ImageIndex, ImageManifest>> parse_manifest(std::string_view json, std::string_view content_type) {
  using Either = std::variant<ImageIndex, ImageManifest>;
  boost::system::error_code failed;
  auto value = bj::parse(bj::string_view(json.data(), json.size()), failed);
  if (failed) return bad_manifest("is not JSON: " + failed.message());
  if (!value.is_object()) return bad_manifest("is not a JSON object");
  const auto& object = value.get_object();
  auto named = text_member(object, "mediaType");
  if (!named) return named.error();
  std::string type = *named;
  if (type.empty()) type = std::string(content_type.substr(0, content_type.find_first_of("; ")));
  const auto* version = object.if_contains("schemaVersion");
  const bool old = version && version->is_int64() && version->get_int64() == 1;
  if (old || type == kDockerSchema1 || type == kDockerSchema1Signed)
    return Error::make(ErrorKind::Unsupported,
                       "the image has a manifest of schema 1, which no current tool writes and this one does not read")
        .with_hint("push the image again with a current docker, skopeo or berth");
  const bool has_manifests = object.if_contains("manifests") != nullptr;
  const bool has_layers = object.if_contains("layers") != nullptr;
  // One that is read both ways would be one image to us and another to somebody else.
  if (has_manifests && has_layers) return bad_manifest("is an index and an image at once");
  if (type == kOciIndex || type == kDockerList || (type != kOciManifest && type != kDockerManifest && has_manifests)) {
    auto manifests = descriptors_of(object, "manifests", kMostManifests);
    if (!manifests) return manifests.error();
    return Either(ImageIndex{std::move(*manifests)});
  }
  if (type != kOciManifest && type != kDockerManifest && !has_layers)
    return Error::make(ErrorKind::Unsupported, "the registry gave a manifest of type `" + type + "`");
  auto image = image_manifest_of(object, type == kDockerManifest ? kDockerManifest : kOciManifest);
  if (!image) return image.error();
  return Either(std::move(*image));
}

Result<Descriptor> choose_manifest(const ImageIndex& index, const Platform& wanted) {
  const Descriptor* best = nullptr;
  int best_distance = 0;
  // Older tools put a lone image into an index without saying what it is for.
  if (index.manifests.size() == 1 && index.manifests.front().platform == Platform{} &&
      !is_attestation(index.manifests.front()))
    return index.manifests.front();
  std::string known;
  for (const auto& each : index.manifests) {
    if (is_attestation(each)) continue;
    const std::string name = each.platform.to_string();
    if (!each.platform.os.empty() && known.find(name) == std::string::npos && known.size() < 400)
      known += (known.empty() ? "" : ", ") + name;
    const auto far = distance(each.platform, wanted);
    if (far && (!best || *far < best_distance)) {
      best = &each;
      best_distance = *far;
    }
  }
  if (best) return *best;
  return Error::make(ErrorKind::NotFound, "there is no image for " + wanted.to_string() + ": it is made for " +
                                              (known.empty() ? "no platform that it names" : known));
}

}  // namespace berth::registry
