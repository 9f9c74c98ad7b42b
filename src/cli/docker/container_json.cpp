#include "docker/container_json.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>

#include "berth/logs/container_log.hpp"
#include "berth/network/bridges.hpp"
#include "berth/text/duration.hpp"
#include "render/container_view.hpp"

namespace berth::cli::docker {
namespace {

namespace bj = boost::json;

bj::array texts(const std::vector<std::string>& list) { return bj::array(list.begin(), list.end()); }

bj::value texts_or_null(const std::vector<std::string>& list) {
  return list.empty() ? bj::value(nullptr) : bj::value(texts(list));
}

bj::object texts(const std::map<std::string, std::string>& map) {
  bj::object object;
  for (const auto& [key, value] : map) object[key] = value;
  return object;
}

std::string restart_word(model::RestartMode mode) {
  switch (mode) {
    case model::RestartMode::No: return "no";
    case model::RestartMode::Always: return "always";
    case model::RestartMode::OnFailure: return "on-failure";
    case model::RestartMode::UnlessStopped: return "unless-stopped";
  }
  return "";
}

bj::object health_json(const engine::ContainerState& state) {
  bj::array log;
  for (const auto& probe : state.health_log.probes)
    log.push_back(bj::object{{"Start", time_json(probe.started_at)},
                             {"End", time_json(probe.ended_at)},
                             {"ExitCode", probe.exit_code},
                             {"Output", probe.output}});
  const char* status = state.health == engine::Health::Healthy     ? "healthy"
                       : state.health == engine::Health::Unhealthy ? "unhealthy"
                                                                   : "starting";
  return {{"Status", status}, {"FailingStreak", state.health_log.failing_streak}, {"Log", std::move(log)}};
}

bj::object state_json(const engine::ContainerState& state) {
  using engine::Phase;
  bj::object object{{"Status", state_word(state.phase)},
                    {"Running", is_up(state.phase)},
                    {"Paused", state.phase == Phase::Paused},
                    {"Restarting", state.phase == Phase::Restarting},
                    {"OOMKilled", state.oom_killed},
                    {"Dead", state.phase == Phase::Dead},
                    {"Pid", state.pid},
                    {"ExitCode", state.exit_code},
                    {"Error", state.error},
                    {"StartedAt", time_json(state.started_at)},
                    {"FinishedAt", time_json(state.finished_at)}};
  if (state.health != engine::Health::None) object["Health"] = health_json(state);
  return object;
}

bj::value healthcheck_json(const engine::HealthPlan& health) {
  return bj::object{{"Test", texts(health.test)},
                    {"Interval", health.interval.count()},
                    {"Timeout", health.timeout.count()},
                    {"StartPeriod", health.start_period.count()},
                    {"StartInterval", health.start_interval.count()},
                    {"Retries", health.retries}};
}

bj::object config_json(const Found& found) {
  const auto& spec = found.state.spec;
  bj::array environment;
  for (const auto& [name, value] : spec.environment) environment.push_back(bj::string(name + "=" + value));
  bj::object exposed, volumes;
  for (const auto& port : spec.exposed) exposed[port] = bj::object();
  for (const auto& port : spec.ports)
    exposed[std::to_string(port.target) + "/" + protocol_word(port.protocol)] = bj::object();
  for (const auto& mount : spec.mounts)
    if (mount.type == model::MountType::Volume && mount.source.empty()) volumes[mount.target] = bj::object();
  bj::object config{{"Hostname", spec.hostname.empty() ? short_id(found.state.id) : spec.hostname},
                    {"Domainname", spec.domainname},
                    {"User", spec.user},
                    {"AttachStdin", false},
                    {"AttachStdout", false},
                    {"AttachStderr", false}};
  if (!exposed.empty()) config["ExposedPorts"] = std::move(exposed);
  config["Tty"] = spec.tty;
  config["OpenStdin"] = spec.stdin_open;
  config["StdinOnce"] = false;
  config["Env"] = std::move(environment);
  config["Cmd"] = texts_or_null(spec.command);
  if (spec.health) config["Healthcheck"] = healthcheck_json(*spec.health);
  config["Image"] = spec.image;
  config["Volumes"] = volumes.empty() ? bj::value(nullptr) : bj::value(std::move(volumes));
  config["WorkingDir"] = spec.working_dir;
  config["Entrypoint"] = texts_or_null(spec.entrypoint);
  config["Labels"] = texts(spec.labels);
  if (!spec.stop_signal.empty()) config["StopSignal"] = spec.stop_signal;
  config["StopTimeout"] = std::chrono::duration_cast<std::chrono::seconds>(spec.stop_grace).count();
  return config;
}

// Source:target[:ro] as -v gives them.
bj::value binds_json(const engine::ContainerSpec& spec) {
  bj::array binds;
  for (const auto& mount : spec.mounts)
    if (mount.type != model::MountType::Tmpfs && !mount.source.empty())
      binds.push_back(bj::string(mount.source + ":" + mount.target + (mount.read_only ? ":ro" : ":rw")));
  return binds.empty() ? bj::value(nullptr) : bj::value(std::move(binds));
}

bj::object bindings_json(const engine::ContainerSpec& spec) {
  bj::object bindings;
  for (const auto& port : spec.ports) {
    auto& list = bindings[std::to_string(port.target) + "/" + protocol_word(port.protocol)];
    if (!list.is_array()) list = bj::array();
    list.get_array().push_back(bj::object{{"HostIp", port.host_ip}, {"HostPort", port.published}});
  }
  return bindings;
}

bj::object resources_json(const engine::ContainerSpec& spec) {
  const auto& limits = spec.resources;
  bj::array ulimits;
  for (const auto& [name, limit] : spec.confinement.ulimits)
    ulimits.push_back(bj::object{{"Name", name}, {"Hard", limit.hard}, {"Soft", limit.soft}});
  bj::array devices;
  for (const auto& device : spec.confinement.devices)
    devices.push_back(bj::object{
        {"PathOnHost", device.source}, {"PathInContainer", device.target}, {"CgroupPermissions", device.permissions}});
  return {{"CpuShares", limits.cpu_shares},
          {"Memory", limits.memory.bytes},
          {"NanoCpus", static_cast<std::int64_t>(limits.cpus * 1e9)},
          {"CpuPeriod", limits.cpu_period},
          {"CpuQuota", limits.cpu_quota},
          {"CpusetCpus", limits.cpuset},
          {"MemoryReservation", limits.memory_reservation.bytes},
          {"MemorySwap", limits.memory_swap.value_or(0)},
          {"MemorySwappiness", limits.memory_swappiness ? bj::value(*limits.memory_swappiness) : bj::value(nullptr)},
          {"OomKillDisable", limits.oom_kill_disable},
          {"PidsLimit", limits.pids ? bj::value(*limits.pids) : bj::value(nullptr)},
          {"Devices", std::move(devices)},
          {"Ulimits", std::move(ulimits)}};
}

bj::object host_config_json(const engine::ContainerSpec& spec) {
  const auto& rights = spec.confinement;
  std::string network = spec.network_mode;
  if (network.empty()) network = spec.endpoints.empty() ? "default" : spec.endpoints.front().network;
  bj::array hosts;
  for (const auto& [name, addresses] : spec.extra_hosts)
    for (const auto& address : addresses) hosts.push_back(bj::string(name + ":" + address));
  bj::object tmpfs;
  for (const auto& mount : spec.mounts)
    if (mount.type == model::MountType::Tmpfs) tmpfs[mount.target] = mount.tmpfs_options;
  bj::object host{
      {"Binds", binds_json(spec)},
      {"ContainerIDFile", ""},
      {"LogConfig",
       bj::object{{"Type", spec.logging && !spec.logging->driver.empty() ? spec.logging->driver : "json-file"},
                  {"Config", spec.logging ? texts(spec.logging->options) : bj::object()}}},
      {"NetworkMode", network},
      {"PortBindings", bindings_json(spec)},
      {"RestartPolicy",
       bj::object{{"Name", restart_word(spec.restart.mode)}, {"MaximumRetryCount", spec.restart.max_attempts}}},
      {"AutoRemove", spec.auto_remove},
      {"VolumeDriver", ""},
      {"VolumesFrom", nullptr},
      {"CapAdd", texts_or_null(rights.cap_add)},
      {"CapDrop", texts_or_null(rights.cap_drop)},
      {"Dns", texts(spec.dns)},
      {"DnsOptions", texts(spec.dns_opt)},
      {"DnsSearch", texts(spec.dns_search)},
      {"ExtraHosts", hosts.empty() ? bj::value(nullptr) : bj::value(std::move(hosts))},
      {"GroupAdd", texts_or_null(rights.group_add)},
      {"IpcMode", rights.ipc.empty() ? "private" : rights.ipc},
      {"Cgroup", rights.cgroup},
      {"OomScoreAdj", rights.oom_score_adj.value_or(0)},
      {"PidMode", rights.pid},
      {"Privileged", rights.privileged},
      {"PublishAllPorts", false},
      {"ReadonlyRootfs", rights.read_only},
      {"SecurityOpt", texts_or_null(rights.security_opt)},
      {"UTSMode", rights.uts},
      {"UsernsMode", rights.userns_mode},
      {"ShmSize", rights.shm_size.bytes ? rights.shm_size.bytes : std::int64_t{64} << 20},
      {"Runtime", "berth"},
      {"Init", rights.init},
      {"Sysctls", texts(rights.sysctls)}};
  if (!tmpfs.empty()) host["Tmpfs"] = std::move(tmpfs);
  for (const auto& [key, value] : resources_json(spec)) host[key] = value;
  return host;
}

bj::array mounts_json(const Found& found, const InspectFacts& facts) {
  bj::array mounts;
  for (const auto& mount : found.state.spec.mounts) {
    std::string source = mount.source, name;
    if (mount.type == model::MountType::Volume) {
      const auto& anonymous = found.stored.record.anonymous_volumes;
      const auto own = anonymous.find(mount.target);
      name = source.empty() && own != anonymous.end() ? own->second : source;
      const auto path = facts.volume_paths.find(name);
      source = path == facts.volume_paths.end() ? "" : path->second;
    }
    const char* type = mount.type == model::MountType::Bind     ? "bind"
                       : mount.type == model::MountType::Volume ? "volume"
                                                                : "tmpfs";
    bj::object one{{"Type", type}};
    if (!name.empty()) one["Name"] = name;
    one["Source"] = source;
    one["Destination"] = mount.target;
    if (!name.empty()) one["Driver"] = "local";
    one["Mode"] = mount.read_only ? "ro" : "";
    one["RW"] = !mount.read_only;
    one["Propagation"] =
        mount.type == model::MountType::Bind && mount.propagation.empty() ? "rprivate" : mount.propagation;
    mounts.push_back(std::move(one));
  }
  return mounts;
}

bj::object ports_json(const Found& found) {
  bj::object ports;
  if (!is_up(found.state.phase)) return ports;
  for (const auto& port : found.state.spec.exposed) ports[port] = nullptr;
  for (const auto& one : found.state.publications) {
    auto& list = ports[std::to_string(one.target) + "/" + protocol_word(one.protocol)];
    if (!list.is_array()) list = bj::array();
    list.get_array().push_back(bj::object{{"HostIp", one.host_ip}, {"HostPort", std::to_string(one.host_port)}});
  }
  return ports;
}

int prefix_of(const std::string& subnet) {
  const auto slash = subnet.find('/');
  return slash == std::string::npos ? 0 : std::atoi(subnet.c_str() + slash + 1);
}

bj::object endpoint_json(const Found& found, const engine::Endpoint& endpoint, const InspectFacts& facts) {
  const auto& state = found.state;
  const auto address = std::find_if(state.addresses.begin(), state.addresses.end(),
                                    [&](const auto& one) { return one.network == endpoint.network; });
  const bool has = is_up(state.phase) && address != state.addresses.end();
  const auto record = facts.networks.find(endpoint.network);
  const bool known = has && record != facts.networks.end();
  std::vector<std::string> names{state.name, short_id(state.id)};
  names.insert(names.begin() + 1, endpoint.aliases.begin(), endpoint.aliases.end());
  return {{"IPAMConfig", endpoint.ipv4_address.empty() ? bj::value(nullptr)
                                                       : bj::value(bj::object{{"IPv4Address", endpoint.ipv4_address}})},
          {"Links", nullptr},
          {"Aliases", texts_or_null(endpoint.aliases)},
          {"MacAddress", has ? address->mac : ""},
          {"NetworkID", network_id(endpoint.network)},
          {"EndpointID", has ? network_id(endpoint.network + state.id.value) : ""},
          {"Gateway", known ? record->second.gateway : ""},
          {"IPAddress", has ? address->ipv4 : ""},
          {"IPPrefixLen", known ? prefix_of(record->second.subnet) : 0},
          {"IPv6Gateway", ""},
          {"GlobalIPv6Address", ""},
          {"GlobalIPv6PrefixLen", 0},
          {"DNSNames", texts(names)}};
}

bj::object network_settings_json(const Found& found, const InspectFacts& facts) {
  const auto& spec = found.state.spec;
  bj::object networks;
  for (const auto& endpoint : spec.endpoints) networks[endpoint.network] = endpoint_json(found, endpoint, facts);
  if (spec.network_mode == "host" || spec.network_mode == "none")
    networks[spec.network_mode] = bj::object{{"NetworkID", network_id(spec.network_mode)}, {"IPAddress", ""}};
  // Compat: of the default network docker repeats these.
  const auto* bridge = networks.if_contains("bridge");
  const auto text_of = [&](const char* member) {
    const auto* value = bridge ? bridge->get_object().if_contains(member) : nullptr;
    return value ? *value : bj::value("");
  };
  return {{"Bridge", ""},
          {"SandboxKey", found.state.pid ? "/proc/" + std::to_string(found.state.pid) + "/ns/net" : ""},
          {"Ports", ports_json(found)},
          {"Gateway", text_of("Gateway")},
          {"IPAddress", text_of("IPAddress")},
          {"MacAddress", text_of("MacAddress")},
          {"Networks", std::move(networks)}};
}

}  // namespace

std::string time_json(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "0001-01-01T00:00:00Z";
  return text::format_time(std::chrono::system_clock::time_point(std::chrono::nanoseconds(nanoseconds)));
}

bj::object container_json(const Found& found, const InspectFacts& facts) {
  const auto& state = found.state;
  const auto& spec = state.spec;
  std::vector<std::string> words = spec.entrypoint;
  words.insert(words.end(), spec.command.begin(), spec.command.end());
  const std::string program = words.empty() ? "" : words.front();
  if (!words.empty()) words.erase(words.begin());
  const auto logs = logs::LogFiles::of(facts.paths.root, facts.paths.run_root, spec.project.value, state.id.value);
  const std::string directory = facts.paths.container(spec.project, state.id);
  return {{"Id", state.id.value},
          {"Created", time_json(state.created_at)},
          {"Path", program},
          {"Args", texts(words)},
          {"State", state_json(state)},
          {"Image", spec.image_digest.value},
          {"ResolvConfPath", directory + "/resolv.conf"},
          {"HostnamePath", directory + "/hostname"},
          {"HostsPath", directory + "/hosts"},
          {"LogPath", logs.log},
          {"Name", "/" + state.name},
          {"RestartCount", state.restart_count},
          {"Driver", "overlay2"},
          {"Platform", facts.platform},
          {"MountLabel", ""},
          {"ProcessLabel", ""},
          {"AppArmorProfile", ""},
          {"ExecIDs", nullptr},
          {"HostConfig", host_config_json(spec)},
          {"GraphDriver",
           bj::object{{"Name", "overlay2"},
                      {"Data", bj::object{{"UpperDir", directory + "/upper"}, {"WorkDir", directory + "/work"}}}}},
          {"Mounts", mounts_json(found, facts)},
          {"Config", config_json(found)},
          {"NetworkSettings", network_settings_json(found, facts)}};
}

}  // namespace berth::cli::docker
