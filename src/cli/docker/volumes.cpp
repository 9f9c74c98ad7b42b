// `docker volume`.
#include <algorithm>
#include <boost/json.hpp>

#include "berth/model/json.hpp"
#include "berth/state/records.hpp"
#include "berth/volume/store.hpp"
#include "docker/commands.hpp"
#include "docker/env_files.hpp"
#include "docker/find.hpp"
#include "docker/listing.hpp"
#include "docker/prune.hpp"
#include "docker/ps_filter.hpp"
#include "docker/sizes.hpp"

namespace berth::cli::docker {
namespace {

namespace bj = boost::json;

const Listing kVolumeListing{{{"Driver", "DRIVER"},
                              {"Name", "VOLUME NAME"},
                              {"Mountpoint", "MOUNTPOINT", false},
                              {"Scope", "SCOPE", false},
                              {"Labels", "LABELS", false},
                              {"Links", "LINKS", false},
                              {"Size", "SIZE", false},
                              {"Availability", "AVAILABILITY", false},
                              {"Group", "GROUP", false},
                              {"Status", "STATUS", false}},
                             "Name"};

std::map<std::string, std::string> labels_of_volume(const engine::VolumeState& volume) {
  auto labels = volume.spec.volume.labels;
  if (!volume.spec.project.empty() && volume.spec.project != kReserved && !volume.spec.key.empty()) {
    labels["com.docker.compose.project"] = volume.spec.project.value;
    labels["com.docker.compose.volume"] = volume.spec.key;
  }
  return labels;
}

bj::object volume_row(const engine::VolumeState& volume) {
  std::string labels;
  for (const auto& [key, value] : labels_of_volume(volume)) labels += (labels.empty() ? "" : ",") + key + "=" + value;
  return {{"Availability", "N/A"},
          {"Driver", "local"},
          {"Group", "N/A"},
          {"Labels", labels},
          {"Links", "N/A"},
          {"Mountpoint", volume.path},
          {"Name", volume.spec.volume.name},
          {"Scope", "local"},
          {"Size", "N/A"},
          {"Status", "N/A"}};
}

}  // namespace

int run_volume_ls(const App& app) {
  const auto filters = must(parse_filters(app.line.options.all("filter"), {"dangling", "driver", "label", "name"}));
  const auto all = all_containers(app);
  std::vector<bj::object> rows;
  for (const auto& volume : must(volume::VolumeStore(app.paths.root).list())) {
    const std::string& name = volume.spec.volume.name;
    if (!has_labels(labels_of_volume(volume), filters)) continue;
    const bool wanted = std::all_of(filters.begin(), filters.end(), [&](const auto& filter) {
      const auto& [key, value] = filter;
      if (key == "name") return name.find(value) != std::string::npos;
      if (key == "driver") return value == "local";
      if (key == "dangling") return users_of_volume(all, name).empty() == (value == "true" || value == "1");
      return true;
    });
    if (wanted) rows.push_back(volume_row(volume));
  }
  print_listing(app, kVolumeListing, rows);
  return kOk;
}

int run_volume_create(const App& app) {
  const OptionValues& given = app.line.options;
  engine::VolumeSpec spec;
  auto& volume = spec.volume;
  volume.name = app.line.operands.empty() ? given.text("name") : app.line.operands[0];
  if (volume.name.empty()) volume.name = volume::VolumeStore::anonymous_name();
  volume.driver = given.text("driver");
  volume.labels = labels_of({}, given.all("label"));
  for (const auto& option : given.all("opt")) volume.driver_opts.insert(split_pair(option));
  spec.key = volume.name;
  spec.config_hash = model::config_hash(volume);
  must(state::open_roots(app.paths));
  must(volume::VolumeStore(app.paths.root).ensure(spec));
  print(volume.name + "\n");
  return kOk;
}

int run_volume_rm(const App& app) {
  const auto all = all_containers(app);
  volume::VolumeStore store(app.paths.root);
  int code = kOk;
  for (const auto& name : app.line.operands) {
    const auto known = store.inspect(name);
    if (!known && known.error().kind() == ErrorKind::NotFound && app.line.options.flag("force")) continue;
    const auto removed = known ? store.remove(name, users_of_volume(all, name)) : Result<void>(known.error());
    if (removed) {
      print(name + "\n");
      continue;
    }
    print_error(removed.error());
    code = kFailed;
  }
  return code;
}

Pruned prune_volumes(const App& app, const PruneFilter& filter, bool named_too) {
  Pruned pruned;
  const auto all = all_containers(app);
  volume::VolumeStore store(app.paths.root);
  for (const auto& volume : must(store.list())) {
    const std::string& name = volume.spec.volume.name;
    const bool anonymous = volume.spec.key.empty();
    if ((!anonymous && !named_too) || !users_of_volume(all, name).empty()) continue;
    if (!filter.allows(labels_of_volume(volume))) continue;
    const std::int64_t size = bytes_below(volume.path);
    if (auto removed = store.remove(name, {}); !removed) {
      print_warning(removed.error().to_string());
      continue;
    }
    pruned.names.push_back(name);
    pruned.bytes += size;
  }
  return pruned;
}

}  // namespace berth::cli::docker
