#include "docker/run_document.hpp"

#include <boost/json.hpp>
#include <charconv>
#include <optional>

#include "berth/text/duration.hpp"
#include "docker/env_files.hpp"
#include "docker/listing.hpp"
#include "docker/networks.hpp"

namespace berth::cli::docker {
namespace {

namespace bj = boost::json;

// `$` is doubled, for the shell has been through it already.
bj::value literal(const std::string& text) {
  std::string doubled;
  for (const char c : text) doubled += c == '$' ? "$$" : std::string(1, c);
  return bj::value(bj::string(doubled));
}

bj::array literals(const std::vector<std::string>& list) {
  bj::array array;
  for (const auto& text : list) array.push_back(literal(text));
  return array;
}

bj::object literals(const std::map<std::string, std::string>& map) {
  bj::object object;
  for (const auto& [key, value] : map) object[key] = literal(value);
  return object;
}

// A number where it is one.
bj::value number_or_text(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed == std::errc() && end == text.data() + text.size() && !text.empty()) return number;
  return literal(text);
}

Error bad_flag(const std::string& flag, const std::string& value, const std::string& why) {
  return Error::make(ErrorKind::Invalid, "invalid value `" + value + "` for --" + flag + ": " + why);
}

// Flags whose value is a key of a service as it stands.
constexpr struct {
  const char* flag;
  const char* key;
} kTexts[] = {{"user", "user"},
              {"workdir", "working_dir"},
              {"hostname", "hostname"},
              {"domainname", "domainname"},
              {"mac-address", "mac_address"},
              {"shm-size", "shm_size"},
              {"memory", "mem_limit"},
              {"memory-reservation", "mem_reservation"},
              {"memory-swap", "memswap_limit"},
              {"memory-swappiness", "mem_swappiness"},
              {"oom-score-adj", "oom_score_adj"},
              {"cpus", "cpus"},
              {"cpu-shares", "cpu_shares"},
              {"cpu-period", "cpu_period"},
              {"cpu-quota", "cpu_quota"},
              {"pids-limit", "pids_limit"},
              {"uts", "uts"},
              {"userns", "userns_mode"},
              {"cgroupns", "cgroup"},
              {"cgroup-parent", "cgroup_parent"},
              {"runtime", "runtime"},
              {"restart", "restart"},
              {"stop-signal", "stop_signal"},
              {"platform", "platform"},
              {"pid", "pid"},
              {"ipc", "ipc"}};
constexpr std::string_view kNumbers[] = {"memory-swap", "memory-swappiness", "oom-score-adj", "cpu-shares",
                                         "cpu-period",  "cpu-quota",         "pids-limit"};
constexpr struct {
  const char* flag;
  const char* key;
} kLists[] = {
    {"group-add", "group_add"},       {"add-host", "extra_hosts"}, {"dns", "dns"},
    {"dns-search", "dns_search"},     {"tmpfs", "tmpfs"},          {"device", "devices"},
    {"cap-add", "cap_add"},           {"cap-drop", "cap_drop"},    {"sysctl", "sysctls"},
    {"security-opt", "security_opt"}, {"link", "external_links"},  {"device-cgroup-rule", "device_cgroup_rules"},
    {"annotation", "annotations"}};
constexpr struct {
  const char* flag;
  const char* key;
} kFlags[] = {{"tty", "tty"},
              {"interactive", "stdin_open"},
              {"init", "init"},
              {"read-only", "read_only"},
              {"oom-kill-disable", "oom_kill_disable"},
              {"privileged", "privileged"}};

class RunDocument {
 public:
  RunDocument(const RunWishes& wishes, const OptionValues& given) : wishes_(wishes), given_(given) {}

