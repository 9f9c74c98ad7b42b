// `docker container|image|volume|network|system prune`.
#include "docker/prune.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "berth/image/store.hpp"
#include "berth/state/records.hpp"
#include "docker/commands.hpp"
#include "docker/find.hpp"
#include "docker/image_names.hpp"
#include "docker/ps_filter.hpp"
#include "docker/sizes.hpp"
#include "stack.hpp"
#include "stack_client.hpp"
#include "start_stack.hpp"
#include "time_option.hpp"

namespace berth::cli::docker {
namespace {

// Compat: without a terminal to ask on, the answer is taken from stdin; nothing there is no.
bool may_prune(const App& app, const std::string& what) {
  if (app.line.options.flag("force")) return true;
  print("WARNING! This will remove " + what + "\nAre you sure you want to continue? [y/N] ");
  std::fflush(stdout);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

void print_gone(const char* heading, const std::vector<std::string>& names) {
  if (names.empty()) return;
  print(std::string(heading) + ":\n");
  for (const auto& name : names) print(name + "\n");
  print("\n");
}

int print_space(std::int64_t bytes) {
  print("Total reclaimed space: " + size_text(bytes) + "\n");
  return kOk;
}

}  // namespace

PruneFilter PruneFilter::of(const OptionValues& options) {
  PruneFilter filter;
  filter.filters_ = must(parse_filters(options.all("filter"), {"label", "label!", "until"}));
  if (const auto until = filter.filters_.find("until"); until != filter.filters_.end())
    filter.until_ = time_of(until->second, "filter until");
  return filter;
}

bool PruneFilter::allows(const std::map<std::string, std::string>& labels, std::int64_t created_at) const {
  return has_labels(labels, filters_) && (until_ == 0 || created_at < until_);
}

Pruned prune_containers(const App& app, const PruneFilter& filter) {
  Pruned pruned;
  std::map<ProjectName, control::Act> requests;
  std::map<ProjectName, Pruned> parts;
  for (const auto& one : all_containers(app)) {
    if (is_up(one.state.phase) || !filter.allows(one.state.spec.labels, one.state.created_at)) continue;
    auto& options = requests[one.project()].options;
    options.verb = plan::Verb::Remove;
    options.containers.push_back(one.state.id.value);
    options.services.push_back(one.state.spec.service.value);
    parts[one.project()].names.push_back(one.state.id.value);
    parts[one.project()].bytes += written_by(app, one);
  }
  for (const auto& [project, request] : requests) {
    ensure_supervisor(app, project);
    if (request_of_stack(app, project, request) != kOk) continue;
    const auto& part = parts[project];
    pruned.names.insert(pruned.names.end(), part.names.begin(), part.names.end());
    pruned.bytes += part.bytes;
  }
  return pruned;
}

Pruned prune_images(const App& app, const PruneFilter& filter, bool all) {
  Pruned pruned;
  must(state::open_roots(app.paths));
  auto store = must(image::ImageStore::open(app.paths.root));
  for (const auto& image : must(store.list())) {
    if (!all && !image.references.empty()) continue;
    if (!image_users(app, image.digest).empty()) continue;
    const auto config = store.config(image.digest);
    if (!filter.allows(config ? config->config.labels : std::map<std::string, std::string>(), image.created_at))
      continue;
    const auto removed = store.remove(image.digest.value, {}, true);
    if (!removed) {
      print_warning(removed.error().to_string());
      continue;
    }
    for (const auto& name : removed->untagged) pruned.names.push_back("untagged: " + familiar_name(name));
    for (const auto& gone : removed->deleted) pruned.names.push_back("deleted: " + gone.value);
    pruned.bytes += image.size.bytes;
  }
  must(store.gc());
  return pruned;
}

int run_container_prune(const App& app) {
  const auto filter = PruneFilter::of(app.line.options);
  if (!may_prune(app, "all stopped containers.")) return kOk;
  const auto pruned = prune_containers(app, filter);
  print_gone("Deleted Containers", pruned.names);
  return print_space(pruned.bytes);
}

int run_image_prune(const App& app) {
  const auto filter = PruneFilter::of(app.line.options);
  const bool all = app.line.options.flag("all");
  if (!may_prune(app, all ? "all images without at least one container associated to them." : "all dangling images."))
    return kOk;
  const auto pruned = prune_images(app, filter, all);
  print_gone("Deleted Images", pruned.names);
  return print_space(pruned.bytes);
}

// Every record of the cache goes: there is no part of it that nothing could use.
int run_builder_prune(const App& app) {
  if (!may_prune(app, "all build cache.")) return kOk;
  must(state::open_roots(app.paths));
  const std::string images = app.paths.below_root("images");
  auto store = must(image::ImageStore::open(app.paths.root));
  const std::int64_t before = bytes_below(images);
  must(store.cache_clear());
  must(store.gc());
  return print_space(std::max<std::int64_t>(0, before - bytes_below(images)));
}

int run_volume_prune(const App& app) {
  const auto filter = PruneFilter::of(app.line.options);
  const bool all = app.line.options.flag("all");
  if (!may_prune(app, all ? "all local volumes not used by at least one container."
                          : "anonymous local volumes not used by at least one container."))
    return kOk;
  const auto pruned = prune_volumes(app, filter, all);
  print_gone("Deleted Volumes", pruned.names);
  return print_space(pruned.bytes);
}

int run_network_prune(const App& app) {
  const auto filter = PruneFilter::of(app.line.options);
  if (!may_prune(app, "all custom networks not used by at least one container.")) return kOk;
  print_gone("Deleted Networks", prune_networks(app, filter));
  return kOk;
}

int run_system_prune(const App& app) {
  const auto filter = PruneFilter::of(app.line.options);
  const bool all = app.line.options.flag("all"), volumes = app.line.options.flag("volumes");
  std::string what = "\n  - all stopped containers\n  - all networks not used by at least one container\n";
  if (volumes) what += "  - all anonymous volumes not used by at least one container\n";
  what += all ? "  - all images without at least one container associated to them\n" : "  - all dangling images\n";
  what += "  - unused build cache\n";
  if (!may_prune(app, what)) return kOk;
  const auto containers = prune_containers(app, filter);
  print_gone("Deleted Containers", containers.names);
  print_gone("Deleted Networks", prune_networks(app, filter));
  Pruned gone_volumes;
  if (volumes) gone_volumes = prune_volumes(app, filter, false);
  print_gone("Deleted Volumes", gone_volumes.names);
  must(state::open_roots(app.paths));
  {
    auto store = must(image::ImageStore::open(app.paths.root));
    must(store.cache_clear());  // what only the cache has kept goes with the images
  }
  const auto images = prune_images(app, filter, all);
  print_gone("Deleted Images", images.names);
  return print_space(containers.bytes + gone_volumes.bytes + images.bytes);
}

}  // namespace berth::cli::docker
