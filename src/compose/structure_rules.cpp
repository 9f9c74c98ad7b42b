// What each structure must hold, which words its fields may be, and what it holds when the file says nothing.
#include <algorithm>
#include <cctype>

#include "berth/text/suggest.hpp"
#include "passes.hpp"

namespace berth::compose {

void LoadState::unknown_word(const Place& place, const std::string& word, const std::string& what,
                             const std::vector<std::string>& known) const {
  std::string all;
  for (const auto& one : known) all += (all.empty() ? "one of " : ", ") + one;
  const auto near = text::nearest(word, known);
  error(place, "`" + word + "` is no " + what, near ? "did you mean `" + *near + "`?" : all);
}

namespace {

void preset(Node& node, const char* key, Node value) {
  if (node.find(key)) return;
  value.place = node.place;
  node.set(key, std::move(value));
}

bool is_one_of(const std::vector<std::string>& known, const std::string& word) {
  return std::find(known.begin(), known.end(), word) != known.end();
}

void finish_grant(LoadState&, Node& node, const std::string& path) {
  const Node* source = node.find("source");
  if (!source || path.find(".secrets") == std::string::npos || path.find(".build.") != std::string::npos) return;
  preset(node, "target", Node::of("/run/secrets/" + source->text));
}

void finish_port(LoadState& state, Node& node, const std::string& path) {
  preset(node, "mode", Node::of("ingress"));
  preset(node, "protocol", Node::of("tcp"));
  if (!node.find("target")) state.error(node.place, "`" + path + "`: a port needs `target`");
}

void finish_dependency(LoadState& state, Node& node, const std::string& path) {
  preset(node, "required", Node::of(true));
  if (!node.find("condition"))
    state.error(node.place, "`" + path + "`: `condition` is missing", "condition: service_started");
}

void finish_env_file(LoadState&, Node& node, const std::string&) { preset(node, "required", Node::of(true)); }

void finish_gpu(LoadState& state, Node& node, const std::string& path) {
  if (node.find("count") && node.find("device_ids"))
    state.error(node.place, "`" + path + "`: `count` and `device_ids` exclude each other");
  if (!node.find("capabilities") && path.find(".deploy.") != std::string::npos)
    state.error(node.place, "`" + path + "`: `capabilities` is missing", "capabilities: [gpu]");
  if (!node.find("count") && !node.find("device_ids")) preset(node, "count", Node::of(std::int64_t{-1}));
}

void finish_ulimit(LoadState& state, Node& node, const std::string& path) {
  if (!node.find("soft") || !node.find("hard")) state.error(node.place, "`" + path + "` needs both `soft` and `hard`");
}

void finish_watch(LoadState& state, Node& node, const std::string& path) {
  static const std::vector<std::string> kActions = {"rebuild", "sync", "restart", "sync+restart", "sync+exec"};
  const Node* action = node.find("action");
  if (!action || !node.find("path")) return state.error(node.place, "`" + path + "` needs `path` and `action`");
  if (!is_one_of(kActions, action->text)) return state.unknown_word(action->place, action->text, "action", kActions);
  if (action->text.starts_with("sync") && !node.find("target"))
    state.error(node.place, "`" + path + "`: `" + action->text + "` needs a `target`");
}

bool is_container_name(const std::string& name) {
  return name.size() > 1 && std::isalnum(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '.' || c == '-'; });
}

// every_<duration> with Go's units, days and weeks: every_1d12h.
bool is_pull_policy(const std::string& text, const std::vector<std::string>& words) {
  if (!text.starts_with("every_")) return is_one_of(words, text);
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
  const auto given = [&](const char* key) {
    const Node* value = node.find(key);
    return value && value->tag == NodeTag::None && !value->text.empty() ? value : nullptr;
  };
  if (const Node* policy = given("pull_policy"); policy && !is_pull_policy(policy->text, kPolicies))
    state.unknown_word(policy->place, policy->text, "pull policy", kPolicies);
  static const std::vector<std::string> kCgroups = {"host", "private"};
  if (const Node* cgroup = given("cgroup"); cgroup && !is_one_of(kCgroups, cgroup->text))
    state.unknown_word(cgroup->place, cgroup->text, "cgroup namespace", kCgroups);
  if (const Node* score = node.find("oom_score_adj");
      score && score->is(NodeKind::Int) && (score->integer < -1000 || score->integer > 1000))
    state.error(score->place, "`oom_score_adj` must lie between -1000 and 1000");
  if (const Node* name = given("container_name"); name && !is_container_name(name->text))
    state.error(name->place, "`" + name->text + "` is no container name",
                "at least two of letters, digits and `_.-`, beginning with a letter or digit");
}

void finish_mount(LoadState& state, Node& node, const std::string& path) {
  static const std::vector<std::string> kTypes = {"bind", "volume", "tmpfs", "npipe", "cluster", "image"};
  const Node* type = node.find("type");
  if (!type) return state.error(node.place, "`" + path + "`: a volume in long form needs `type`");
  if (!is_one_of(kTypes, type->text)) return state.unknown_word(type->place, type->text, "type of a volume", kTypes);
  Node* target = node.find("target");
  if (!target) state.error(node.place, "`" + path + "`: a volume needs `target`");
  if (target && target->is_string() && target->text.starts_with('/')) target->text = absolute_path(target->text, "/");
  if (type->text != "bind") return;
  if (!node.find("source")) state.error(node.place, "`" + path + "`: a bind needs `source`");
  preset(node, "bind", Node::map());
  preset(*node.find("bind"), "create_host_path", Node::of(true));
}

// The form of old: `external: {name: X}`.
void finish_object(LoadState&, Node& node, const std::string&) {
  Node* external = node.find("external");
  if (!external || !external->is_map()) return;
  const Node* name = external->find("name");
  if (name && !node.find("name")) node.set("name", Node(*name));
  external = node.find("external");
  const Place place = external->place;
  *external = Node::of(true);
  external->place = place;
}

constexpr struct {
  std::string_view structure;
  void (*finish)(LoadState& state, Node& node, const std::string& path);
} kStructureRules[] = {
    {"service", finish_service}, {"grant", finish_grant},           {"port", finish_port},
    {"mount", finish_mount},     {"dependency", finish_dependency}, {"env_file", finish_env_file},
    {"gpu", finish_gpu},         {"ulimit", finish_ulimit},         {"watch", finish_watch},
    {"network", finish_object},  {"volume", finish_object},         {"secret", finish_object},
    {"config", finish_object},
};

}  // namespace

void finish_structure(LoadState& state, Node& node, const std::string& name, const std::string& path) {
  for (const auto& rule : kStructureRules)
    if (rule.structure == name) return rule.finish(state, node, path);
}

}  // namespace berth::compose
