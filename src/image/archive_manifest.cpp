#include "archive_manifest.hpp"

#include <boost/json.hpp>

namespace berth::image {
namespace {

namespace bj = boost::json;

constexpr std::size_t kMostEntries = 10'000;

Error wrong(const std::string& what) { return Error::make(ErrorKind::Protocol, "the archive's " + what); }

Result<bj::value> parsed(std::string_view text, const std::string& name) {
  boost::system::error_code failed;
  auto value = bj::parse(bj::string_view(text.data(), text.size()), failed);
  if (failed) return wrong(name + " is not JSON: " + failed.message());
  return value;
}

Result<std::string> text_of(const bj::object& object, const char* name, bool needed, const std::string& file) {
  const auto* value = object.if_contains(name);
  if (!value || value->is_null()) {
    if (needed) return wrong(file + " has no `" + name + "`");
    return std::string();
  }
  if (!value->is_string()) return wrong(file + ": `" + name + "` is not a string");
  return std::string(value->get_string());
}

Result<std::vector<std::string>> texts_of(const bj::object& object, const char* name, const std::string& file) {
  std::vector<std::string> out;
  const auto* value = object.if_contains(name);
  if (!value || value->is_null()) return out;
  if (!value->is_array() || value->get_array().size() > kMostEntries)
    return wrong(file + ": `" + name + "` is not a list of strings");
  for (const auto& item : value->get_array()) {
    if (!item.is_string()) return wrong(file + ": `" + name + "` is not a list of strings");
    out.emplace_back(item.get_string());
  }
  return out;
}

bool is_sha256_digest(std::string_view text) {
  return text.size() == 71 && text.starts_with("sha256:") &&
         text.find_first_not_of("0123456789abcdef", 7) == std::string_view::npos;
}

Result<Descriptor> descriptor_of(const bj::value& value, const std::string& file) {
  if (!value.is_object()) return wrong(file + " has a descriptor that is no object");
  const auto& object = value.get_object();
  Descriptor out;
  auto type = text_of(object, "mediaType", false, file);
  if (!type) return type.error();
  out.media_type = std::move(*type);
  auto digest = text_of(object, "digest", true, file);
  if (!digest) return digest.error();
  if (!is_sha256_digest(*digest)) return wrong(file + ": `" + *digest + "` is no sha256 digest");
  out.digest = std::move(*digest);
  if (const auto* platform = object.if_contains("platform"); platform && platform->is_object()) {
    auto os = text_of(platform->get_object(), "os", false, file);
    if (!os) return os.error();
    auto architecture = text_of(platform->get_object(), "architecture", false, file);
    if (!architecture) return architecture.error();
    out.os = std::move(*os);
    out.architecture = std::move(*architecture);
  }
  if (const auto* annotations = object.if_contains("annotations"); annotations && annotations->is_object())
    for (const auto& [name, text] : annotations->get_object())
      if (text.is_string()) out.annotations[std::string(name)] = std::string(text.get_string());
  return out;
}

Result<std::vector<Descriptor>> descriptors_of(const bj::object& object, const char* name, const std::string& file) {
  const auto* list = object.if_contains(name);
  if (!list || !list->is_array() || list->get_array().size() > kMostEntries)
    return wrong(file + " has no list `" + std::string(name) + "`");
  std::vector<Descriptor> out;
  for (const auto& item : list->get_array()) {
    auto descriptor = descriptor_of(item, file);
    if (!descriptor) return descriptor.error();
    out.push_back(std::move(*descriptor));
  }
  return out;
}

}  // namespace

bool Descriptor::is_index() const {
  return media_type == "application/vnd.oci.image.index.v1+json" ||
         media_type == "application/vnd.docker.distribution.manifest.list.v2+json";
}

Result<std::vector<ArchivedImage>> parse_docker_manifest(std::string_view json) {
  const std::string file = "manifest.json";
  const auto value = parsed(json, file);
  if (!value) return value.error();
  if (!value->is_array() || value->get_array().size() > kMostEntries) return wrong(file + " is not a list of images");
  std::vector<ArchivedImage> out;
  for (const auto& item : value->get_array()) {
    if (!item.is_object()) return wrong(file + " is not a list of images");
    ArchivedImage image;
    auto config = text_of(item.get_object(), "Config", true, file);
    if (!config) return config.error();
    image.config = std::move(*config);
    auto layers = texts_of(item.get_object(), "Layers", file);
    if (!layers) return layers.error();
    image.layers = std::move(*layers);
    auto names = texts_of(item.get_object(), "RepoTags", file);
    if (!names) return names.error();
    image.references = std::move(*names);
    out.push_back(std::move(image));
  }
  return out;
}

Result<std::vector<Descriptor>> parse_oci_index(std::string_view json) {
  const auto value = parsed(json, "index");
  if (!value) return value.error();
  if (!value->is_object()) return wrong("index is not an object");
  return descriptors_of(value->get_object(), "manifests", "index");
}

Result<OciManifest> parse_oci_manifest(std::string_view json) {
  const std::string file = "manifest";
  const auto value = parsed(json, file);
  if (!value) return value.error();
  if (!value->is_object()) return wrong(file + " is not an object");
  OciManifest out;
  const auto* config = value->get_object().if_contains("config");
  if (!config) return wrong(file + " has no `config`");
  auto descriptor = descriptor_of(*config, file);
  if (!descriptor) return descriptor.error();
  out.config = std::move(*descriptor);
  auto layers = descriptors_of(value->get_object(), "layers", file);
  if (!layers) return layers.error();
  out.layers = std::move(*layers);
  return out;
}

}  // namespace berth::image
