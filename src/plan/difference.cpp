#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>

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
