#include <algorithm>
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <iterator>

#include "draft.hpp"

namespace berth::plan {
namespace {

using Names = std::vector<std::string>;

template <class T>
void compare_field(const std::string& name, const T& before, const T& after, Names& changed) {
  if (before != after) changed.push_back(name);
}

// Maps say which of their keys differs. Our own labels do not count: they follow from the rest.
template <class V>
void compare_field(const std::string& name, const std::map<std::string, V>& before,
                   const std::map<std::string, V>& after, Names& changed) {
  const auto note = [&](const std::string& key) {
    if (key.rfind("com.docker.compose.", 0) != 0) changed.push_back(name + "." + key);
  };
  for (const auto& [key, value] : before)
    if (const auto now = after.find(key); now == after.end() || now->second != value) note(key);
  for (const auto& [key, value] : after)
    if (!before.count(key)) note(key);
}

// Their members are named, not the group that they stand in. Declared here, where compare_members looks names up.
void compare_field(const std::string&, const model::Confinement& before, const model::Confinement& after,
                   Names& changed);
void compare_field(const std::string&, const model::Resources& before, const model::Resources& after, Names& changed);

template <class T>
void compare_members(const std::string& prefix, const T& before, const T& after, Names& changed) {
  using Members = boost::describe::describe_members<T, boost::describe::mod_any_access>;
  boost::mp11::mp_for_each<Members>([&](auto member) {
    const std::string name = member.name;
    if (prefix.empty() && (name == "image_digest" || name == "config_hash" || name == "depends_on")) return;
    // It follows from these two; containers of older programs have none.
    if (prefix.empty() && name == "exposed") return;
    if constexpr (std::is_same_v<T, engine::ContainerSpec>)
      if (name == "mounts" && same_mounts(before, after)) return;
    compare_field(prefix + name, before.*member.pointer, after.*member.pointer, changed);
  });
}

void compare_field(const std::string&, const model::Confinement& before, const model::Confinement& after,
                   Names& changed) {
  compare_members({}, before, after, changed);
}

void compare_field(const std::string&, const model::Resources& before, const model::Resources& after, Names& changed) {
  compare_members({}, before, after, changed);
}

}  // namespace

// What was taken over may stand in the place of an anonymous volume.
bool same_mounts(const engine::ContainerSpec& before, const engine::ContainerSpec& after) {
  const auto taken = [&](const engine::ContainerMount& wanted) {
    return std::any_of(before.mounts.begin(), before.mounts.end(), [&](const auto& mount) {
      return mount.taken_over && mount.target == wanted.target && engine::is_anonymous(wanted);
    });
  };
  std::vector<engine::ContainerMount> had, wants;
  std::copy_if(before.mounts.begin(), before.mounts.end(), std::back_inserter(had),
               [](const auto& mount) { return !mount.taken_over; });
  std::copy_if(after.mounts.begin(), after.mounts.end(), std::back_inserter(wants),
               [&](const auto& mount) { return !taken(mount); });
  return had == wants;
}

bool has_mounts_of(const engine::ContainerSpec& spec, const engine::ContainerState& owner) {
  return std::all_of(owner.spec.mounts.begin(), owner.spec.mounts.end(), [&](const engine::ContainerMount& mount) {
    if (mount.type == model::MountType::Tmpfs) return true;
    const auto own = std::find_if(spec.mounts.begin(), spec.mounts.end(),
                                  [&](const auto& other) { return other.target == mount.target; });
    if (own == spec.mounts.end()) return false;
    if (!own->taken_over) return true;  // its own has the path
    const auto& names = owner.anonymous_volumes;
    return engine::is_anonymous(mount) ? std::find(names.begin(), names.end(), own->source) != names.end()
                                       : own->source == mount.source;
  });
}

std::string difference(const engine::ContainerSpec& before, const engine::ContainerSpec& after) {
  constexpr std::size_t kShown = 3;
  Names changed;
  compare_members({}, before, after, changed);
  if (changed.empty()) return "its configuration changed";
  std::string text;
  for (std::size_t i = 0; i < changed.size() && i < kShown; ++i) text += (i ? ", " : "") + changed[i];
  if (changed.size() > kShown) text += " and " + std::to_string(changed.size() - kShown) + " more";
  return text + " changed";
}

}  // namespace berth::plan
