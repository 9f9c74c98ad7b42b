// Images, volumes and networks as `docker inspect` says them.
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "berth/image/reference.hpp"
#include "docker/container_json.hpp"

namespace berth::cli::docker {
namespace {

namespace bj = boost::json;

bj::value words_or_null(const std::optional<std::vector<std::string>>& words) {
  return words ? bj::value(bj::array(words->begin(), words->end())) : bj::value(nullptr);
}

bj::value map_or_null(const std::map<std::string, std::string>& map) {
  if (map.empty()) return nullptr;
  bj::object object;
  for (const auto& [key, value] : map) object[key] = value;
  return object;
}

bj::value set_or_null(const std::set<std::string>& set) {
  if (set.empty()) return nullptr;
  bj::object object;
  for (const auto& key : set) object[key] = bj::object();
  return object;
}

bj::object image_process_json(const oci::ImageProcess& process) {
  bj::object config{{"Hostname", ""},       {"Domainname", ""},      {"User", process.user},
                    {"AttachStdin", false}, {"AttachStdout", false}, {"AttachStderr", false}};
  if (!process.exposed_ports.empty()) config["ExposedPorts"] = set_or_null(process.exposed_ports);
  config["Tty"] = false;
  config["OpenStdin"] = false;
  config["StdinOnce"] = false;
  config["Env"] = bj::array(process.env.begin(), process.env.end());
  config["Cmd"] = words_or_null(process.cmd);
  if (process.healthcheck)
    config["Healthcheck"] =
        bj::object{{"Test", bj::array(process.healthcheck->test.begin(), process.healthcheck->test.end())},
                   {"Interval", process.healthcheck->interval},
                   {"Timeout", process.healthcheck->timeout},
                   {"StartPeriod", process.healthcheck->start_period},
                   {"Retries", process.healthcheck->retries}};
  config["Image"] = "";
  config["Volumes"] = set_or_null(process.volumes);
  config["WorkingDir"] = process.working_dir;
  config["Entrypoint"] = words_or_null(process.entrypoint);
  config["OnBuild"] = process.on_build.empty() ? bj::value(nullptr)
                                               : bj::value(bj::array(process.on_build.begin(), process.on_build.end()));
  config["Labels"] = map_or_null(process.labels);
  if (!process.stop_signal.empty()) config["StopSignal"] = process.stop_signal;
  if (!process.shell.empty()) config["Shell"] = bj::array(process.shell.begin(), process.shell.end());
  return config;
}

}  // namespace

// 64 digits of an FNV hash in four turns: an id has to be stable and to look like one, no more.
std::string network_id(const std::string& name) {
  std::string id;
  for (char turn = '0'; turn < '4'; ++turn) {
    std::uint64_t hash = 14695981039346656037u;
    for (const char c : turn + name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash));
    id += digits;
  }
  return id;
}

bj::object image_json(const oci::ImageConfig& config, const ImageFactsForInspect& facts) {
  bj::array tags, digests;
  for (const auto& name : facts.references) {
    const auto reference = image::parse_reference(name);
    if (!reference) continue;
    if (!reference->tag.empty()) tags.push_back(bj::string(reference->familiar()));
    if (!reference->digest.empty()) digests.push_back(bj::string(reference->repository() + "@" + reference->digest));
  }
  return {{"Id", facts.digest},
          {"RepoTags", std::move(tags)},
          {"RepoDigests", std::move(digests)},
          {"Parent", ""},
          {"Comment", config.history.empty() ? "" : config.history.back().comment},
          {"Created", config.created.empty() ? time_json(facts.created_at) : config.created},
          {"DockerVersion", ""},
          {"Author", config.author},
          {"Config", image_process_json(config.config)},
          {"Architecture", config.architecture},
          {"Variant", config.variant},
          {"Os", config.os},
          {"Size", facts.size},
          {"GraphDriver", bj::object{{"Name", "overlay2"}, {"Data", bj::object()}}},
          {"RootFS", bj::object{{"Type", "layers"}, {"Layers", bj::array(facts.layers.begin(), facts.layers.end())}}},
          {"Metadata", bj::object{{"LastTagTime", time_json(facts.created_at)}}}};
}

bj::object volume_json(const engine::VolumeState& volume, std::int64_t created_at) {
  const auto& spec = volume.spec;
  auto labels = spec.volume.labels;
  if (!spec.project.empty() && spec.project.value != "_" && !spec.key.empty()) {
    labels["com.docker.compose.project"] = spec.project.value;
    labels["com.docker.compose.volume"] = spec.key;
  }
  return {{"CreatedAt", time_json(created_at)},
          {"Driver", "local"},
          {"Labels", map_or_null(labels)},
          {"Mountpoint", volume.path},
          {"Name", spec.volume.name},
          {"Options", map_or_null(spec.volume.driver_opts)},
          {"Scope", "local"}};
}

bj::object network_json(const network::NetworkRecord& record, const std::vector<Found>& all) {
  const auto& network = record.spec.network;
  bj::object containers;
  const auto slash = record.subnet.find('/');
  const std::string prefix = slash == std::string::npos ? "" : record.subnet.substr(slash);
  for (const auto& one : all)
    for (const auto& address : one.state.addresses)
      if (address.network == network.name && is_up(one.state.phase))
        containers[one.state.id.value] = bj::object{{"Name", one.state.name},
                                                    {"EndpointID", network_id(network.name + one.state.id.value)},
                                                    {"MacAddress", address.mac},
                                                    {"IPv4Address", address.ipv4 + prefix},
                                                    {"IPv6Address", ""}};
  bj::object pool{{"Subnet", record.subnet}};
  if (!record.ip_range.empty() && record.ip_range != record.subnet) pool["IPRange"] = record.ip_range;
  pool["Gateway"] = record.gateway;
  auto labels = network.labels;
  if (!record.spec.project.empty() && record.spec.project.value != "_") {
    labels["com.docker.compose.project"] = record.spec.project.value;
    labels["com.docker.compose.network"] = record.spec.key;
  }
  bj::object options{{"com.docker.network.bridge.name", record.bridge}};
  for (const auto& [key, value] : network.driver_opts) options[key] = value;
  return {{"Name", network.name},
          {"Id", network_id(network.name)},
          {"Scope", "local"},
          {"Driver", "bridge"},
          {"EnableIPv4", true},
          {"EnableIPv6", false},
          {"IPAM", bj::object{{"Driver", "default"}, {"Options", nullptr}, {"Config", bj::array{std::move(pool)}}}},
          {"Internal", record.internal},
          {"Attachable", network.attachable},
          {"Ingress", false},
          {"ConfigFrom", bj::object{{"Network", ""}}},
          {"ConfigOnly", false},
          {"Containers", std::move(containers)},
          {"Options", std::move(options)},
          {"Labels", map_or_null(labels).is_null() ? bj::value(bj::object()) : map_or_null(labels)}};
}

bj::object host_network_json(const std::string& name) {
  return {{"Name", name},
          {"Id", network_id(name)},
          {"Scope", "local"},
          {"Driver", name == "none" ? "null" : name},
          {"EnableIPv4", true},
          {"EnableIPv6", false},
          {"IPAM", bj::object{{"Driver", "default"}, {"Options", nullptr}, {"Config", bj::array()}}},
          {"Internal", false},
          {"Attachable", false},
          {"Ingress", false},
          {"Containers", bj::object()},
          {"Options", bj::object()},
          {"Labels", bj::object()}};
}

}  // namespace berth::cli::docker
