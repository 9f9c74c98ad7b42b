// What the table of structures cannot say: what a structure holds when its file says nothing (preset_structure, on each
// file), and which of its fields contradict each other (finish_structure, on the merged model).
#include <algorithm>
#include <cctype>

#include "passes.hpp"

namespace berth::compose {

namespace {

void preset(LoadState& state, Node& node, const char* key, Node value) {
  if (node.find(key)) return;
  value.place = node.place;
  if (!state.options.explain.empty()) {
    Origin implied;
    implied.kind = Origin::Kind::Implied;
    implied.place = node.place;
    implied.place.origin = 0;
    implied.text = "it is not written there: this is the default";
    state.step(value.place, std::move(implied));
  }
  node.set(key, std::move(value));
}

void preset_grant(LoadState& state, Node& node, const std::string& path) {
  const Node* source = node.find("source");
  if (!source || path.find(".secrets") == std::string::npos || path.find(".build.") != std::string::npos) return;
  preset(state, node, "target", Node::of("/run/secrets/" + source->text));
}

void preset_port(LoadState& state, Node& node, const std::string&) {
  preset(state, node, "mode", Node::of("ingress"));
  preset(state, node, "protocol", Node::of("tcp"));
}

void preset_env_file(LoadState& state, Node& node, const std::string&) {
  preset(state, node, "required", Node::of(true));
}

void preset_mount(LoadState& state, Node& node, const std::string&) {
  Node* target = node.find("target");
  if (target && target->is_string() && !target->text.empty()) target->text = clean_path(target->text);
  const Node* type = node.find("type");
  if (!type || type->text != "bind") return;
  preset(state, node, "bind", Node::map());
  preset(state, *node.find("bind"), "create_host_path", Node::of(true));
}

// Compat: who counts none and names none wants all.
void preset_gpu(LoadState& state, Node& node, const std::string&) {
  if (!node.find("count") && !node.find("device_ids")) preset(state, node, "count", Node::of(std::int64_t{-1}));
}

// The form of old: `external: {name: X}`.
void preset_object(LoadState&, Node& node, const std::string&) {
  Node* external = node.find("external");
  if (!external || !external->is_map()) return;
  const Node* name = external->find("name");
  if (name && !node.find("name")) node.set("name", Node(*name));
  external = node.find("external");
  const Place place = external->place;
  *external = Node::of(true);
  external->place = place;
}

void finish_port(LoadState& state, Node& node, const std::string& path) {
  if (const Node* ip = node.find("host_ip"); ip && ip->is_string() && !is_ip_address(ip->text))
    state.error(ip->place, Code::BadPort, "`" + path + "`: `" + ip->text + "` is not an IP address",
                "127.0.0.1 is this machine alone");
}

void finish_dependency(LoadState& state, Node& node, const std::string&) {
  preset(state, node, "required", Node::of(true));
}

void finish_gpu(LoadState& state, Node& node, const std::string& path) {
  if (node.find("count") && node.find("device_ids"))
    state.error(head_of(node), Code::ExclusiveKeys, "`" + path + "`: `count` and `device_ids` exclude each other",
                "remove one of the two");
  if (!node.find("capabilities") && path.find(".deploy.") != std::string::npos)
    state.error(head_of(node), Code::MissingKey, "`" + path + "`: `capabilities` is missing", "capabilities: [gpu]");
}

void finish_watch(LoadState& state, Node& node, const std::string& path) {
  const Node* action = node.find("action");
  const Node* target = node.find("target");
  if (action && action->text.starts_with("sync") && (!target || target->text.empty()))
    state.error(head_of(node), Code::MissingKey, "`" + path + "`: `" + action->text + "` needs a `target`",
                "target: /path/in/the/container");
}

void finish_mount(LoadState& state, Node& node, const std::string& path) {
  const Node* type = node.find("type");
  if (type && type->text == "bind" && !node.find("source"))
    state.error(head_of(node), Code::MissingKey, "`" + path + "`: a bind needs `source`",
                "source: ./path/on/this/machine");
}

bool is_container_name(const std::string& name) {
  return name.size() > 1 && std::isalnum(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '.' || c == '-'; });
}

// Compat: docker compose looks for a name anywhere in the text, and the engine refuses the rest.
bool holds_container_name(const std::string& name) {
  for (std::size_t i = 0; i + 1 < name.size(); ++i)
    if (is_container_name(name.substr(i, 2))) return true;
  return false;
}

// every_<duration> with Go's units, days and weeks: every_1d12h.
bool is_pull_policy(const std::string& text, const std::vector<std::string>& words) {
  if (!text.starts_with("every_")) return std::find(words.begin(), words.end(), text) != words.end();
  bool digits = false, unit = false;
  for (const char c : text.substr(6)) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c));
    if (!digit && (!digits || std::string_view("wdhms").find(c) == std::string_view::npos)) return false;
    unit = !digit;
    digits = digit;
  }
  return unit;
}

void finish_service(LoadState& state, Node& node, const std::string&) {
  static const std::vector<std::string> kPolicies = {"always", "never",     "missing",        "build",  "daily",
                                                     "weekly", "every_12h", "if_not_present", "refresh"};
  if (const Node* policy = node.find("pull_policy"); policy && !is_pull_policy(policy->text, kPolicies))
    state.unknown_word(policy->place, policy->text, "pull policy", kPolicies);
  const Node* name = node.find("container_name");
  if (!name || is_container_name(name->text)) return;
  const std::string message = "`" + name->text + "` is no container name";
  const std::string hint = "at least two of letters, digits and `_.-`, beginning with a letter or digit";
  if (state.options.purpose == Purpose::Show && holds_container_name(name->text))
    state.warning(name->place, Code::ContainerName, message + ": no container can be made of this service", hint);
  else
    state.error(name->place, Code::ContainerName, message, hint);
}

struct StructureRule {
  std::string_view structure;
  void (*apply)(LoadState& state, Node& node, const std::string& path);
};

constexpr StructureRule kPresets[] = {
    {"grant", preset_grant},   {"port", preset_port},     {"env_file", preset_env_file},
    {"mount", preset_mount},   {"gpu", preset_gpu},       {"network", preset_object},
    {"volume", preset_object}, {"secret", preset_object}, {"config", preset_object},
};

constexpr StructureRule kFinishes[] = {
    {"service", finish_service},       {"port", finish_port}, {"mount", finish_mount},
    {"dependency", finish_dependency}, {"gpu", finish_gpu},   {"watch", finish_watch},
};

}  // namespace

void preset_structure(LoadState& state, Node& node, const std::string& name, const std::string& path) {
  for (const auto& rule : kPresets)
    if (rule.structure == name) return rule.apply(state, node, path);
}

void finish_structure(LoadState& state, Node& node, const std::string& name, const std::string& path) {
  for (const auto& rule : kFinishes)
    if (rule.structure == name) return rule.apply(state, node, path);
}

}  // namespace berth::compose
