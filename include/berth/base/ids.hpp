// Distinct things get distinct types: a ContainerId is not an ImageDigest is not a ServiceName, though all are strings.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <utility>

namespace berth {

template <class Tag>
struct StrongString {
  std::string value;

  StrongString() = default;
  explicit StrongString(std::string text) : value(std::move(text)) {}

  bool empty() const noexcept { return value.empty(); }
  const std::string& str() const noexcept { return value; }
  auto operator<=>(const StrongString&) const = default;
};

using ProjectName = StrongString<struct ProjectNameTag>;
using ServiceName = StrongString<struct ServiceNameTag>;
using NetworkKey = StrongString<struct NetworkKeyTag>;    // key below `networks:` of the file, not the real name
using VolumeKey = StrongString<struct VolumeKeyTag>;      // key below `volumes:`
using ContainerId = StrongString<struct ContainerIdTag>;  // 64 hex digits; shown as its first 12
using ImageDigest = StrongString<struct ImageDigestTag>;  // "sha256:" + 64 hex digits, of the image's config
using LayerId = StrongString<struct LayerIdTag>;          // directory name below images/layers

inline std::string short_id(const ContainerId& id) { return id.value.substr(0, 12); }

}  // namespace berth

template <class Tag>
struct std::hash<berth::StrongString<Tag>> {
  std::size_t operator()(const berth::StrongString<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.value);
  }
};
