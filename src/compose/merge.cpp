// Merging canonical documents: maps recursively, lists appended and made unique by a key, scalars replaced.
#include <algorithm>

#include "field_index.hpp"
#include "passes.hpp"

namespace berth::compose {

namespace {

std::string field_text(const Node& node, const char* key) {
  const Node* value = node.find(key);
  return value ? value->scalar_text() : std::string();
}

std::string whole_value(const Node& item) { return item.scalar_text(); }
std::string before_equals(const Node& item) { return item.text.substr(0, item.text.find('=')); }
std::string host_ip(const Node& port) { return port.find("host_ip") ? field_text(port, "host_ip") : "0.0.0.0"; }
std::string by_target(const Node& item) { return field_text(item, "target"); }
std::string by_path(const Node& item) { return field_text(item, "path"); }
std::string by_subnet(const Node& item) { return field_text(item, "subnet"); }
std::string by_grant(const Node& item) {
  return item.find("target") ? field_text(item, "target") : "/" + field_text(item, "source");
}
std::string by_port(const Node& item) {
  return host_ip(item) + ":" + field_text(item, "published") + ":" + field_text(item, "target") + "/" +
         field_text(item, "protocol");
}

struct ListRule {
  std::string_view path;  // `*` is any name
  std::string (*identity)(const Node&);
};
// Lists that are not named here keep all elements.
constexpr ListRule kListRules[] = {
    {"services.*.ports", by_port},
    {"services.*.volumes", by_target},
    {"services.*.devices", by_target},
    {"services.*.configs", by_grant},
    {"services.*.secrets", by_grant},
    {"services.*.env_file", by_path},
    {"services.*.expose", whole_value},
    {"services.*.dns", before_equals},
    {"services.*.dns_opt", before_equals},
    {"services.*.dns_search", before_equals},
    {"services.*.cap_add", before_equals},
    {"services.*.cap_drop", before_equals},
    {"services.*.links", before_equals},
    {"services.*.tmpfs", before_equals},
    {"services.*.profiles", before_equals},
    {"services.*.extra_hosts", whole_value},
    {"services.*.build.extra_hosts", whole_value},
    {"services.*.build.tags", before_equals},
    {"services.*.networks.*.aliases", before_equals},
    {"services.*.networks.*.link_local_ips", before_equals},
};

// Where in the document a merge stands: the names of services and the like count as `*`.
std::string below(const std::string& path, const std::string& key) {
  static constexpr std::string_view kNamed[] = {"services", "networks", "volumes",
                                                "secrets",  "configs",  "services.*.networks"};
  const bool name = std::find(std::begin(kNamed), std::end(kNamed), path) != std::end(kNamed);
  return path.empty() ? key : path + "." + (name ? "*" : key);
}

bool replaces_whole(std::string_view path) {
  return path == "services.*.command" || path == "services.*.entrypoint" || path == "services.*.healthcheck.test" ||
         path.starts_with("services.*.provider.options.");
}

void make_unique(LoadState& state, Node& list, const std::string& path) {
  const auto rule =
      std::find_if(std::begin(kListRules), std::end(kListRules), [&](const ListRule& r) { return r.path == path; });
  if (rule == std::end(kListRules)) return;
  std::map<std::string, std::size_t> seen;
  std::vector<Node> items;
  for (auto& item : list.items) {
    if (!item.is_map() && (rule->identity == by_target || rule->identity == by_port || rule->identity == by_grant))
      return;
    const auto [at, fresh] = seen.emplace(rule->identity(item), items.size());
    if (fresh)
      items.push_back(std::move(item));
    else
      state.take_over(items[at->second], std::move(item));
  }
  list.items = std::move(items);
}

void merge_value(LoadState& state, Node& base, Node over, const std::string& path);

void merge_maps(LoadState& state, Node& base, Node over, const std::string& path) {
  FieldIndex known(base);
  std::vector<std::string> taken_away;
  for (std::size_t i = 0; i < over.fields.size(); ++i) {
    auto& [key, value] = over.fields[i];
    Node* mine = known.find(key);
    if (path == "services") state.merging = key;
    if (value.tag == NodeTag::Reset) {
      if (!mine) continue;
      std::string at = below(path, key);
      if (const std::size_t star = at.find('*'); star != std::string::npos) at.replace(star, 1, state.merging);
      state.taken_away[at] = {over.key_places[i], mine->place};
      taken_away.push_back(std::move(key));
    } else if (mine) {
      merge_value(state, *mine, std::move(value), below(path, key));
    } else {
      known.add(std::move(key), std::move(value), over.key_places[i]);
    }
  }
  for (const auto& key : taken_away) base.erase(key);
}

// Options of two log drivers do not mix.
void merge_logging(LoadState& state, Node& base, Node over, const std::string& path) {
  const Node* mine = base.find("driver");
  const Node* theirs = over.find("driver");
  if (mine && theirs && mine->text != theirs->text)
    state.take_over(base, std::move(over));
  else
    merge_maps(state, base, std::move(over), path);
}

// Compat: the later file's pools are what remains; each takes over what the earlier file says of the same subnet.
void merge_pools(LoadState& state, Node& base, Node over, const std::string& path) {
  for (auto& pool : over.items)
    for (auto& earlier : base.items)
      if (by_subnet(earlier) == by_subnet(pool)) {
        Node merged = std::move(earlier);
        merge_maps(state, merged, std::move(pool), path);
        pool = std::move(merged);
        break;
      }
  base.items = std::move(over.items);
}

void merge_value(LoadState& state, Node& base, Node over, const std::string& path) {
  if (base.tag == NodeTag::Reset) {  // what it took away stays away; what comes after it counts
    base = std::move(over);
    base.tag = NodeTag::Override;
  } else if (over.tag == NodeTag::Override || replaces_whole(path)) {
    if (over.is_scalar() || !base.place.file) return state.take_over(base, std::move(over));
    state.derive(over, Origin::Kind::Overrides, base.place, "it overrides what is given here");
    base = std::move(over);
  } else if (base.is_map() && over.is_map()) {
    if (path == "services.*.logging")
      merge_logging(state, base, std::move(over), path);
    else if (path == "services.*.ulimits")
      for (std::size_t i = 0; i < over.fields.size(); ++i) {
        auto& [name, limit] = over.fields[i];
        if (Node* mine = base.find(name))
          state.take_over(*mine, std::move(limit));
        else
          base.set(name, std::move(limit), over.key_places[i]);
      }
    else
      merge_maps(state, base, std::move(over), path);
  } else if (base.is_list() && over.is_list()) {
    if (path == "networks.*.ipam.config") return merge_pools(state, base, std::move(over), path);
    for (auto& item : over.items) base.items.push_back(std::move(item));
    make_unique(state, base, path);
  } else if (!over.is_null()) {
    if ((base.is_map() || base.is_list()) && path.find("x-") != std::string::npos)
      return state.error_beside(over.place, Code::WrongType,
                                "`" + path + "` must be " + (base.is_map() ? "a map" : "a list") + ", as it was before",
                                "write `!override` before it to replace the whole", base.place, "it is given here");
    state.take_over(base, std::move(over));
  }
}

// Whether lists with a rule stand somewhere below.
bool has_list_rules(std::string_view path) {
  static constexpr std::string_view kAbove[] = {"services", "services.*", "services.*.build", "services.*.networks",
                                                "services.*.networks.*"};
  return std::find(std::begin(kAbove), std::end(kAbove), path) != std::end(kAbove);
}

// A key without a value is a statement there ("from the shell"), so it wins over a value.
void take_names(LoadState& state, Node* base, const Node* over) {
  if (!base || !over) return;
  FieldIndex known(*base);
  for (const auto& [key, value] : over->fields)
    if (value.is_null() && value.tag == NodeTag::None)
      if (Node* held = known.find(key)) state.take_over(*held, value);
}

void unique_lists(LoadState& state, Node& node, const std::string& path) {
  if (!has_list_rules(path)) return;
  for (auto& [key, value] : node.fields) {
    if (value.is_list() && value.items.size() > 1)
      make_unique(state, value, below(path, key));
    else if (value.is_map())
      unique_lists(state, value, below(path, key));
  }
}

}  // namespace

void merge(LoadState& state, Node& base, Node over) {
  if (Node* services = over.find("services")) unique_lists(state, *services, "services");
  if (Node* services = over.find("services"); services && services->is_map()) {
    if (Node* mine = base.find("services"); mine && mine->is_map()) {
      FieldIndex earlier(*mine);
      for (auto& [name, service] : services->fields) {
        Node* before = earlier.find(name);
        if (!before) continue;
        take_names(state, before->find("environment"), service.find("environment"));
        if (Node* old = before->find("build"), *build = service.find("build"); old && build)
          take_names(state, old->find("args"), build->find("args"));
      }
    }
  }
  if (base.is_null()) base = Node::map();
  merge_maps(state, base, std::move(over), "");
}

void strip_tags(Node& node) {
  node.tag = NodeTag::None;
  std::erase_if(node.items, [](const Node& item) { return item.tag == NodeTag::Reset; });
  for (auto& item : node.items) strip_tags(item);
  for (std::size_t i = node.fields.size(); i-- > 0;) {
    if (node.fields[i].second.tag == NodeTag::Reset) {
      node.fields.erase(node.fields.begin() + static_cast<std::ptrdiff_t>(i));
      node.key_places.erase(node.key_places.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      strip_tags(node.fields[i].second);
    }
  }
}

}  // namespace berth::compose