  Result<std::string> make() {
    service_["image"] = literal(wishes_.image);
    service_["container_name"] = wishes_.name;
    process();
    for (const auto& [flag, key] : kTexts)
      if (given_.given(flag) && !given_.text(flag).empty()) {
        const bool number = std::find(std::begin(kNumbers), std::end(kNumbers), flag) != std::end(kNumbers);
        service_[key] = number ? number_or_text(given_.text(flag)) : literal(given_.text(flag));
      }
    for (const auto& [flag, key] : kLists)
      if (given_.given(flag)) service_[key] = literals(given_.all(flag));
    for (const auto& [flag, key] : kFlags)
      if (given_.flag(flag)) service_[key] = true;
    auto options = given_.all("dns-option");
    for (const auto& option : given_.all("dns-opt")) options.push_back(option);
    if (!options.empty()) service_["dns_opt"] = literals(options);
    if (!wishes_.labels.empty()) service_["labels"] = literals(wishes_.labels);
    if (const auto seconds = given_.number("stop-timeout"))
      service_["stop_grace_period"] = *seconds < 0 ? "876000h" : std::to_string(*seconds) + "s";
    BERTH_TRY(ulimits());
    BERTH_TRY(health());
    logging();
    BERTH_TRY(networks());
    BERTH_TRY(mounts());
    bj::object document{{"services", bj::object{{wishes_.service, std::move(service_)}}}};
    if (!networks_.empty()) document["networks"] = std::move(networks_);
    if (!volumes_.empty()) document["volumes"] = std::move(volumes_);
    return pretty_json(document) + "\n";
  }

 private:
  void process() {
    if (given_.given("entrypoint")) {
      const std::string program = given_.text("entrypoint");
      service_["entrypoint"] = program.empty() ? bj::array() : bj::array{literal(program)};
    }
    if (!wishes_.command.empty()) service_["command"] = literals(wishes_.command);
    if (!wishes_.variables.empty()) service_["environment"] = literals(wishes_.variables);
  }

  Result<void> ulimits() {
    bj::object limits;
    for (const auto& text : given_.all("ulimit")) {
      const auto [name, value] = split_pair(text);
      const auto colon = value.find(':');
      const bj::value soft = number_or_text(value.substr(0, colon));
      const bj::value hard = colon == std::string::npos ? soft : number_or_text(value.substr(colon + 1));
      if (name.empty() || !soft.is_int64() || !hard.is_int64())
        return bad_flag("ulimit", text, "it is written as nofile=1024:2048");
      limits[name] = bj::object{{"soft", soft}, {"hard", hard}};
    }
    if (!limits.empty()) service_["ulimits"] = std::move(limits);
    return {};
  }

  Result<void> health() {
    static constexpr std::pair<const char*, const char*> kTimes[] = {{"health-interval", "interval"},
                                                                     {"health-timeout", "timeout"},
                                                                     {"health-start-period", "start_period"},
                                                                     {"health-start-interval", "start_interval"}};
    bj::object check;
    if (!given_.text("health-cmd").empty()) check["test"] = bj::array{"CMD-SHELL", literal(given_.text("health-cmd"))};
    for (const auto& [flag, key] : kTimes)
      if (given_.given(flag)) check[key] = literal(given_.text(flag));
    if (given_.given("health-retries")) check["retries"] = number_or_text(given_.text("health-retries"));
    if (given_.flag("no-healthcheck")) {
      if (!check.empty())
        return Error::make(ErrorKind::Invalid, "--no-healthcheck and the --health flags exclude each other");
      check["disable"] = true;
    }
    if (!check.empty()) service_["healthcheck"] = std::move(check);
    return {};
  }

  void logging() {
    if (!given_.given("log-driver") && !given_.given("log-opt")) return;
    bj::object options;
    for (const auto& option : given_.all("log-opt"))
      options[split_pair(option).first] = literal(split_pair(option).second);
    service_["logging"] = bj::object{{"driver", given_.given("log-driver") ? given_.text("log-driver") : "json-file"},
                                     {"options", std::move(options)}};
  }

