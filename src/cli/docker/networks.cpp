// `docker network`.
#include "docker/networks.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "berth/model/json.hpp"
#include "berth/network/firewall.hpp"
#include "berth/network/shared_names.hpp"
#include "berth/state/records.hpp"
#include "docker/commands.hpp"
#include "docker/container_json.hpp"
#include "docker/env_files.hpp"
#include "docker/find.hpp"
#include "docker/listing.hpp"
#include "docker/prune.hpp"
#include "docker/ps_filter.hpp"

namespace berth::cli::docker {
namespace {

namespace bj = boost::json;

const Listing kNetworkListing{{{"ID", "NETWORK ID"},
                               {"Name", "NAME"},
                               {"Driver", "DRIVER"},
                               {"Scope", "SCOPE"},
                               {"Labels", "LABELS", false},
                               {"IPv4", "IPV4", false},
                               {"IPv6", "IPV6", false},
                               {"Internal", "INTERNAL", false},
                               {"CreatedAt", "CREATED AT", false}},
                              "ID"};

bj::object network_row(const bj::object& network, bool whole) {
  const auto text = [&](const char* member) { return std::string(network.at(member).get_string()); };
  std::string labels;
  for (const auto& [key, value] : network.at("Labels").get_object())
    labels += (labels.empty() ? "" : ",") + std::string(key) + "=" + std::string(value.get_string());
  return {{"ID", whole ? text("Id") : text("Id").substr(0, 12)},
          {"Name", text("Name")},
          {"Driver", text("Driver")},
          {"Scope", "local"},
          {"Labels", labels},
          {"IPv4", "true"},
          {"IPv6", "false"},
          {"Internal", network.at("Internal").get_bool() ? "true" : "false"},
          {"CreatedAt", ""}};
}

bool is_wanted_network(const bj::object& network, const std::multimap<std::string, std::string>& filters,
                       const std::vector<Found>& all) {
  const std::string name(network.at("Name").get_string()), id(network.at("Id").get_string());
  std::map<std::string, std::string> labels;
  for (const auto& [key, value] : network.at("Labels").get_object())
    labels[std::string(key)] = std::string(value.get_string());
  if (!has_labels(labels, filters)) return false;
  return std::all_of(filters.begin(), filters.end(), [&](const auto& filter) {
    const auto& [key, value] = filter;
    if (key == "name") return name.find(value) != std::string::npos;
    if (key == "id") return id.starts_with(value);
    if (key == "driver") return network.at("Driver").get_string() == bj::string_view(value);
    if (key == "scope") return value == "local";
    if (key == "type") return (value == "builtin") == is_built_in(name);
    if (key == "dangling")
      return is_built_in(name) || users_of_network(all, name).empty() == (value == "true" || value == "1");
    return true;
  });
}

engine::NetworkSpec spec_of(const App& app) {
  const OptionValues& given = app.line.options;
  engine::NetworkSpec spec;
  auto& network = spec.network;
  spec.key = network.name = app.line.operands[0];
  if (is_built_in(network.name) || network.name.find_first_of("/: \t") != std::string::npos)
    throw Failure(Error::make(ErrorKind::Invalid, "`" + network.name + "` cannot be the name of a network"));
  network.driver = given.text("driver");
  if (network.driver != "bridge")
    throw Failure(Error::make(ErrorKind::Unsupported, "there is no network driver `" + network.driver + "`")
                      .with_hint("`bridge` is the one"));
  network.internal = given.flag("internal");
  network.attachable = given.flag("attachable");
  network.labels = labels_of({}, given.all("label"));
  for (const auto& option : given.all("opt")) network.driver_opts.insert(split_pair(option));
  model::IpamPool pool;
  pool.subnet = given.text("subnet");
  pool.ip_range = given.text("ip-range");
  pool.gateway = given.text("gateway");
  for (const auto& address : given.all("aux-address")) pool.aux_addresses.insert(split_pair(address));
  if (pool.subnet.empty() && (!pool.ip_range.empty() || !pool.gateway.empty() || !pool.aux_addresses.empty()))
    throw Failure(Error::make(ErrorKind::Invalid, "--ip-range, --gateway and --aux-address need --subnet"));
  if (!pool.subnet.empty()) network.ipam.push_back(std::move(pool));
  spec.config_hash = model::config_hash(network);
  return spec;
}

Result<void> remove_network(const App& app, const std::string& name) {
  network::Bridges bridges(app.paths.root);
  BERTH_TRY(bridges.remove({name}));
  auto shared = network::SharedNames::create(app.paths.run_root, kReserved);
  if (!shared) return shared.error();
  BERTH_TRY(shared->unshare(name));
  auto restored = network::restore_forwarding(app.paths.root);
  return restored ? Result<void>() : Result<void>(restored.error());
}

Result<void> remove_unused_network(const App& app, const std::vector<Found>& all, const std::string& name) {
  if (is_built_in(name) && name != kDefaultNetwork)
    return Error::make(ErrorKind::Invalid, "network `" + name + "` is always there");
  const auto users = users_of_network(all, name);
  if (!users.empty()) {
    std::string who;
    for (const auto& user : users) who += (who.empty() ? "`" : ", `") + user + "`";
    return Error::make(ErrorKind::Busy, "network `" + name + "` is in use by " + who)
        .with_hint("remove what uses it first");
  }
  return remove_network(app, name);
}

}  // namespace

std::map<std::string, network::NetworkRecord> all_networks(const App& app) {
  return must(network::Bridges(app.paths.root).observe());
}

bool is_built_in(const std::string& name) { return name == kDefaultNetwork || name == "host" || name == "none"; }

Result<std::string> find_network(const std::map<std::string, network::NetworkRecord>& networks,
                                 const std::string& text) {
  if (networks.count(text) || is_built_in(text)) return text;
  std::vector<std::string> names{"bridge", "host", "none"};
  for (const auto& [name, record] : networks)
    if (!is_built_in(name)) names.push_back(name);
  std::string found;
  for (const auto& name : names) {
    if (text.empty() || !network_id(name).starts_with(text)) continue;
    if (!found.empty())
      return Error::make(ErrorKind::Invalid, "several networks have an id that begins with `" + text + "`");
    found = name;
  }
  if (found.empty()) return Error::make(ErrorKind::NotFound, "no such network: `" + text + "`");
  return found;
}

int run_network_ls(const App& app) {
  const auto filters = must(
      parse_filters(app.line.options.all("filter"), {"dangling", "driver", "id", "label", "name", "scope", "type"}));
  const auto all = all_containers(app);
  auto networks = all_networks(app);
  std::vector<bj::object> rows;
  const auto add = [&](const bj::object& network) {
    if (is_wanted_network(network, filters, all))
      rows.push_back(network_row(network, app.line.options.flag("no-trunc")));
  };
  if (!networks.count(kDefaultNetwork)) add(host_network_json(kDefaultNetwork));
  for (const auto& [name, record] : networks) add(network_json(record, {}));
  for (const char* name : {"host", "none"}) add(host_network_json(name));
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.at("Name").get_string() < b.at("Name").get_string(); });
  print_listing(app, kNetworkListing, rows);
  return kOk;
}

