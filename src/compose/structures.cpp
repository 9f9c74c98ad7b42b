#include "structures.hpp"

#include <map>
#include <sstream>

namespace berth::compose {

namespace {

struct Row {
  const char* name;
  const char* fields;
};

// Fields stand in the order in which `config` prints them.
constexpr Row kRows[] = {
    {"file",
     "version:s name:s include:X services:<service> networks:<network> volumes:<volume> secrets:<secret> "
     "configs:<config> models:<model>"},
    {"service",
     "profiles:S annotations:P attach:B build:{build} develop:{develop} blkio_config:{blkio} cap_add:S cap_drop:S "
     "cgroup_parent:s cgroup:s cpu_count:i cpu_percent:f cpu_period:i cpu_quota:i cpu_rt_period:i cpu_rt_runtime:i "
     "cpus:f cpuset:s cpu_shares:i command:C configs:[grant] container_name:s credential_spec:{credential} "
     "depends_on:<dependency> deploy:{deploy} device_cgroup_rules:S devices:[device] dns:L dns_opt:S dns_search:L "
     "domainname:s entrypoint:C provider:{provider} environment:E env_file:[env_file] expose:K extends:{extends} "
     "external_links:S extra_hosts:H group_add:K gpus:[gpu] hostname:s healthcheck:{healthcheck} image:s init:B ipc:s "
     "isolation:s labels:P label_file:L links:S logging:{logging} mem_limit:y mem_reservation:y memswap_limit:y "
     "mem_swappiness:y mac_address:s models:<service_model> network_mode:s networks:<attachment> oom_kill_disable:b "
     "oom_score_adj:i pid:s pids_limit:i platform:s ports:[port] privileged:b pull_policy:s pull_refresh_after:s "
     "read_only:b restart:s runtime:s scale:I secrets:[grant] security_opt:S shm_size:y stdin_open:b "
     "stop_grace_period:D stop_signal:s storage_opt:M sysctls:P tmpfs:L tty:b ulimits:<ulimit> use_api_socket:b user:s "
     "userns_mode:s uts:s volumes:[mount] volumes_from:S working_dir:s pre_start:[hook] post_start:[hook] "
     "pre_stop:[hook]"},
    {"build",
     "context:s dockerfile:s dockerfile_inline:s entitlements:S args:E provenance:n sbom:n ssh:L labels:P cache_from:S "
     "cache_to:S no_cache:b no_cache_filter:L additional_contexts:P pull:b extra_hosts:H isolation:s network:s "
     "target:s "
     "secrets:[grant] shm_size:y tags:S ulimits:<ulimit> platforms:S privileged:b"},
    {"blkio",
     "weight:i weight_device:[weight_device] device_read_bps:[throttle] device_read_iops:[throttle] "
     "device_write_bps:[throttle] device_write_iops:[throttle]"},
    {"weight_device", "path:s weight:i"},
    {"throttle", "path:s rate:y"},
    {"credential", "config:s file:s registry:s"},
    {"dependency", "condition:s restart:b required:B"},
    {"device", "source:s target:s permissions:s"},
    {"env_file", "path:s required:B format:s"},
    {"extends", "file:s service:s"},
    {"gpu", "capabilities:S driver:s count:X device_ids:S options:P"},
    {"grant", "source:s target:s uid:s gid:s mode:O"},
    {"healthcheck", "test:X timeout:D interval:D retries:I start_period:D start_interval:D disable:b"},
    {"logging", "driver:s options:M"},
    {"hook", "command:C image:s user:s privileged:b working_dir:s environment:E"},
    {"provider", "type:s options:X"},
    {"service_model", "endpoint_var:s model_var:s"},
    {"attachment",
     "aliases:S driver_opts:M gw_priority:i interface_name:s ipv4_address:s ipv6_address:s link_local_ips:S "
     "mac_address:s priority:i"},
    {"port", "name:s mode:s host_ip:s target:i published:n protocol:s app_protocol:s"},
    {"mount",
     "type:s source:s target:s read_only:b consistency:s bind:{bind} volume:{volume_options} tmpfs:{tmpfs} "
     "image:{image_mount} cluster:X"},
    {"bind", "selinux:s propagation:s create_host_path:B recursive:s"},
    {"volume_options", "labels:P nocopy:b subpath:s"},
    {"tmpfs", "size:y mode:i"},
    {"image_mount", "subpath:s"},
    {"ulimit", "soft:I hard:I"},
    {"develop", "watch:[watch]"},
    {"watch", "path:s action:s target:s exec:{hook} include:L ignore:L initial_sync:b"},
    {"deploy",
     "mode:s replicas:I labels:P update_config:{update_config} rollback_config:{update_config} resources:{resources} "
     "restart_policy:{restart_policy} placement:{placement} endpoint_mode:s"},
    {"resources", "limits:{limits} reservations:{reservations}"},
    {"limits", "cpus:f memory:y pids:i"},
    {"reservations", "cpus:f memory:y pids:i devices:[gpu] generic_resources:[generic_resource]"},
    {"generic_resource", "discrete_resource_spec:{discrete_resource}"},
    {"discrete_resource", "kind:s value:i"},
    {"restart_policy", "condition:s delay:D max_attempts:I window:D"},
    {"update_config", "parallelism:I delay:D failure_action:s monitor:D max_failure_ratio:f order:s"},
    {"placement", "constraints:S preferences:[preference] max_replicas_per_node:i"},
    {"preference", "spread:s"},
    {"network",
     "name:s driver:s driver_opts:M ipam:{ipam} external:X internal:b attachable:b labels:P enable_ipv4:B "
     "enable_ipv6:B"},
    {"ipam", "driver:s config:[pool] options:M"},
    {"pool", "subnet:s gateway:s ip_range:s aux_addresses:M"},
    {"volume", "name:s driver:s driver_opts:M external:X labels:P"},
    {"secret", "name:s file:s environment:s external:X labels:P driver:s driver_opts:M template_driver:s"},
    {"config", "name:s file:s environment:s content:s external:X labels:P template_driver:s"},
    {"model", "name:s model:s context_size:i runtime_flags:S"},
};

Shape shape_of(char letter) {
  switch (letter) {
    case 's': return Shape::Text;
    case 'b': return Shape::Flag;
    case 'B': return Shape::FlagOrNone;
    case 'i': return Shape::Integer;
    case 'I': return Shape::IntegerOrNone;
    case 'f': return Shape::Number;
    case 'y': return Shape::Bytes;
    case 'D': return Shape::Duration;
    case 'S': return Shape::Texts;
    case 'L': return Shape::TextOrTexts;
    case 'K': return Shape::Scalars;
    case 'P': return Shape::Pairs;
    case 'E': return Shape::PairsOrNone;
    case 'M': return Shape::TextMap;
    case 'H': return Shape::Hosts;
    case 'C': return Shape::Command;
    case 'n': return Shape::ScalarText;
    case 'O': return Shape::FileMode;
    case '{': return Shape::Struct;
    case '[': return Shape::StructList;
    case '<': return Shape::StructMap;
    default: return Shape::Anything;
  }
}

std::map<std::string, std::vector<Field>> build_table() {
  std::map<std::string, std::vector<Field>> table;
  for (const auto& row : kRows) {
    auto& fields = table[row.name];
    std::istringstream words(row.fields);
    for (std::string word; words >> word;) {
      const std::size_t colon = word.find(':');
      const std::string type = word.substr(colon + 1);
      fields.push_back({word.substr(0, colon), shape_of(type[0]),
                        type.size() > 2 ? type.substr(1, type.size() - 2) : std::string()});
    }
  }
  return table;
}

}  // namespace

const std::vector<Field>* find_structure(const std::string& name) {
  static const auto table = build_table();
  const auto found = table.find(name);
  return found == table.end() ? nullptr : &found->second;
}

const Field* Layout::find(const std::string& key) const {
  for (const auto& field : *structure)
    if (field.name == key) return &field;
  return nullptr;
}

Layout Layout::below(const std::string& key) const {
  if (holds == Holds::Each) return {Holds::One, structure};
  const Field* field = holds == Holds::One ? find(key) : nullptr;
  if (!field || field->structure.empty()) return {};
  return {field->shape == Shape::Struct ? Holds::One : Holds::Each, find_structure(field->structure)};
}

}  // namespace berth::compose
