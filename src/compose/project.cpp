// The canonical tree as the typed Project.
#include <charconv>

#include "berth/text/duration.hpp"
#include "passes.hpp"

namespace berth::compose {

namespace {

// Reads one map of the tree into typed fields; what is absent leaves the field alone.
class Reader {
 public:
  explicit Reader(const Node& node) : node_(node) {}

  const Node* at(const char* key) const { return node_.find(key); }
  void text(const char* key, std::string& out) const {
    if (const Node* value = at(key)) out = value->scalar_text();
  }
  void flag(const char* key, bool& out) const {
    if (const Node* value = at(key)) out = value->boolean;
  }
  template <class Number>
  void number(const char* key, Number& out) const {
    if (const Node* value = at(key))
      out = static_cast<Number>(value->is(NodeKind::Float) ? static_cast<std::int64_t>(value->real) : value->integer);
  }
  template <class Number>
  void maybe_number(const char* key, std::optional<Number>& out) const {
    if (at(key)) number(key, out.emplace());
  }
  void real(const char* key, double& out) const {
    if (const Node* value = at(key)) out = value->real;
  }
  void bytes(const char* key, std::int64_t& out) const {
    if (const Node* value = at(key)) std::from_chars(value->text.data(), value->text.data() + value->text.size(), out);
  }
  void duration(const char* key, std::optional<model::Duration>& out) const {
    if (const Node* value = at(key)) out = text::parse_duration(value->text);
  }
  void texts(const char* key, std::vector<std::string>& out) const {
    if (const Node* value = at(key))
      for (const auto& item : value->items) out.push_back(item.scalar_text());
  }
  void pairs(const char* key, model::StringMap& out) const {
    if (const Node* value = at(key))
      for (const auto& [name, item] : value->fields) out[name] = item.scalar_text();
  }
  void maybe_pairs(const char* key, std::map<std::string, std::optional<std::string>>& out) const {
    if (const Node* value = at(key))
      for (const auto& [name, item] : value->fields)
        out[name] = item.is_null() ? std::nullopt : std::optional(item.scalar_text());
  }
  void hosts(const char* key, std::map<std::string, std::vector<std::string>>& out) const {
    if (const Node* value = at(key))
      for (const auto& item : value->items) {
        const std::size_t equals = item.text.find('=');
        out[item.text.substr(0, equals)].push_back(item.text.substr(equals + 1));
      }
  }
  void command(const char* key, std::optional<std::vector<std::string>>& out) const {
    if (const Node* value = at(key); value && !value->is_null()) texts(key, out.emplace());
  }