int run_network_create(const App& app) {
  const auto spec = spec_of(app);
  must(state::open_roots(app.paths));
  if (all_networks(app).count(spec.network.name))
    throw Failure(
        Error::make(ErrorKind::AlreadyExists, "network with name `" + spec.network.name + "` already exists"));
  must(network::Bridges(app.paths.root).ensure(spec));
  print(network_id(spec.network.name) + "\n");
  return kOk;
}

int run_network_rm(const App& app) {
  const auto all = all_containers(app);
  int code = kOk;
  for (const auto& text : app.line.operands) {
    const auto name = find_network(all_networks(app), text);
    if (!name && app.line.options.flag("force")) continue;
    const auto removed = name ? remove_unused_network(app, all, *name) : Result<void>(name.error());
    if (removed) {
      print(text + "\n");
      continue;
    }
    print_error(removed.error());
    code = kFailed;
  }
  return code;
}

// Compat: also those of a stack that is down. The default one is made anew when it is needed.
std::vector<std::string> prune_networks(const App& app, const PruneFilter& filter) {
  std::vector<std::string> gone;
  const auto all = all_containers(app);
  for (const auto& [name, record] : all_networks(app)) {
    if (!users_of_network(all, name).empty() || !filter.allows(record.spec.network.labels)) continue;
    if (auto removed = remove_network(app, name); !removed)
      print_warning(removed.error().to_string());
    else if (name != kDefaultNetwork)  // Compat: docker's own is always there; ours is made anew when somebody needs it
      gone.push_back(name);
  }
  return gone;
}

}  // namespace berth::cli::docker
