// The canonical tree as the typed Project.
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <charconv>
#include <concepts>
#include <type_traits>

#include "berth/text/duration.hpp"
#include "passes.hpp"

namespace berth::compose {

namespace {

void read(const Node& value, std::string& out) { out = value.scalar_text(); }
void read(const Node& value, bool& out) { out = value.boolean; }
void read(const Node& value, double& out) { out = value.real; }
template <std::integral Number>
void read(const Node& value, Number& out) {
  out = static_cast<Number>(value.is(NodeKind::Float) ? static_cast<std::int64_t>(value.real) : value.integer);
}
template <std::integral Number>
void read(const Node& value, std::optional<Number>& out) {
  read(value, out.emplace());
}
void read(const Node& value, ByteSize& out) {
  std::from_chars(value.text.data(), value.text.data() + value.text.size(), out.bytes);
}
void read(const Node& value, std::optional<model::Duration>& out) { out = text::parse_duration(value.text); }
void read(const Node& value, std::vector<std::string>& out) {
  for (const auto& item : value.items) out.push_back(item.scalar_text());
}
void read(const Node& value, std::optional<std::vector<std::string>>& out) {  // a command: null is the image's
  if (!value.is_null()) read(value, out.emplace());
}
void read(const Node& value, model::StringMap& out) {
  for (const auto& [name, item] : value.fields) out[name] = item.scalar_text();
}
void read(const Node& value, std::map<std::string, std::optional<std::string>>& out) {
  for (const auto& [name, item] : value.fields)
    out[name] = item.is_null() ? std::nullopt : std::optional(item.scalar_text());
}
void read(const Node& value, std::map<std::string, std::vector<std::string>>& out) {  // "host=address"
  for (const auto& item : value.items) {
    const std::size_t equals = item.text.find('=');
    out[item.text.substr(0, equals)].push_back(item.text.substr(equals + 1));
  }
}

template <class Target>
concept Readable = requires(const Node& value, Target& target) {
  read(value, target);
};

// One field; what is absent leaves it alone.
template <class Target>
void read_field(const Node& node, const char* key, Target& target) {
  if (const Node* value = node.find(key)) read(*value, target);
}

// The fields of a struct that have the name and kind of a key; what has a form of its own is left to the caller.
template <class Struct>
void read_fields(const Node& node, Struct& out) {
  boost::mp11::mp_for_each<boost::describe::describe_members<Struct, boost::describe::mod_public>>([&](auto member) {
    if constexpr (Readable<std::remove_reference_t<decltype(out.*member.pointer)>>)
      read_field(node, member.name, out.*member.pointer);
  });
}

template <class Struct>
Struct from_fields(const Node& node) {
  Struct out;
  read_fields(node, out);
  return out;
}

std::string text_field(const Node& node, const char* key) {
  const Node* value = node.find(key);
  return value ? value->scalar_text() : std::string();
}

model::Port port_of(const Node& node) {
  auto port = from_fields<model::Port>(node);
  const std::string protocol = text_field(node, "protocol");
  port.protocol = protocol == "udp"    ? model::Protocol::Udp
                  : protocol == "sctp" ? model::Protocol::Sctp
                                       : model::Protocol::Tcp;
  return port;
}

// Nothing for the types that check_supported refuses.
std::optional<model::Mount> mount_of(const Node& node) {
  const std::string type = text_field(node, "type");
  if (type != "bind" && type != "volume" && type != "tmpfs") return std::nullopt;
  auto mount = from_fields<model::Mount>(node);
  mount.type = type == "bind"    ? model::MountType::Bind
               : type == "tmpfs" ? model::MountType::Tmpfs
                                 : model::MountType::Volume;
  if (const Node* bind = node.find("bind")) read_fields(*bind, mount);
  if (const Node* volume = node.find("volume")) {
    read_field(*volume, "nocopy", mount.no_copy);
    read_field(*volume, "subpath", mount.subpath);
  }
  if (const Node* tmpfs = node.find("tmpfs")) {
    read_field(*tmpfs, "size", mount.tmpfs_size);
    read_field(*tmpfs, "mode", mount.tmpfs_mode);
  }
  return mount;
}

std::vector<model::FileGrant> grants_of(const Node* list, const std::string& folder) {
  std::vector<model::FileGrant> grants;
  if (!list) return grants;
  for (const auto& node : list->items) {
    auto& grant = grants.emplace_back(from_fields<model::FileGrant>(node));
    if (grant.target.empty())
      grant.target = folder + grant.source;
    else if (!grant.target.starts_with('/'))
      grant.target = folder + grant.target;
    if (const Node* mode = node.find("mode"))
      std::from_chars(mode->text.data(), mode->text.data() + mode->text.size(), grant.mode.emplace(), 8);
  }
  return grants;
}

std::map<std::string, model::Ulimit> ulimits_of(const Node* limits) {
  std::map<std::string, model::Ulimit> out;
  if (!limits) return out;
  for (const auto& [name, limit] : limits->fields) {
    model::Ulimit& to = out[name];
    to.soft = to.hard = limit.integer;
    read_fields(limit, to);
  }
  return out;
}

model::Build build_of(const Node& node) {
  auto build = from_fields<model::Build>(node);
  build.secrets = grants_of(node.find("secrets"), "/run/secrets/");
  build.ulimits = ulimits_of(node.find("ulimits"));
  return build;
}

model::Healthcheck healthcheck_of(const Node& node) {
  auto check = from_fields<model::Healthcheck>(node);
  bool disabled = false;
  read_field(node, "disable", disabled);
  if (disabled) check.test = {"NONE"};
  return check;
}

model::RestartPolicy restart_of(LoadState& state, const Node& service) {
  model::RestartPolicy policy;
  const std::string text = text_field(service, "restart");
  if (text == "always") policy.mode = model::RestartMode::Always;
  if (text == "unless-stopped") policy.mode = model::RestartMode::UnlessStopped;
  if (text.starts_with("on-failure")) {
    policy.mode = model::RestartMode::OnFailure;
    const std::string count = text.size() > 11 ? text.substr(11) : "";
    const auto [end, failed] = std::from_chars(count.data(), count.data() + count.size(), policy.max_attempts);
    if (text.size() > 10 &&
        (text[10] != ':' || count.empty() || failed != std::errc() || end != count.data() + count.size()))
      state.warning(service.find("restart")->place, Code::RestartPolicy,
                    "`" + text + "` has no count that can be read, continuing without a limit", "write on-failure:3");
  }
  const Node* deploy = service.find("deploy");
  const Node* stated = deploy ? deploy->find("restart_policy") : nullptr;
  if (!stated) return policy;
  const std::string condition = text_field(*stated, "condition");
  policy.mode = condition == "none"         ? model::RestartMode::No
                : condition == "on-failure" ? model::RestartMode::OnFailure
                                            : model::RestartMode::Always;
  policy.max_attempts = 0;
  read_field(*stated, "max_attempts", policy.max_attempts);
  return policy;
}

void read_resources(const Node& node, model::Resources& out) {
  read_fields(node, out);
  const auto size = [](const Node& owner, const char* key, std::int64_t& bytes) {
    ByteSize read_size;
    read_field(owner, key, read_size);
    if (owner.find(key)) bytes = read_size.bytes;
  };
  size(node, "mem_limit", out.memory.bytes);
  size(node, "mem_reservation", out.memory_reservation.bytes);
  if (node.find("memswap_limit")) size(node, "memswap_limit", out.memory_swap.emplace());
  if (std::int64_t swappiness = -1; size(node, "mem_swappiness", swappiness), swappiness >= 0)
    out.memory_swappiness = static_cast<int>(swappiness);
  read_field(node, "pids_limit", out.pids);
  const Node* deploy = node.find("deploy");
  const Node* resources = deploy ? deploy->find("resources") : nullptr;
  if (!resources) return;
  if (const Node* limits = resources->find("limits")) {
    read_field(*limits, "memory", out.memory);
    read_field(*limits, "cpus", out.cpus);
    read_field(*limits, "pids", out.pids);
  }
  if (const Node* reservations = resources->find("reservations"))
    read_field(*reservations, "memory", out.memory_reservation);
}

void read_confinement(const Node& node, model::Confinement& out) {
  read_fields(node, out);
  if (const Node* devices = node.find("devices"))
    for (const auto& device : devices->items) {
      auto& mapping = out.devices.emplace_back(from_fields<model::DeviceMapping>(device));
      if (mapping.permissions.empty()) mapping.permissions = "rwm";
    }
  out.ulimits = ulimits_of(node.find("ulimits"));
}

void read_relations(const Node& node, model::Service& service) {
  if (const Node* networks = node.find("networks"))
    for (const auto& [key, attachment] : networks->fields)
      service.networks[key] = from_fields<model::NetworkAttachment>(attachment);
  const Node* needs = node.find("depends_on");
  if (!needs) return;
  for (const auto& [key, how] : needs->fields) {
    auto& to = service.depends_on[key] = from_fields<model::Dependency>(how);
    const std::string condition = text_field(how, "condition");
    if (condition == "service_healthy") to.condition = model::DependencyCondition::Healthy;
    if (condition == "service_completed_successfully") to.condition = model::DependencyCondition::CompletedSuccessfully;
  }
}

std::vector<model::Hook> hooks_of(const Node* list) {
  std::vector<model::Hook> hooks;
  if (!list) return hooks;
  for (const auto& node : list->items) hooks.push_back(from_fields<model::Hook>(node));
  return hooks;
}

void collect_spans(const LoadState& state, const Node& node, const std::string& path,
                   std::map<std::string, text::Span>& spans) {
  for (std::size_t i = 0; i < node.items.size(); ++i)
    spans[path + "." + std::to_string(i)] = state.span(node.items[i].place);
  if (path.find('.') != std::string::npos) return;
  for (const auto& [key, value] : node.fields) {
    const std::string below = path.empty() ? key : path + "." + key;
    spans[below] = state.span(value.place);
    collect_spans(state, value, below, spans);
  }
}

model::Service service_of(LoadState& state, const std::string& name, const Node& node, const Place& key_place) {
  auto service = from_fields<model::Service>(node);
  service.name = ServiceName(name);
  service.span = state.span(key_place);
  collect_spans(state, node, "", service.spans);
  if (const Node* build = node.find("build")) service.build = build_of(*build);
  read_relations(node, service);
  if (const Node* ports = node.find("ports"))
    for (const auto& port : ports->items) service.ports.push_back(port_of(port));
  if (const Node* volumes = node.find("volumes"))
    for (const auto& volume : volumes->items) {
      if (auto mount = mount_of(volume)) service.volumes.push_back(std::move(*mount));
    }
  service.secrets = grants_of(node.find("secrets"), "/run/secrets/");
  service.configs = grants_of(node.find("configs"), "/");
  if (const Node* check = node.find("healthcheck")) service.healthcheck = healthcheck_of(*check);
  service.restart = restart_of(state, node);
  read_confinement(node, service.confinement);
  read_resources(node, service.resources);
  if (const Node* logging = node.find("logging")) service.logging = from_fields<model::Logging>(*logging);
  service.post_start = hooks_of(node.find("post_start"));
  service.pre_stop = hooks_of(node.find("pre_stop"));
  if (const Node* deploy = node.find("deploy"); deploy && !node.find("scale"))
    read_field(*deploy, "replicas", service.scale);
  return service;
}

model::Network network_of(const Node& node) {
  auto network = from_fields<model::Network>(node);
  const Node* ipam = node.find("ipam");
  if (!ipam) return network;
  read_field(*ipam, "driver", network.ipam_driver);
  if (const Node* pools = ipam->find("config"))
    for (const auto& pool : pools->items) network.ipam.push_back(from_fields<model::IpamPool>(pool));
  return network;
}

model::FileObject file_object_of(const LoadState& state, const Node& node) {
  auto object = from_fields<model::FileObject>(node);
  if (const Node* content = node.find("content")) object.content = content->scalar_text();
  if (const auto found = state.variables.find(object.environment);
      !object.environment.empty() && found != state.variables.end())
    object.content = found->second;
  return object;
}

}  // namespace

model::Project to_project(LoadState& state, const Node& tree) {
  model::Project project;
  const auto each = [&](const char* kind, auto&& take) {
    if (const Node* objects = tree.find(kind))
      for (std::size_t i = 0; i < objects->fields.size(); ++i)
        take(objects->fields[i].first, objects->fields[i].second, objects->key_places[i]);
  };
  each("services", [&](const std::string& key, const Node& node, const Place& place) {
    project.services[key] = service_of(state, key, node, place);
  });
  each("networks",
       [&](const std::string& key, const Node& node, const Place&) { project.networks[key] = network_of(node); });
  each("volumes", [&](const std::string& key, const Node& node, const Place&) {
    project.volumes[key] = from_fields<model::Volume>(node);
  });
  each("secrets", [&](const std::string& key, const Node& node, const Place&) {
    project.secrets[key] = file_object_of(state, node);
  });
  each("configs", [&](const std::string& key, const Node& node, const Place&) {
    project.configs[key] = file_object_of(state, node);
  });
  return project;
}

}  // namespace berth::compose