  Result<void> networks() {
    auto wanted = given_.all("network");
    for (const auto& name : given_.all("net")) wanted.push_back(name);
    if (wanted.empty()) wanted.push_back("default");
    const std::string& mode = wanted.front();
    if (mode == "host" || mode == "none" || mode.starts_with("container:")) {
      if (wanted.size() > 1)
        return Error::make(ErrorKind::Invalid, "--network " + mode + " does not go together with other networks");
      service_["network_mode"] = mode;
      // Compat: with the host's network, what is published is so anyway; with none, nobody comes in.
      if (mode.starts_with("container:")) ports();
      return {};
    }
    bj::object attached;
    for (std::size_t i = 0; i < wanted.size(); ++i) BERTH_TRY(attach(wanted[i], i == 0, attached));
    service_["networks"] = std::move(attached);
    ports();
    return {};
  }

  // NAME, or name=NAME,alias=A,ip=ADDRESS.
  Result<void> attach(const std::string& text, bool first, bj::object& attached) {
    std::map<std::string, std::string> fields{{"name", text}};
    std::vector<std::string> aliases;
    if (text.find('=') != std::string::npos) {
      fields.clear();
      for (std::size_t at = 0; at <= text.size();) {
        const auto comma = std::min(text.find(',', at), text.size());
        const auto [key, value] = split_pair(text.substr(at, comma - at));
        if (key == "alias")
          aliases.push_back(value);
        else if (key == "name" || key == "ip" || key == "mac-address")
          fields[key] = value;
        else
          return bad_flag("network", text, "`" + key + "` is not known: name, alias, ip and mac-address are");
        at = comma + 1;
      }
    }
    std::string name = fields["name"];
    if (name == "default") name = kDefaultNetwork;
    const bool known = wishes_.known_networks.count(name) != 0;
    if (!known && name != kDefaultNetwork)
      return Error::make(ErrorKind::NotFound, "no such network: `" + name + "`")
          .with_hint("`docker network create " + name + "` makes it");
    bj::object endpoint;
    if (first) {
      for (const char* flag : {"network-alias", "net-alias"})
        for (const auto& alias : given_.all(flag)) aliases.push_back(alias);
      if (given_.given("ip")) fields["ip"] = given_.text("ip");
    }
    if (!aliases.empty()) endpoint["aliases"] = literals(aliases);
    if (fields.count("ip")) endpoint["ipv4_address"] = fields["ip"];
    if (fields.count("mac-address")) endpoint["mac_address"] = fields["mac-address"];
    // The order of --network is that of the interfaces.
    if (!first) endpoint["priority"] = -static_cast<std::int64_t>(attached.size());
    attached[name] = std::move(endpoint);
    bj::object network{{"name", name}};
    if (known) network["external"] = true;
    networks_[name] = std::move(network);
    return {};
  }

  void ports() {
    auto published = given_.all("publish");
    if (given_.flag("publish-all")) {
      for (const auto& port : wishes_.exposed_ports) published.push_back(port);
      for (const auto& port : given_.all("expose")) published.push_back(port);
    }
    if (given_.given("expose")) service_["expose"] = literals(given_.all("expose"));
    if (!published.empty()) service_["ports"] = literals(published);
  }

  Result<void> mounts() {
    bj::array list;
    for (const auto& text : given_.all("volume")) {
      const auto colon = text.find(':');
      const std::string source = colon == std::string::npos ? "" : text.substr(0, colon);
      if (!source.empty() && source.find_first_of("/.~") != 0) declare_volume(source, {});
      list.push_back(literal(text));
    }
    for (const auto& text : given_.all("mount")) {
      auto fields = parse_mount(text);
      if (!fields) return fields.error();
      auto mount = long_mount(text, std::move(*fields));
      if (!mount) return mount.error();
      list.push_back(std::move(*mount));
    }
    if (!list.empty()) service_["volumes"] = std::move(list);
    if (!wishes_.volumes_from.empty()) service_["volumes_from"] = literals(wishes_.volumes_from);
    return {};
  }

