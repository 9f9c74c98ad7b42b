#include <algorithm>
#include <charconv>
#include <set>

#include "berth/model/docker_socket.hpp"
#include "berth/model/json.hpp"
#include "berth/model/names.hpp"
#include "berth/plan/plan.hpp"
#include "draft.hpp"

namespace berth::plan {
namespace {

using engine::ContainerSpec;

// Service over image; a variable that the service names without a value is not passed on, not even from the image.
void merge_environment(ContainerSpec& spec, const model::Service& service, const engine::ImageFacts& image) {
  for (const auto& entry : image.environment) {
    const auto equals = entry.find('=');
    if (equals != std::string::npos) spec.environment[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  for (const auto& [name, value] : service.environment) {
    if (value)
      spec.environment[name] = *value;
    else
      spec.environment.erase(name);
  }
}

// An entrypoint of the service clears the image's command: the process is entrypoint + command.
void choose_process(ContainerSpec& spec, const model::Service& service, const engine::ImageFacts& image) {
  spec.entrypoint = service.entrypoint ? *service.entrypoint : image.entrypoint.value_or(std::vector<std::string>{});
  if (service.command)
    spec.command = *service.command;
  else if (!service.entrypoint)
    spec.command = image.command.value_or(std::vector<std::string>{});
}

std::optional<engine::HealthPlan> choose_health(const model::Service& service, const engine::ImageFacts& image) {
  const auto& own = service.healthcheck;
  const std::vector<std::string> test = own && !own->test.empty() ? own->test
                                        : image.healthcheck       ? image.healthcheck->test
                                                                  : std::vector<std::string>{};
  if (test.empty() || test.front() == "NONE") return std::nullopt;
  engine::HealthPlan health;
  health.test = test;
  if (test.front() == "CMD-SHELL") health.shell = image.shell;
  const auto choose = [&](auto member, auto& target) {
    using Value = std::decay_t<decltype(target)>;  // zero means the default, as in docker
    if (own && ((*own).*member))
      target = *((*own).*member) > Value{} ? *((*own).*member) : target;
    else if (image.healthcheck && ((*image.healthcheck).*member))
      target = *((*image.healthcheck).*member) > Value{} ? *((*image.healthcheck).*member) : target;
  };
  choose(&model::Healthcheck::interval, health.interval);
  choose(&model::Healthcheck::timeout, health.timeout);
  choose(&model::Healthcheck::start_period, health.start_period);
  choose(&model::Healthcheck::start_interval, health.start_interval);
  choose(&model::Healthcheck::retries, health.retries);
  return health;
}

engine::ContainerMount mount_of(const model::Project& project, const model::Mount& wanted) {
  engine::ContainerMount mount;
  mount.type = wanted.type;
  mount.source = wanted.source;
  if (wanted.type == model::MountType::Volume && !wanted.source.empty())
    if (const auto volume = project.volumes.find(wanted.source); volume != project.volumes.end())
      mount.source = volume->second.name;
  mount.target = wanted.target;
  mount.read_only = wanted.read_only;
  mount.create_host_path = wanted.create_host_path && !model::is_docker_socket(wanted.source);
  mount.propagation = wanted.propagation;
  mount.no_copy = wanted.no_copy;
  mount.subpath = wanted.subpath;
  mount.tmpfs_size = wanted.tmpfs_size;
  mount.tmpfs_mode = wanted.tmpfs_mode;
  return mount;
}

void choose_mounts(ContainerSpec& spec, const model::Project& project, const model::Service& service,
                   const engine::ImageFacts& image) {
  const auto taken = [&](const std::string& target) {
    return std::any_of(spec.mounts.begin(), spec.mounts.end(),
                       [&](const auto& mount) { return mount.target == target; });
  };
  for (const auto& wanted : service.volumes) spec.mounts.push_back(mount_of(project, wanted));
  for (const auto& text : service.tmpfs) {
    const auto colon = text.find(':');
    engine::ContainerMount mount;
    mount.type = model::MountType::Tmpfs;
    mount.target = text.substr(0, colon);
    if (colon != std::string::npos) mount.tmpfs_options = text.substr(colon + 1);
    if (!taken(mount.target)) spec.mounts.push_back(std::move(mount));
  }
  for (const auto& path : image.volumes) {
    if (taken(path)) continue;
    engine::ContainerMount mount;  // an anonymous volume
    mount.type = model::MountType::Volume;
    mount.target = path;
    spec.mounts.push_back(std::move(mount));
  }
}

Result<std::uint32_t> number_of(const std::string& text, const char* what) {
  std::uint32_t number = 0;
  if (text.empty()) return number;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size())
    return Error::make(ErrorKind::Invalid, std::string(what) + " `" + text + "` is not a number");
  return number;
}

Result<void> add_files(ContainerSpec& spec, const std::vector<model::FileGrant>& grants,
                       const std::map<std::string, model::FileObject>& objects, const char* kind) {
  for (const auto& grant : grants) {
    const auto object = objects.find(grant.source);
    if (object == objects.end())
      return Error::make(ErrorKind::NotFound, std::string("undefined ") + kind + " `" + grant.source + "`");
    if (object->second.external)
      return Error::make(ErrorKind::Unsupported,
                         std::string("unsupported external ") + kind + " `" + grant.source + "`");
    engine::ContainerFile file;
    file.target = grant.target;
    auto uid = number_of(grant.uid, "uid");
    auto gid = number_of(grant.gid, "gid");
    if (!uid) return uid.error();
    if (!gid) return gid.error();
    file.uid = *uid;
    file.gid = *gid;
    file.mode = grant.mode.value_or(0444);
    if (object->second.content)
      file.content = object->second.content;
    else if (!object->second.environment.empty())
      return Error::make(ErrorKind::Invalid, "environment variable `" + object->second.environment + "`, which " +
                                                 kind + " `" + grant.source + "` is taken from, is not set");
    else
      file.host_path = object->second.file;
    spec.files.push_back(std::move(file));
  }
  return {};
}

// Highest priority first, then by name: the order of eth0, eth1, …
void choose_endpoints(ContainerSpec& spec, const model::Project& project, const model::Service& service) {
  for (const auto& [key, attachment] : service.networks) {
    const auto network = project.networks.find(key);
    if (network == project.networks.end()) continue;  // `compose` has refused it
    engine::Endpoint endpoint;
    endpoint.network = network->second.name;
    endpoint.aliases = {service.name.value};
    endpoint.aliases.insert(endpoint.aliases.end(), attachment.aliases.begin(), attachment.aliases.end());
    endpoint.ipv4_address = attachment.ipv4_address;
    endpoint.mac_address = attachment.mac_address.empty() ? service.mac_address : attachment.mac_address;
    endpoint.interface_name = attachment.interface_name;
    endpoint.priority = attachment.priority;
    endpoint.gw_priority = attachment.gw_priority;
    spec.endpoints.push_back(std::move(endpoint));
  }
  std::stable_sort(spec.endpoints.begin(), spec.endpoints.end(),
                   [](const auto& a, const auto& b) { return a.priority > b.priority; });
}

// "db" and "db:database"; an external link names a container. The name itself is answered anyway.
void choose_links(ContainerSpec& spec, const model::Service& service) {
  for (const auto* links : {&service.links, &service.external_links})
    for (const auto& text : *links) {
      const auto colon = text.find(':');
      if (colon != std::string::npos) spec.links[text.substr(colon + 1)] = text.substr(0, colon);
    }
}

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

void add_labels(ContainerSpec& spec, const model::Project& project, const model::Service& service) {
  std::vector<std::string> dependencies;
  for (const auto& [name, dependency] : service.depends_on) {
    const char* condition = dependency.condition == model::DependencyCondition::Started ? "service_started"
                            : dependency.condition == model::DependencyCondition::Healthy
                                ? "service_healthy"
                                : "service_completed_successfully";
    dependencies.push_back(name + ":" + condition + ":" + (dependency.restart ? "true" : "false"));
  }
  const std::string prefix = "com.docker.compose.";
  spec.labels[prefix + "project"] = project.name.value;
  spec.labels[prefix + "service"] = service.name.value;
  spec.labels[prefix + "container-number"] = std::to_string(spec.number);
  spec.labels[prefix + "oneoff"] = spec.one_off ? "True" : "False";
  spec.labels[prefix + "config-hash"] = spec.config_hash;
  spec.labels[prefix + "image"] = spec.image_digest.value;
  spec.labels[prefix + "depends_on"] = join(dependencies);
  spec.labels[prefix + "project.working_dir"] = project.working_dir;
  spec.labels[prefix + "project.config_files"] = join(project.config_files);
  spec.labels[prefix + "version"] = BERTH_VERSION;
}

// service:X joins the first container of X.
std::string container_mode(const model::Project& project, const std::string& mode) {
  const std::string joined = joined_service(mode);
  if (joined.empty()) return mode == "bridge" ? "" : mode;
  const auto service = project.services.find(joined);
  // `compose` has refused a service that does not exist.
  return service == project.services.end() ? mode : "container:" + model::container_name(project, service->second, 1);
}

// "db", "db:ro" and "container:NAME:ro".
void choose_volumes_from(ContainerSpec& spec, const model::Project& project, const model::Service& service) {
  for (const auto& from : service.volumes_from) {
    const auto taken = volumes_source(from);
    const std::string mode = container_mode(project, (taken.is_service ? "service:" : "container:") + taken.name);
    spec.volumes_from.push_back({mode.substr(mode.find(':') + 1), taken.read_only});
  }
}

// "80", "80/udp", "90-92": the loader has let nothing else through.
std::vector<std::string> exposed_by(const std::string& entry) {
  const std::size_t slash = entry.find('/');
  const std::string protocol = slash == std::string::npos ? "/tcp" : entry.substr(slash);
  const std::string range = entry.substr(0, slash);
  const std::size_t dash = range.find('-');
  if (dash == std::string::npos) return {range + protocol};
  std::vector<std::string> ports;
  for (int port = std::atoi(range.c_str()); port <= std::atoi(range.c_str() + dash + 1); ++port)
    ports.push_back(std::to_string(port) + protocol);
  return ports;
}

void choose_exposed(ContainerSpec& spec, const model::Service& service, const engine::ImageFacts& image) {
  std::set<std::string> exposed(image.exposed_ports.begin(), image.exposed_ports.end());
  for (const auto& entry : service.expose)
    for (auto& port : exposed_by(entry)) exposed.insert(std::move(port));
  spec.exposed.assign(exposed.begin(), exposed.end());
}

// Compat: what Docker refuses when it creates the container.
Result<void> check_sense(const ContainerSpec& spec) {
  const std::string who = "service `" + spec.service.value + "` ";
  if (spec.network_mode.starts_with("container:") && !spec.ports.empty())
    return Error::make(ErrorKind::Invalid, who + "publishes ports, but has the network of another container")
        .with_hint("publish them where the network is");
  const auto &limit = spec.resources.memory, &reservation = spec.resources.memory_reservation;
  if (limit.bytes > 0 && reservation.bytes > limit.bytes)
    return Error::make(ErrorKind::Invalid, who + "reserves more memory than its limit allows");
  return {};
}

}  // namespace

Result<ContainerSpec> container_spec(const model::Project& project, const model::Service& service, int number,
                                     const engine::ImageFacts& image) {
  ContainerSpec spec;
  spec.project = project.name;
  spec.service = service.name;
  spec.number = number;
  spec.name = model::container_name(project, service, number);
  spec.image = model::image_name(project, service);
  spec.image_digest = image.digest;
  spec.config_hash = model::config_hash(service);
  choose_process(spec, service, image);
  merge_environment(spec, service, image);
  spec.working_dir = service.working_dir.empty() ? image.working_dir : service.working_dir;
  spec.user = service.user.empty() ? image.user : service.user;
  spec.hostname = service.hostname;
  spec.domainname = service.domainname;
  spec.tty = service.tty;
  spec.stdin_open = service.stdin_open;
  spec.labels = image.labels;
  for (const auto& [key, value] : service.labels) spec.labels[key] = value;
  spec.annotations = service.annotations;
  choose_mounts(spec, project, service, image);
  choose_volumes_from(spec, project, service);
  BERTH_TRY(add_files(spec, service.secrets, project.secrets, "secret"));
  BERTH_TRY(add_files(spec, service.configs, project.configs, "config"));
  spec.network_mode = container_mode(project, service.network_mode);
  if (spec.network_mode.empty()) choose_endpoints(spec, project, service);
  spec.ports = service.ports;
  choose_exposed(spec, service, image);
  choose_links(spec, service);
  spec.extra_hosts = service.extra_hosts;
  spec.dns = service.dns;
  spec.dns_search = service.dns_search;
  spec.dns_opt = service.dns_opt;
  spec.restart = service.restart;
  spec.stop_signal = service.stop_signal.empty() ? image.stop_signal : service.stop_signal;
  if (service.stop_grace_period) spec.stop_grace = *service.stop_grace_period;
  spec.health = choose_health(service, image);
  spec.confinement = service.confinement;
  spec.confinement.ipc = container_mode(project, service.confinement.ipc);
  spec.confinement.pid = container_mode(project, service.confinement.pid);
  spec.resources = service.resources;
  spec.logging = service.logging;
  spec.post_start = service.post_start;
  spec.pre_stop = service.pre_stop;
  spec.depends_on = service.depends_on;
  add_labels(spec, project, service);
  BERTH_TRY(check_sense(spec));
  return spec;
}

}  // namespace berth::plan
