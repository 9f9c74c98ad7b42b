// `pull`: the images of services from their registries.
#include <set>

#include "berth/image/store.hpp"
#include "berth/state/records.hpp"
#include "commands.hpp"
#include "compose_files.hpp"
#include "pull_images.hpp"
#include "pull_policy.hpp"

namespace berth::cli {
namespace {

struct Wanted {
  std::string service;
  registry::PullRequest request;
  bool can_be_built = false;
};

// Compat: what is not pulled is told why, on the way.
std::vector<Wanted> wanted_images(const App& app, const compose::Loaded& loaded, const image::ImageStore& store) {
  using Kind = PullPolicy::Kind;
  const OptionValues& given = app.line.options;
  const bool quiet = given.flag("quiet") || app.line.globals.text("progress") == "quiet";
  const std::string flag = given.text("policy");
  std::vector<Wanted> out;
  for (const auto& [name, service] : loaded.project.services) {
    std::string skipped;
    const auto policy = pull_policy_of(service.pull_policy, service.pull_refresh_after, flag);
    const bool only_missing = flag == "missing" || (flag.empty() && service.pull_policy == "missing");
    if (service.image.empty())
      skipped = "it is built and has no image of its own";
    else if (policy.kind == Kind::Never || policy.kind == Kind::Build)
      skipped = "its pull_policy is " + service.pull_policy;
    else if (service.build && given.flag("ignore-buildable"))
      skipped = "it can be built";
    else if (only_missing && store.find(service.image))
      skipped = "its image is here already";
    if (skipped.empty())
      out.push_back({name, {service.image, service.platform}, service.build.has_value()});
    else if (!quiet)
      print_note("service `" + name + "` is skipped: " + skipped);
  }
  return out;
}

}  // namespace

int run_pull(const App& app) {
  const OptionValues& given = app.line.options;
  auto options = load_options(app, app.line.operands);
  options.no_dependencies = !given.flag("include-deps");
  const auto loaded = load_with(app, options);
  must(state::open_roots(app.paths));
  image::ImageStore store = must(image::ImageStore::open(app.paths.root));
  const auto wanted = wanted_images(app, loaded, store);
  if (app.line.globals.flag("dry-run")) {
    for (const auto& each : wanted)
      print_note("would pull `" + each.request.reference + "` of service `" + each.service + "`");
    return kOk;
  }
  std::vector<registry::PullRequest> requests;
  for (const auto& each : wanted) requests.push_back(each.request);
  const auto outcomes = pull_all(app, store, requests, given.flag("quiet"));
  bool failed = false;
  std::string to_build;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i]) continue;
    if (wanted[i].can_be_built) {
      print_warning(outcomes[i].error().to_string());
      to_build += " " + wanted[i].service;
    } else if (given.flag("ignore-pull-failures")) {
      print_warning(outcomes[i].error().to_string());
    } else {
      print_error(outcomes[i].error());
      failed = true;
    }
  }
  if (!to_build.empty()) print_warning("some images must be built: `" + app.program + " build" + to_build + "`");
  return failed ? kPullFailed : kOk;
}

}  // namespace berth::cli
