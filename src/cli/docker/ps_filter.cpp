#include "docker/ps_filter.hpp"

#include <algorithm>
#include <charconv>
#include <regex>

#include "render/container_view.hpp"

namespace berth::cli::docker {
namespace {

// Compat: a regular expression; what is none is looked for as it stands.
bool name_matches(const std::string& name, const std::string& wanted) {
  if (wanted.find_first_of("^$.*+?[](){}|\\") == std::string::npos) return name.find(wanted) != std::string::npos;
  try {
    const std::regex expression(wanted, std::regex::ECMAScript);
    return std::regex_search(name, expression) || std::regex_search("/" + name, expression);
  } catch (const std::regex_error&) {
    return name.find(wanted) != std::string::npos;
  }
}

std::string health_filter_word(engine::Health health) {
  switch (health) {
    case engine::Health::None: return "none";
    case engine::Health::Starting: return "starting";
    case engine::Health::Healthy: return "healthy";
    case engine::Health::Unhealthy: return "unhealthy";
  }
  return "";
}

bool has_mount(const engine::ContainerState& state, const std::string& wanted) {
  return std::any_of(state.spec.mounts.begin(), state.spec.mounts.end(),
                     [&](const auto& mount) { return mount.source == wanted || mount.target == wanted; });
}

bool is_in_network(const engine::ContainerState& state, const std::string& wanted) {
  if (state.spec.network_mode == wanted) return true;
  return std::any_of(state.spec.endpoints.begin(), state.spec.endpoints.end(),
                     [&](const auto& endpoint) { return endpoint.network == wanted; });
}

// "80", "80/tcp", "8000-8010".
bool has_port(std::uint16_t port, model::Protocol protocol, const std::string& wanted) {
  const auto slash = wanted.find('/');
  if (slash != std::string::npos && wanted.substr(slash + 1) != protocol_word(protocol)) return false;
  const std::string range = wanted.substr(0, slash);
  const auto dash = range.find('-');
  const auto number = [](const std::string& text) {
    int value = -1;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  };
  const int low = number(range.substr(0, dash)),
            high = dash == std::string::npos ? low : number(range.substr(dash + 1));
  return low <= port && port <= high;
}

bool matches_one(const engine::ContainerState& state, const std::string& key, const std::string& wanted,
                 const PsFilter::Facts& facts) {
  if (key == "name") return name_matches(state.name, wanted);
  if (key == "id") return state.id.value.starts_with(wanted);
  if (key == "status") return state_word(state.phase) == wanted;
  if (key == "exited") return state.phase == engine::Phase::Exited && std::to_string(state.exit_code) == wanted;
  if (key == "health") return health_filter_word(state.health) == wanted;
  if (key == "network") return is_in_network(state, wanted);
  if (key == "volume") return has_mount(state, wanted);
  if (key == "ancestor") {
    const auto id = facts.image_ids.find(wanted);
    return id != facts.image_ids.end() ? id->second == state.spec.image_digest.value : state.spec.image == wanted;
  }
  if (key == "publish")
    return std::any_of(state.publications.begin(), state.publications.end(),
                       [&](const auto& one) { return has_port(one.host_port, one.protocol, wanted); });
  if (key == "expose")
    return std::any_of(state.publications.begin(), state.publications.end(),
                       [&](const auto& one) { return has_port(one.target, one.protocol, wanted); });
  const auto created = facts.created.find(wanted);
  if (created == facts.created.end()) return false;
  return key == "before" ? state.created_at < created->second : state.created_at > created->second;
}

}  // namespace

Result<std::multimap<std::string, std::string>> parse_filters(const std::vector<std::string>& given,
                                                              const std::set<std::string>& known) {
  std::multimap<std::string, std::string> filters;
  for (const auto& text : given) {
    const auto equals = text.find('=');
    const std::string key = text.substr(0, equals);
    std::string names;
    for (const auto& name : known) names += (names.empty() ? "" : ", ") + name;
    if (equals == std::string::npos)
      return Error::make(ErrorKind::Invalid, "invalid filter `" + text + "`").with_hint("KEY=VALUE, of " + names);
    if (!known.count(key))
      return Error::make(ErrorKind::Invalid, "unknown filter `" + key + "`").with_hint("there are " + names);
    filters.emplace(key, text.substr(equals + 1));
  }
  return filters;
}

bool has_labels(const std::map<std::string, std::string>& labels,
                const std::multimap<std::string, std::string>& filters) {
  const auto holds = [&](const std::string& wanted) {
    const auto equals = wanted.find('=');
    const auto label = labels.find(wanted.substr(0, equals));
    return label != labels.end() && (equals == std::string::npos || label->second == wanted.substr(equals + 1));
  };
  const auto [first, last] = filters.equal_range("label");
  const auto [without, end] = filters.equal_range("label!");
  return std::all_of(first, last, [&](const auto& entry) { return holds(entry.second); }) &&
         std::none_of(without, end, [&](const auto& entry) { return holds(entry.second); });
}

Result<PsFilter> PsFilter::parse(const std::vector<std::string>& given) {
  auto filters = parse_filters(given, {"ancestor", "before", "exited", "expose", "health", "id", "label", "name",
                                       "network", "publish", "since", "status", "volume"});
  if (!filters) return filters.error();
  static const std::set<std::string> kStates{"created", "running", "paused",  "restarting",
                                             "exited",  "dead",    "removing"};
  for (const auto& [key, value] : *filters)
    if (key == "status" && !kStates.count(value))
      return Error::make(ErrorKind::Invalid, "there is no status `" + value + "`")
          .with_hint("created, running, paused, restarting, exited, dead");
  PsFilter filter;
  filter.filters_ = std::move(*filters);
  return filter;
}

std::vector<std::string> PsFilter::values(const std::string& key) const {
  std::vector<std::string> values;
  const auto [first, last] = filters_.equal_range(key);
  for (auto at = first; at != last; ++at) values.push_back(at->second);
  return values;
}

bool PsFilter::matches(const engine::ContainerState& state, const Facts& facts) const {
  if (!has_labels(state.spec.labels, filters_)) return false;
  for (auto at = filters_.begin(); at != filters_.end(); at = filters_.upper_bound(at->first)) {
    const std::string& key = at->first;
    const auto wanted = values(key);
    if (key != "label" && std::none_of(wanted.begin(), wanted.end(),
                                       [&](const std::string& value) { return matches_one(state, key, value, facts); }))
      return false;
  }
  return true;
}

}  // namespace berth::cli::docker
