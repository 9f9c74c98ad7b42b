// What a stack may say and this version does not do: refused where the user would be misled, else said in one line.
// `config` shows all of it; this pass runs only where something is about to be built or started.
#include <algorithm>
#include <array>

#include "passes.hpp"

namespace berth::compose {

namespace {

using text::Severity;

bool is_false(const Node& value) { return value.is(NodeKind::Bool) && !value.boolean; }

bool is_given(const Node& value, const Node&) {
  if (value.is_null() || is_false(value)) return false;
  if (value.is_string()) return !value.text.empty();
  return value.is_scalar() || !value.items.empty() || !value.fields.empty();
}

bool is_word(const std::string& text, std::initializer_list<const char*> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool not_replicated(const Node& mode, const Node&) { return mode.text != "replicated"; }
bool not_host(const Node& mode, const Node&) { return mode.text != "host"; }
bool not_enabled(const Node& recursive, const Node&) { return recursive.text != "enabled"; }
bool not_default(const Node& driver, const Node&) { return driver.text != "default"; }
bool is_switched_on(const Node& value, const Node&) { return !is_word(value.scalar_text(), {"false", ""}); }
bool is_switched_off(const Node& value, const Node&) { return is_false(value); }

bool joins_another(const Node& mode, const Node&) {
  return mode.text.starts_with("service:") || mode.text.starts_with("container:");
}
bool is_named_network(const Node& mode, const Node& model) {
  return !is_word(mode.text, {"host", "none"}) && !joins_another(mode, model);
}
bool is_another_runtime(const Node& runtime, const Node&) {
  return !is_word(runtime.text, {"runc", "crun", "youki", "io.containerd.runc.v2"});
}
bool is_foreign_mount(const Node& type, const Node&) { return is_word(type.text, {"npipe", "cluster", "image"}); }
bool is_cdi_device(const Node& source, const Node&) {
  return !source.text.starts_with('/') && source.text.find('=') != std::string::npos;
}

bool is_external_object(const Node& model, const char* kind, const std::string& key) {
  const Node* objects = model.find(kind);
  const Node* object = objects ? objects->find(key) : nullptr;
  const Node* external = object ? object->find("external") : nullptr;
  return external && external->is(NodeKind::Bool) && external->boolean;
}
bool is_external_secret(const Node& source, const Node& model) {
  return is_external_object(model, "secrets", source.text);
}
bool is_external_config(const Node& source, const Node& model) {
  return is_external_object(model, "configs", source.text);
}

bool is_foreign_platform(const Node& platform, const Node&) {
#if defined(__x86_64__)
  static constexpr std::array<std::string_view, 2> kOurs = {"linux/amd64", "linux/x86_64"};
#elif defined(__aarch64__)
  static constexpr std::array<std::string_view, 3> kOurs = {"linux/arm64", "linux/arm64/v8", "linux/aarch64"};
#else
  static constexpr std::array<std::string_view, 0> kOurs = {};
#endif
  if (platform.text.find('/') == std::string::npos) return platform.text != "linux";
  return std::none_of(kOurs.begin(), kOurs.end(), [&](std::string_view ours) {
    return platform.text == ours || platform.text.starts_with(std::string(ours) + "/");
  });
}

// Directories are absolute by now.
bool is_fetched_context(const Node& context, const Node&) {
  return !context.text.starts_with('/') && !context.text.starts_with("docker-image://") &&
         !context.text.starts_with("service:");
}

struct Gap {
  std::string_view path;  // `*` is every name, and every item of a list
  Severity severity;
  std::string_view reason;
  bool (*applies)(const Node& value, const Node& model) = is_given;
  std::string_view hint = {};
};

constexpr std::string_view kNoSwarm = "it is read by a swarm only, and this is a single host";
constexpr std::string_view kWindows = "it is for Windows containers";
constexpr std::string_view kNoGpu = "there is no driver that would give a GPU to a container";

constexpr Gap kGaps[] = {
    // Builds
    {"services.*.build.context", Severity::Error, "contexts are not fetched from elsewhere", is_fetched_context,
     "clone or unpack it, and name the directory"},
    {"services.*.build.additional_contexts.*", Severity::Error, "contexts are not fetched from elsewhere",
     is_fetched_context, "a directory, docker-image://NAME or service:NAME"},
    {"services.*.build.platforms.*", Severity::Error, "images are built for this machine only", is_foreign_platform},
    {"services.*.build.cache_from", Severity::Warning, "the cache of this machine is used"},
    {"services.*.build.cache_to", Severity::Warning, "the cache stays on this machine"},
    {"services.*.build.isolation", Severity::Warning, kWindows},
    {"services.*.build.provenance", Severity::Warning, "no attestation is written", is_switched_on},
    {"services.*.build.sbom", Severity::Warning, "no attestation is written", is_switched_on},

    // What would run, but without what it relies on
    {"services.*.pre_start", Severity::Error, "there are no init containers", is_given,
     "make it a service, and wait for it: condition: service_completed_successfully"},
    {"services.*.provider", Severity::Error, "there are no provider plugins"},
    {"services.*.models", Severity::Error, "there is no model runner"},
    {"services.*.use_api_socket", Severity::Error, "there is no daemon, so there is no API socket"},
    {"services.*.gpus", Severity::Error, kNoGpu},
    {"services.*.deploy.resources.reservations.devices", Severity::Error, kNoGpu},
    {"services.*.runtime", Severity::Error, "containers are run by berth itself", is_another_runtime},
    {"services.*.platform", Severity::Error, "this machine cannot run it", is_foreign_platform},
    {"services.*.credential_spec", Severity::Error, kWindows},
    {"services.*.blkio_config", Severity::Error, "limits of disk traffic are not set"},
    {"services.*.storage_opt", Severity::Error, "the size of a container's files is not limited"},
    {"services.*.cgroup_parent", Severity::Error, "containers stand below the stack's cgroup"},
    {"services.*.cpu_rt_period", Severity::Error, "real-time scheduling is not set"},
    {"services.*.cpu_rt_runtime", Severity::Error, "real-time scheduling is not set"},
    {"services.*.userns_mode", Severity::Error, "containers have the user ids of this machine", not_host},
    {"services.*.uts", Severity::Error, "the host name of another container cannot be shared", joins_another},
    {"services.*.network_mode", Severity::Error, "only host, none, service:NAME and container:NAME are known",
     is_named_network, "name the network below `networks:`"},
    {"services.*.volumes.*.type", Severity::Error, "mounts are of type bind, volume or tmpfs", is_foreign_mount},
    {"services.*.volumes.*.bind.recursive", Severity::Error, "mounts below the source are always taken along",
     not_enabled},
    {"services.*.devices.*.source", Severity::Error, "devices are given by path", is_cdi_device},
    {"services.*.networks.*.ipv6_address", Severity::Error, "containers have IPv4 addresses only"},
    {"services.*.networks.*.link_local_ips", Severity::Error, "only the network's own address is given"},
    {"services.*.networks.*.driver_opts", Severity::Error, "a bridge's endpoint has no options"},
    {"services.*.secrets.*.source", Severity::Error, "an external secret is kept by a swarm", is_external_secret,
     "give it a `file:` or `environment:`"},
    {"services.*.configs.*.source", Severity::Error, "an external config is kept by a swarm", is_external_config,
     "give it a `file:`, `environment:` or `content:`"},
    {"networks.*.enable_ipv6", Severity::Error, "containers have IPv4 addresses only", is_switched_on,
     "published ports are reached by IPv6 all the same"},
    {"networks.*.enable_ipv4", Severity::Error, "containers have IPv4 addresses only", is_switched_off},
    {"networks.*.ipam.driver", Severity::Error, "addresses are given by berth itself", not_default},
    {"networks.*.ipam.options", Severity::Error, "addresses are given by berth itself"},
    {"secrets.*.driver", Severity::Error, kNoSwarm},
    {"secrets.*.template_driver", Severity::Error, "the file is given as it is, not as a template"},
    {"configs.*.template_driver", Severity::Error, "the file is given as it is, not as a template"},

    // What runs as well without
    {"services.*.develop", Severity::Warning, "only `watch` reads it, which this version does not have"},
    {"services.*.isolation", Severity::Warning, kWindows},
    {"services.*.cpu_count", Severity::Warning, kWindows},
    {"services.*.cpu_percent", Severity::Warning, kWindows},
    {"services.*.volumes.*.bind.selinux", Severity::Warning, "files are not relabelled for SELinux"},
    {"services.*.volumes.*.consistency", Severity::Warning, "mounts on Linux are always consistent"},
    {"services.*.volumes.*.volume.labels", Severity::Warning, "the volume of a mount is made without labels"},
    {"services.*.deploy.mode", Severity::Warning, kNoSwarm, not_replicated},
    {"services.*.deploy.labels", Severity::Warning, kNoSwarm, is_given,
     "`labels:` beside `deploy:` are the container's"},
    {"services.*.deploy.endpoint_mode", Severity::Warning, kNoSwarm},
    {"services.*.deploy.placement", Severity::Warning, kNoSwarm},
    {"services.*.deploy.update_config", Severity::Warning, kNoSwarm},
    {"services.*.deploy.rollback_config", Severity::Warning, kNoSwarm},
    {"services.*.deploy.resources.reservations.cpus", Severity::Warning, kNoSwarm},
    {"services.*.deploy.resources.reservations.generic_resources", Severity::Warning, kNoSwarm},
    {"services.*.deploy.restart_policy.delay", Severity::Warning, "restarts wait 100 ms, then twice as long each time"},
    {"services.*.deploy.restart_policy.window", Severity::Warning, "a restart counts after 10 s of running"},
    {"networks.*.attachable", Severity::Warning, kNoSwarm},
};

struct Found {
  std::string owner;  // the service, network, ...
  Place place;
};

// Follows one path down from an object; `place` is that of the key, or of the item of a list.
void follow(const Node& node, std::string_view path, const Place& place, const Gap& gap, const Node& model,
            std::vector<Place>& found) {
  if (path.empty()) {
    if (gap.applies(node, model)) found.push_back(place.file ? place : node.place);
    return;
  }
  const std::size_t dot = path.find('.');
  const std::string_view step = path.substr(0, dot);
  const std::string_view rest = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  if (step != "*") {
    if (const Node* value = node.find(step)) follow(*value, rest, node.key_place(step), gap, model, found);
    return;
  }
  for (const auto& item : node.items) follow(item, rest, item.place, gap, model, found);
  for (std::size_t i = 0; i < node.fields.size(); ++i)
    follow(node.fields[i].second, rest, node.key_places[i], gap, model, found);
}

struct GapPath {           // "services.*.build.ssh"
  std::string kind;        // "services"
  std::string_view below;  // "build.ssh"
  explicit GapPath(std::string_view path)
      : kind(path.substr(0, path.find('.'))), below(path.substr(path.find(".*.") + 3)) {}

  std::string owner(const std::string& name) const {  // "service `web`"
    return kind.substr(0, kind.size() - 1) + " `" + name + "`";
  }
  std::string key() const {  // without the `*`
    std::string text(below);
    for (std::size_t star = text.find(".*"); star != std::string::npos; star = text.find(".*")) text.erase(star, 2);
    return "`" + text + "`";
  }
};

std::vector<Found> find_all(const Node& model, const Gap& gap, const GapPath& path) {
  std::vector<Found> all;
  const Node* objects = model.find(path.kind);
  if (!objects) return all;
  for (std::size_t i = 0; i < objects->fields.size(); ++i) {
    std::vector<Place> places;
    follow(objects->fields[i].second, path.below, objects->key_places[i], gap, model, places);
    for (const auto& place : places) all.push_back({objects->fields[i].first, place});
  }
  return all;
}

}  // namespace

void check_supported(LoadState& state, const Node& model) {
  for (const auto& gap : kGaps) {
    if (state.options.purpose == Purpose::Build && !gap.path.starts_with("services.*.build.")) continue;
    const GapPath path(gap.path);
    const auto all = find_all(model, gap, path);
    const std::string hint(gap.hint), reason(gap.reason);
    if (gap.severity == Severity::Error) {
      for (const auto& found : all)
        state.error(found.place, Code::Unsupported,
                    path.owner(found.owner) + ": " + path.key() + " is not supported: " + reason, hint);
    } else if (!all.empty()) {
      const std::string more = all.size() > 1 ? " (and " + std::to_string(all.size() - 1) + " more)" : "";
      state.warning(all[0].place, Code::NoEffect,
                    path.owner(all[0].owner) + more + ": " + path.key() + " has no effect: " + reason, hint);
    }
  }
}

}  // namespace berth::compose
