#include "structures.hpp"

#include <algorithm>
#include <charconv>
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
     "profiles:S annotations:P attach:B build:{build} develop:{develop}? blkio_config:{blkio} cap_add:S "
     "cap_drop:S cgroup_parent:s cgroup:s=host|private cpu_count:i>0 cpu_percent:f>0 cpu_period:w cpu_quota:w "
     "cpu_rt_period:w cpu_rt_runtime:w cpus:f cpuset:s cpu_shares:w command:C? configs:[grant] "
     "container_name:s credential_spec:{credential} depends_on:<dependency> deploy:{deploy}? "
     "device_cgroup_rules:S% devices:[device] dns:L dns_opt:S dns_search:L domainname:s entrypoint:C? "
     "provider:{provider} environment:E env_file:[env_file] expose:K extends:{extends} external_links:S% "
     "extra_hosts:H% group_add:K% gpus:[gpu] hostname:s healthcheck:{healthcheck} image:s init:B ipc:s "
     "isolation:s labels:P label_file:L links:S logging:{logging} mem_limit:y mem_reservation:Y "
     "memswap_limit:y mem_swappiness:Y mac_address:s models:<service_model> network_mode:s "
     "networks:<attachment> oom_kill_disable:b oom_score_adj:i>-1000<1000 pid:s pids_limit:w platform:s "
     "ports:[port] privileged:b pull_policy:s pull_refresh_after:s read_only:b restart:s runtime:s scale:I>0 "
     "secrets:[grant] security_opt:S% shm_size:y stdin_open:b stop_grace_period:D stop_signal:s storage_opt:M "
     "sysctls:P tmpfs:L tty:b ulimits:<ulimit> use_api_socket:g user:s userns_mode:s uts:s volumes:[mount] "
     "volumes_from:S% working_dir:s pre_start:[hook] post_start:[hook] pre_stop:[hook]"},
    {"build",
     "context:s dockerfile:s dockerfile_inline:s entitlements:S args:E provenance:o sbom:o ssh:L labels:P "
     "cache_from:S cache_to:S no_cache:b no_cache_filter:L additional_contexts:N pull:b extra_hosts:H "
     "isolation:s network:s target:s secrets:[grant] shm_size:Y tags:S ulimits:<ulimit> platforms:S "
     "privileged:b"},
    {"blkio",
     "weight:i weight_device:[weight_device] device_read_bps:[throttle] device_read_iops:[throttle] "
     "device_write_bps:[throttle] device_write_iops:[throttle]"},
    {"weight_device", "path:s weight:i"},
    {"throttle", "path:s rate:Y"},
    {"credential", "config:s file:s registry:s"},
    {"dependency", "condition:s!=service_started|service_healthy|service_completed_successfully restart:b required:G"},
    {"device", "source:s! target:s! permissions:s"},
    {"env_file", "path:s! required:B format:s"},
    {"extends", "file:s service:s"},
    {"gpu", "capabilities:S% driver:s count:X device_ids:S% options:P%"},
    {"grant", "source:s target:s uid:s gid:s mode:O"},
    {"healthcheck", "test:X timeout:D interval:D retries:I>0 start_period:D start_interval:D disable:b"},
    {"logging", "driver:s options:M"},
    {"hook", "command:C!? image:s user:s privileged:b working_dir:s environment:E%"},
    {"provider", "type:s! options:X"},
    {"service_model", "endpoint_var:s model_var:s"},
    {"attachment",
     "aliases:S driver_opts:m gw_priority:W interface_name:s ipv4_address:s ipv6_address:s link_local_ips:S "
     "mac_address:s priority:W"},
    {"port", "name:s mode:s host_ip:s target:i!>0 published:n protocol:s app_protocol:s"},
    {"mount",
     "type:s!=bind|volume|tmpfs|npipe|cluster|image source:s target:s! read_only:b consistency:s bind:{bind} "
     "volume:{volume_options} tmpfs:{tmpfs} image:{image_mount}"},
    {"bind", "selinux:s=z|Z propagation:s create_host_path:B recursive:s=enabled|disabled|writable|readonly"},
    {"volume_options", "labels:P% nocopy:b subpath:s"},
    {"tmpfs", "size:Y>0 mode:w>0"},
    {"image_mount", "subpath:s"},
    {"ulimit", "soft:I! hard:I!"},
    {"develop", "watch:[watch]"},
    {"watch",
     "path:s! action:s!=rebuild|sync|restart|sync+restart|sync+exec target:s exec:{hook} include:L% ignore:L% "
     "initial_sync:g"},
    {"deploy",
     "mode:s replicas:I>0 labels:P update_config:{update_config} rollback_config:{update_config} "
     "resources:{resources} restart_policy:{restart_policy} placement:{placement} endpoint_mode:s"},
    {"resources", "limits:{limits} reservations:{reservations}"},
    {"limits", "cpus:f memory:z pids:i"},
    {"reservations", "cpus:f memory:z devices:[gpu] generic_resources:[generic_resource]"},
    {"generic_resource", "discrete_resource_spec:{discrete_resource}"},
    {"discrete_resource", "kind:s value:i"},
    {"restart_policy", "condition:s delay:D max_attempts:I>0 window:D"},
    {"update_config",
     "parallelism:I>0 delay:D failure_action:s monitor:D max_failure_ratio:f order:s=start-first|stop-first"},
    {"placement", "constraints:S preferences:[preference] max_replicas_per_node:i>0"},
    {"preference", "spread:s"},
    {"network",
     "name:s driver:s driver_opts:m ipam:{ipam} external:X internal:b attachable:b labels:P enable_ipv4:B "
     "enable_ipv6:B"},
    {"ipam", "driver:s config:[pool] options:T"},
    {"pool", "subnet:s gateway:s ip_range:s aux_addresses:T"},
    {"volume", "name:s driver:s driver_opts:m external:X labels:P%"},
    {"secret", "name:s file:s environment:s external:X labels:P% driver:s driver_opts:m template_driver:s"},
    {"config", "name:s file:s environment:s content:s external:X labels:P% template_driver:s"},
    {"model", "name:s model:s! context_size:i runtime_flags:S"},
};

