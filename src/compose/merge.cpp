// Merging canonical documents: maps recursively, lists appended and made unique by a key, scalars replaced.
#include <algorithm>

#include "passes.hpp"

namespace berth::compose {

namespace {

std::string field_text(const Node& node, const char* key) {
  const Node* value = node.find(key);
  return value ? value->scalar_text() : std::string();
}

std::string whole_value(const Node& item) { return item.scalar_text(); }
std::string before_equals(const Node& item) { return item.text.substr(0, item.text.find('=')); }
std::string by_target(const Node& item) { return field_text(item, "target"); }
std::string by_path(const Node& item) { return field_text(item, "path"); }
std::string by_subnet(const Node& item) { return field_text(item, "subnet"); }
std::string by_grant(const Node& item) {
  return item.find("target") ? field_text(item, "target") : field_text(item, "source");
}
std::string by_port(const Node& item) {
  return field_text(item, "host_ip") + ":" + field_text(item, "published") + ":" + field_text(item, "target") + "/" +
         field_text(item, "protocol");
}

struct ListRule {
  std::string_view key;
  std::string (*identity)(const Node&);
};
// Lists that are not named here keep all elements.
constexpr ListRule kListRules[] = {
    {"ports", by_port},        {"volumes", by_target},   {"devices", by_target},       {"configs", by_grant},
    {"secrets", by_grant},     {"env_file", by_path},    {"config", by_subnet},        {"expose", whole_value},
    {"dns", whole_value},      {"dns_opt", whole_value}, {"dns_search", whole_value},  {"cap_add", whole_value},
    {"cap_drop", whole_value}, {"links", before_equals}, {"tmpfs", before_equals},     {"profiles", whole_value},
    {"tags", whole_value},     {"aliases", whole_value}, {"extra_hosts", whole_value}, {"label_file", whole_value},
};

bool replaces_whole(const std::string& key) { return key == "command" || key == "entrypoint" || key == "test"; }

void make_unique(Node& list, const std::string& key) {
  const auto rule =
      std::find_if(std::begin(kListRules), std::end(kListRules), [&](const ListRule& r) { return r.key == key; });
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
      items[at->second] = std::move(item);
  }
  list.items = std::move(items);
}

void merge_value(Node& base, Node over, const std::string& key);

void merge_maps(Node& base, Node over) {
  for (std::size_t i = 0; i < over.fields.size(); ++i) {
    auto& [key, value] = over.fields[i];
    if (value.tag == NodeTag::Reset) {
      base.erase(key);
    } else if (Node* mine = base.find(key)) {
      merge_value(*mine, std::move(value), key);
    } else {
      base.set(key, std::move(value), over.key_places[i]);
    }
  }
}

// Options of two log drivers do not mix.
void merge_logging(Node& base, Node over) {
  const Node* mine = base.find("driver");
  const Node* theirs = over.find("driver");
  if (mine && theirs && mine->text != theirs->text)
    base = std::move(over);
  else
    merge_maps(base, std::move(over));
}

void merge_value(Node& base, Node over, const std::string& key) {
  if (over.tag == NodeTag::Override || replaces_whole(key)) {
    base = std::move(over);
  } else if (base.is_map() && over.is_map()) {
    if (key == "logging")
      merge_logging(base, std::move(over));
    else if (key == "ulimits")
      for (auto& [name, limit] : over.fields) base.set(name, std::move(limit));
    else
      merge_maps(base, std::move(over));
  } else if (base.is_list() && over.is_list()) {
    for (auto& item : over.items) base.items.push_back(std::move(item));
    make_unique(base, key);
  } else if (!over.is_null()) {
    base = std::move(over);
  }
}

void unique_lists(Node& node) {
  for (auto& [key, value] : node.fields) {
    if (value.is_list())
      make_unique(value, key);
    else if (value.is_map() && key != "environment" && key != "labels")
      unique_lists(value);
  }
}

}  // namespace

void merge(Node& base, Node over) {
  if (Node* services = over.find("services"); services && services->is_map())
    for (auto& [name, service] : services->fields) unique_lists(service);
  // A key without a value in `environment` is a statement ("from the shell"), so it wins over a value.
  if (Node* services = over.find("services"); services && services->is_map()) {
    if (Node* mine = base.find("services"); mine && mine->is_map())
      for (auto& [name, service] : services->fields) {
        Node* before = mine->find(name);
        const Node* environment = service.find("environment");
        Node* old = before ? before->find("environment") : nullptr;
        if (!environment || !old) continue;
        for (const auto& [key, value] : environment->fields)
          if (value.is_null() && value.tag == NodeTag::None)
            if (Node* held = old->find(key)) *held = value;
      }
  }
  if (base.is_null()) base = Node::map();
  merge_maps(base, std::move(over));
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
