// The image store as views over containers see it: read once, and only where there is one.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "berth/cli/app.hpp"
#include "berth/image/store.hpp"

namespace berth::cli::docker {

class ImageNames {
 public:
  explicit ImageNames(const App& app);
  std::optional<std::string> find(const std::string& text) const;  // digest
  // The name as it was given, while the image still has it; else the short id.
  std::string shown(const std::string& name, const ImageDigest& digest) const;
  std::set<std::string> exposed_ports(const ImageDigest& digest) const;
  std::int64_t size(const ImageDigest& digest) const;  // 0: it is gone

 private:
  std::optional<image::ImageStore> store_;
  std::map<ImageDigest, image::ImageSummary> images_;
  mutable std::map<ImageDigest, std::set<std::string>> ports_;
};

// "nginx:latest" of a full reference.
std::string familiar_name(const std::string& reference);
std::string hex_of_digest(const ImageDigest& digest);

}  // namespace berth::cli::docker