Shape shape_of(char letter) {
  switch (letter) {
    case 's': return Shape::Text;
    case 'b': return Shape::Flag;
    case 'B': return Shape::FlagOrNone;
    case 'g': return Shape::StrictFlag;
    case 'G': return Shape::StrictOrNone;
    case 'i': return Shape::Integer;
    case 'I': return Shape::IntegerOrNone;
    case 'w': return Shape::WholePart;
    case 'W': return Shape::WholeNumber;
    case 'f': return Shape::Number;
    case 'y': return Shape::Bytes;
    case 'Y': return Shape::WholeBytes;
    case 'z': return Shape::BytesText;
    case 'D': return Shape::Duration;
    case 'S': return Shape::Texts;
    case 'L': return Shape::TextOrTexts;
    case 'K': return Shape::Scalars;
    case 'P': return Shape::Pairs;
    case 'E': return Shape::PairsOrNone;
    case 'N': return Shape::NamedTexts;
    case 'T': return Shape::TextMap;
    case 'm': return Shape::OptionMap;
    case 'M': return Shape::LooseOptions;
    case 'H': return Shape::Hosts;
    case 'C': return Shape::Command;
    case 'n': return Shape::IntegerText;
    case 'o': return Shape::FlagText;
    case 'O': return Shape::FileMode;
    case '{': return Shape::Struct;
    case '[': return Shape::StructList;
    case '<': return Shape::StructMap;
    default: return Shape::Anything;
  }
}

// "name:shape" and what may follow: ! % ? =words >least <most
Field parse_field(std::string_view word) {
  const std::size_t colon = word.find(':');
  Field field{.name = std::string(word.substr(0, colon)),
              .shape = shape_of(word[colon + 1]),
              .structure = {},
              .words = {},
              .least = {},
              .most = {}};
  std::string_view rest = word.substr(colon + 2);
  if (field.shape == Shape::Struct || field.shape == Shape::StructList || field.shape == Shape::StructMap) {
    const std::size_t end = rest.find_first_of("}]>");
    field.structure = std::string(rest.substr(0, end));
    rest = rest.substr(end + 1);
  }
  while (!rest.empty()) {
    const char mark = rest[0];
    const std::size_t next = std::min(rest.find_first_of("!%?=><", 1), rest.size());
    const std::string_view value = rest.substr(1, next - 1);
    rest = rest.substr(next);
    field.required = field.required || mark == '!';
    field.unique = field.unique || mark == '%';
    field.nullable = field.nullable || mark == '?';
    if (mark == '>' || mark == '<') {
      std::int64_t& bound = (mark == '>' ? field.least : field.most).emplace();
      std::from_chars(value.data(), value.data() + value.size(), bound);
    }
    for (std::size_t at = 0; mark == '=' && at < value.size();) {
      const std::size_t end = std::min(value.find('|', at), value.size());
      field.words.emplace_back(value.substr(at, end - at));
      at = end + 1;
    }
  }
  return field;
}

std::map<std::string, std::vector<Field>> build_table() {
  std::map<std::string, std::vector<Field>> table;
  for (const auto& row : kRows) {
    std::istringstream words(row.fields);
    for (std::string word; words >> word;) table[row.name].push_back(parse_field(word));
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