  void declare_volume(const std::string& name, bj::object options) {
    bj::object volume{{"name", literal(name)}};
    if (wishes_.known_volumes.count(name))
      volume["external"] = true;
    else if (!options.empty())
      volume["driver_opts"] = std::move(options);
    volumes_[name] = std::move(volume);
  }

  Result<bj::object> long_mount(const std::string& text, std::map<std::string, std::string> fields) {
    const auto take = [&](std::initializer_list<const char*> names) {
      std::string value;
      for (const char* name : names)
        if (const auto field = fields.extract(name)) value = field.mapped();
      return value;
    };
    std::string type = take({"type"});
    if (type.empty()) type = "volume";
    bj::object mount{{"type", type}};
    const std::string source = take({"source", "src"}), target = take({"target", "dst", "destination"});
    if (target.empty()) return bad_flag("mount", text, "a target is missing");
    mount["target"] = literal(target);
    const std::string read_only = take({"readonly", "ro"});
    if (read_only == "true" || read_only == "1") mount["read_only"] = true;
    take({"consistency"});
    if (type == "bind") {
      if (source.empty()) return bad_flag("mount", text, "a bind needs its source");
      bj::object bind{{"create_host_path", take({"bind-create-src"}) == "true"}};
      const std::string propagation = take({"bind-propagation"});
      if (!propagation.empty()) bind["propagation"] = propagation;
      mount["bind"] = std::move(bind);
      mount["source"] = literal(source);
    } else if (type == "volume") {
      bj::object volume, options;
      const std::string no_copy = take({"volume-nocopy"}), below = take({"volume-subpath"});
      if (no_copy == "true" || no_copy == "1") volume["nocopy"] = true;
      if (!below.empty()) volume["subpath"] = literal(below);
      const std::string option = take({"volume-opt"}), driver = take({"volume-driver"});
      if (!driver.empty() && driver != "local") return bad_flag("mount", text, "only local volumes exist");
      if (!option.empty()) options[split_pair(option).first] = literal(split_pair(option).second);
      if (!volume.empty()) mount["volume"] = std::move(volume);
      if (!source.empty()) {
        declare_volume(source, std::move(options));
        mount["source"] = literal(source);
      }
    } else if (type == "tmpfs") {
      bj::object tmpfs;
      const std::string size = take({"tmpfs-size"}), mode = take({"tmpfs-mode"});
      if (!size.empty()) tmpfs["size"] = literal(size);
      if (!mode.empty()) {
        std::int64_t bits = 0;
        std::from_chars(mode.data(), mode.data() + mode.size(), bits, 8);
        tmpfs["mode"] = bits;
      }
      if (!tmpfs.empty()) mount["tmpfs"] = std::move(tmpfs);
    } else {
      return bad_flag("mount", text, "its type is none of bind, volume, tmpfs");
    }
    if (!fields.empty()) return bad_flag("mount", text, "`" + fields.begin()->first + "` is not known for " + type);
    return mount;
  }

  const RunWishes& wishes_;
  const OptionValues& given_;
  bj::object service_, networks_, volumes_;
};

}  // namespace

Result<std::map<std::string, std::string>> parse_mount(const std::string& text) {
  std::map<std::string, std::string> fields;
  std::string field;
  bool quoted = false;
  const auto add = [&]() -> Result<void> {
    auto [key, value] = split_pair(field);
    if (key.empty()) return bad_flag("mount", text, "it is written as type=bind,src=/a,dst=/b");
    if (field.find('=') == std::string::npos) value = "true";
    fields[key] = value;
    field.clear();
    return {};
  };
  for (const char c : text) {
    if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted)
      BERTH_TRY(add());
    else
      field += c;
  }
  if (quoted) return bad_flag("mount", text, "a quote is not closed");
  BERTH_TRY(add());
  return fields;
}

Result<std::string> run_document(const RunWishes& wishes, const OptionValues& given) {
  return RunDocument(wishes, given).make();
}

}  // namespace berth::cli::docker
