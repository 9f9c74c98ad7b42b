#include "docker/image_names.hpp"

#include <algorithm>

#include "berth/image/reference.hpp"
#include "berth/sys/file.hpp"

namespace berth::cli::docker {

ImageNames::ImageNames(const App& app) {
  if (!sys::exists(app.paths.root + "/images")) return;
  store_.emplace(must(image::ImageStore::open(app.paths.root)));
  for (auto& image : must(store_->list())) images_[image.digest] = std::move(image);
}

std::optional<std::string> ImageNames::find(const std::string& text) const {
  if (!store_) return std::nullopt;
  const auto digest = store_->find(text);
  return digest ? std::optional(digest->value) : std::nullopt;
}

std::string ImageNames::shown(const std::string& name, const ImageDigest& digest) const {
  const auto image = images_.find(digest);
  if (image == images_.end()) return name;
  const auto reference = image::parse_reference(name);
  const auto& names = image->second.references;
  const bool has = reference && std::find(names.begin(), names.end(), reference->to_string()) != names.end();
  return has ? name : hex_of_digest(digest).substr(0, 12);
}

std::set<std::string> ImageNames::exposed_ports(const ImageDigest& digest) const {
  const auto [known, fresh] = ports_.try_emplace(digest);
  if (fresh && store_)
    if (const auto config = store_->config(digest)) known->second = config->config.exposed_ports;
  return known->second;
}

std::int64_t ImageNames::size(const ImageDigest& digest) const {
  const auto image = images_.find(digest);
  return image == images_.end() ? 0 : image->second.size.bytes;
}

std::string familiar_name(const std::string& reference) {
  const auto parsed = image::parse_reference(reference);
  return parsed ? parsed->familiar() : reference;
}

std::string hex_of_digest(const ImageDigest& digest) { return digest.value.substr(digest.value.find(':') + 1); }

}  // namespace berth::cli::docker