 private:
  const Node& node_;
};

model::Port port_of(const Node& node) {
  const Reader from(node);
  model::Port port;
  from.number("target", port.target);
  from.text("published", port.published);
  from.text("host_ip", port.host_ip);
  from.text("name", port.name);
  std::string protocol;
  from.text("protocol", protocol);
  port.protocol = protocol == "udp"    ? model::Protocol::Udp
                  : protocol == "sctp" ? model::Protocol::Sctp
                                       : model::Protocol::Tcp;
  return port;
}

// Nothing for types that a single host has no use for (npipe, cluster, image): the caller refuses them.
// Nothing for the types that check_supported refuses.
std::optional<model::Mount> mount_of(const Node& node) {
  const Reader from(node);
  model::Mount mount;
  std::string type;
  from.text("type", type);
  if (type != "bind" && type != "volume" && type != "tmpfs") return std::nullopt;
  mount.type = type == "bind"    ? model::MountType::Bind
               : type == "tmpfs" ? model::MountType::Tmpfs
                                 : model::MountType::Volume;
  from.text("source", mount.source);
  from.text("target", mount.target);
  from.flag("read_only", mount.read_only);
  if (const Node* bind = from.at("bind")) {
    Reader(*bind).flag("create_host_path", mount.create_host_path);
    Reader(*bind).text("propagation", mount.propagation);
  }
  if (const Node* volume = from.at("volume")) {
    Reader(*volume).flag("nocopy", mount.no_copy);
    Reader(*volume).text("subpath", mount.subpath);
  }
  if (const Node* tmpfs = from.at("tmpfs")) {
    Reader(*tmpfs).bytes("size", mount.tmpfs_size.bytes);
    Reader(*tmpfs).number("mode", mount.tmpfs_mode);
  }
  return mount;
}

std::vector<model::FileGrant> grants_of(const Node* list, const std::string& folder) {
  std::vector<model::FileGrant> grants;
  if (!list) return grants;
  for (const auto& node : list->items) {
    model::FileGrant grant;
    const Reader from(node);
    from.text("source", grant.source);
    from.text("target", grant.target);
    if (grant.target.empty())
      grant.target = folder + grant.source;
    else if (!grant.target.starts_with('/'))
      grant.target = folder + grant.target;
    from.text("uid", grant.uid);
    from.text("gid", grant.gid);
    if (const Node* mode = from.at("mode"))
      std::from_chars(mode->text.data(), mode->text.data() + mode->text.size(), grant.mode.emplace(), 8);
    grants.push_back(std::move(grant));
  }
  return grants;
}

model::Build build_of(const Node& node) {
  const Reader from(node);
  model::Build build;
  from.text("context", build.context);
  from.text("dockerfile", build.dockerfile);
  from.text("dockerfile_inline", build.dockerfile_inline);
  from.maybe_pairs("args", build.args);
  from.text("target", build.target);
  from.pairs("labels", build.labels);
  from.texts("tags", build.tags);
  from.texts("platforms", build.platforms);
  from.texts("cache_from", build.cache_from);
  from.texts("cache_to", build.cache_to);
  from.pairs("additional_contexts", build.additional_contexts);
  from.hosts("extra_hosts", build.extra_hosts);
  build.secrets = grants_of(from.at("secrets"), "/run/secrets/");
  from.texts("ssh", build.ssh);
  from.text("network", build.network);
  from.bytes("shm_size", build.shm_size.bytes);
  from.flag("no_cache", build.no_cache);
  from.flag("pull", build.pull);
  from.flag("privileged", build.privileged);
  return build;
}

model::Healthcheck healthcheck_of(const Node& node) {
  const Reader from(node);
  model::Healthcheck check;
  from.texts("test", check.test);
  from.duration("interval", check.interval);
  from.duration("timeout", check.timeout);
  from.duration("start_period", check.start_period);
  from.duration("start_interval", check.start_interval);
  from.maybe_number("retries", check.retries);
  bool disabled = false;
  from.flag("disable", disabled);
  if (disabled) check.test = {"NONE"};
  return check;
}

model::RestartPolicy restart_of(LoadState& state, const Reader& service) {
  model::RestartPolicy policy;
  std::string text;
  service.text("restart", text);
  if (text == "always") policy.mode = model::RestartMode::Always;
  if (text == "unless-stopped") policy.mode = model::RestartMode::UnlessStopped;
  if (text.starts_with("on-failure")) {
    policy.mode = model::RestartMode::OnFailure;
    const std::string count = text.size() > 11 ? text.substr(11) : "";
    const auto [end, failed] = std::from_chars(count.data(), count.data() + count.size(), policy.max_attempts);
    if (text.size() > 10 &&
        (text[10] != ':' || count.empty() || failed != std::errc() || end != count.data() + count.size()))
      state.warning(service.at("restart")->place,
                    "`" + text + "` has no count that can be read, continuing without a limit", "write on-failure:3");
  }
  const Node* deploy = service.at("deploy");
  const Node* stated = deploy ? deploy->find("restart_policy") : nullptr;
  if (!stated) return policy;
  const Reader from(*stated);
  std::string condition = "any";
  from.text("condition", condition);
  policy.mode = condition == "none"         ? model::RestartMode::No
                : condition == "on-failure" ? model::RestartMode::OnFailure
                                            : model::RestartMode::Always;
  policy.max_attempts = 0;
  from.number("max_attempts", policy.max_attempts);
  return policy;
}

void read_resources(const Reader& from, model::Resources& out) {
  from.bytes("mem_limit", out.memory.bytes);
  from.bytes("mem_reservation", out.memory_reservation.bytes);
  if (from.at("memswap_limit")) from.bytes("memswap_limit", out.memory_swap.emplace());
  if (from.at("mem_swappiness")) {
    std::int64_t swappiness = 0;
    from.bytes("mem_swappiness", swappiness);
    out.memory_swappiness = static_cast<int>(swappiness);
  }
  from.real("cpus", out.cpus);
  from.number("cpu_shares", out.cpu_shares);
  from.number("cpu_quota", out.cpu_quota);
  from.number("cpu_period", out.cpu_period);
  from.text("cpuset", out.cpuset);
  from.maybe_number("pids_limit", out.pids);
  from.flag("oom_kill_disable", out.oom_kill_disable);
  const Node* deploy = from.at("deploy");
  const Node* resources = deploy ? deploy->find("resources") : nullptr;
  if (!resources) return;
  if (const Node* limits = resources->find("limits")) {
    Reader(*limits).bytes("memory", out.memory.bytes);
    Reader(*limits).real("cpus", out.cpus);
    Reader(*limits).maybe_number("pids", out.pids);
  }
  if (const Node* reservations = resources->find("reservations"))
    Reader(*reservations).bytes("memory", out.memory_reservation.bytes);
}

void read_confinement(const Reader& from, model::Confinement& out) {
  from.texts("cap_add", out.cap_add);
  from.texts("cap_drop", out.cap_drop);
  from.texts("security_opt", out.security_opt);
  from.texts("group_add", out.group_add);
  from.texts("device_cgroup_rules", out.device_cgroup_rules);
  from.pairs("sysctls", out.sysctls);
  if (const Node* devices = from.at("devices"))
    for (const auto& node : devices->items) {
      model::DeviceMapping device;
      Reader(node).text("source", device.source);
      device.target = device.source;
      device.permissions = "rwm";
      Reader(node).text("target", device.target);
      Reader(node).text("permissions", device.permissions);
      out.devices.push_back(std::move(device));
    }
  if (const Node* limits = from.at("ulimits"))
    for (const auto& [name, node] : limits->fields) {
      model::Ulimit& limit = out.ulimits[name];
      limit.soft = limit.hard = node.integer;
      Reader(node).number("soft", limit.soft);
      Reader(node).number("hard", limit.hard);
    }
  from.text("ipc", out.ipc);
  from.text("pid", out.pid);
  from.text("uts", out.uts);
  from.text("userns_mode", out.userns_mode);
  from.text("cgroup", out.cgroup);
  from.text("cgroup_parent", out.cgroup_parent);
  from.text("runtime", out.runtime);
  from.bytes("shm_size", out.shm_size.bytes);
  from.maybe_number("oom_score_adj", out.oom_score_adj);
  from.flag("privileged", out.privileged);
  from.flag("read_only", out.read_only);
  from.flag("init", out.init);
}

void read_networks(const Reader& from, model::Service& service) {
  from.text("network_mode", service.network_mode);
  if (const Node* networks = from.at("networks"))
    for (const auto& [key, node] : networks->fields) {
      model::NetworkAttachment& to = service.networks[key];
      const Reader attachment(node);
      attachment.texts("aliases", to.aliases);
      attachment.text("ipv4_address", to.ipv4_address);
      attachment.text("ipv6_address", to.ipv6_address);
      attachment.texts("link_local_ips", to.link_local_ips);
      attachment.text("mac_address", to.mac_address);
      attachment.text("interface_name", to.interface_name);
      attachment.pairs("driver_opts", to.driver_opts);
      attachment.number("priority", to.priority);
      attachment.number("gw_priority", to.gw_priority);
    }
  if (const Node* needs = from.at("depends_on"))
    for (const auto& [key, node] : needs->fields) {
      model::Dependency& to = service.depends_on[key];
      std::string condition;
      Reader(node).text("condition", condition);
      to.condition = condition == "service_healthy"                  ? model::DependencyCondition::Healthy
                     : condition == "service_completed_successfully" ? model::DependencyCondition::CompletedSuccessfully
                                                                     : model::DependencyCondition::Started;
      Reader(node).flag("restart", to.restart);
      Reader(node).flag("required", to.required);
    }
}

std::vector<model::Hook> hooks_of(const Node* list) {
  std::vector<model::Hook> hooks;
  if (!list) return hooks;
  for (const auto& node : list->items) {
    model::Hook hook;
    const Reader from(node);
    from.texts("command", hook.command);
    from.text("user", hook.user);
    from.flag("privileged", hook.privileged);
    from.text("working_dir", hook.working_dir);
    from.maybe_pairs("environment", hook.environment);
    hooks.push_back(std::move(hook));
  }
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
  model::Service service;
  const Reader from(node);
  service.name = ServiceName(name);
  service.span = state.span(key_place);
  collect_spans(state, node, "", service.spans);
  from.text("image", service.image);
  if (const Node* build = from.at("build")) service.build = build_of(*build);
  from.text("pull_policy", service.pull_policy);
  from.text("platform", service.platform);
  from.text("container_name", service.container_name);
  from.command("command", service.command);
  from.command("entrypoint", service.entrypoint);
  from.maybe_pairs("environment", service.environment);
  from.pairs("labels", service.labels);
  from.pairs("annotations", service.annotations);
  read_networks(from, service);
  if (const Node* ports = from.at("ports"))
    for (const auto& port : ports->items) service.ports.push_back(port_of(port));
  from.texts("expose", service.expose);
  if (const Node* volumes = from.at("volumes"))
    for (const auto& volume : volumes->items) {
      if (auto mount = mount_of(volume)) service.volumes.push_back(std::move(*mount));
    }
  from.texts("volumes_from", service.volumes_from);
  from.texts("tmpfs", service.tmpfs);
  service.secrets = grants_of(from.at("secrets"), "/run/secrets/");
  service.configs = grants_of(from.at("configs"), "/");
  if (const Node* check = from.at("healthcheck")) service.healthcheck = healthcheck_of(*check);
  service.restart = restart_of(state, from);
  from.text("stop_signal", service.stop_signal);
  from.duration("stop_grace_period", service.stop_grace_period);
  from.text("user", service.user);
  from.text("working_dir", service.working_dir);
  from.text("hostname", service.hostname);
  from.text("domainname", service.domainname);
  from.text("mac_address", service.mac_address);
  from.hosts("extra_hosts", service.extra_hosts);
  from.texts("dns", service.dns);
  from.texts("dns_search", service.dns_search);
  from.texts("dns_opt", service.dns_opt);
  from.texts("links", service.links);
  from.texts("external_links", service.external_links);
  read_confinement(from, service.confinement);
  read_resources(from, service.resources);
  if (const Node* logging = from.at("logging")) {
    Reader(*logging).text("driver", service.logging.emplace().driver);
    Reader(*logging).pairs("options", service.logging->options);
  }
  service.post_start = hooks_of(from.at("post_start"));
  service.pre_stop = hooks_of(from.at("pre_stop"));
  from.texts("profiles", service.profiles);
  if (const Node* deploy = from.at("deploy")) Reader(*deploy).number("replicas", service.scale);
  from.number("scale", service.scale);
  from.flag("attach", service.attach);
  from.flag("stdin_open", service.stdin_open);
  from.flag("tty", service.tty);
  return service;
}

model::Network network_of(const Node& node) {
  const Reader from(node);
  model::Network network;
  from.text("name", network.name);
  from.text("driver", network.driver);
  from.pairs("driver_opts", network.driver_opts);
  from.flag("external", network.external);
  from.flag("internal", network.internal);
  from.flag("attachable", network.attachable);
  from.flag("enable_ipv4", network.enable_ipv4);
  from.flag("enable_ipv6", network.enable_ipv6);
  from.pairs("labels", network.labels);
  const Node* ipam = from.at("ipam");
  if (!ipam) return network;
  Reader(*ipam).text("driver", network.ipam_driver);
  if (const Node* pools = ipam->find("config"))
    for (const auto& node_of_pool : pools->items) {
      model::IpamPool& pool = network.ipam.emplace_back();
      const Reader fields(node_of_pool);
      fields.text("subnet", pool.subnet);
      fields.text("ip_range", pool.ip_range);
      fields.text("gateway", pool.gateway);
      fields.pairs("aux_addresses", pool.aux_addresses);
    }
  return network;
}

model::FileObject file_object_of(const LoadState& state, const Node& node) {
  const Reader from(node);
  model::FileObject object;
  from.text("name", object.name);
  from.text("file", object.file);
  from.text("environment", object.environment);
  from.flag("external", object.external);
  if (const Node* content = from.at("content")) object.content = content->scalar_text();
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
    const Reader from(node);
    model::Volume& volume = project.volumes[key];
    from.text("name", volume.name);
    from.text("driver", volume.driver);
    from.pairs("driver_opts", volume.driver_opts);
    from.flag("external", volume.external);
    from.pairs("labels", volume.labels);
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
