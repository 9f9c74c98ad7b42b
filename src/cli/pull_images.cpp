#include "pull_images.hpp"

#include <signal.h>

#include <algorithm>
#include <set>

#include "berth/image/reference.hpp"
#include "berth/image/store.hpp"
#include "berth/model/names.hpp"
#include "berth/state/records.hpp"
#include "berth/sys/signal_fd.hpp"
#include "compose_files.hpp"
#include "pull_policy.hpp"
#include "render/live_progress.hpp"
#include "stack.hpp"

namespace berth::cli {
namespace {

// When the registry was last asked about what the name stands for now.
std::optional<std::int64_t> last_asked(const image::ImageStore& store, const ImageDigest& digest,
                                       const std::string& reference) {
  const auto name = image::parse_reference(reference);
  if (!name) return std::nullopt;
  for (const auto& origin : must(store.origins(digest)))
    if (origin.repository == name->domain + "/" + name->path) return origin.pulled_at;
  return std::nullopt;
}

bool is_built_here(const model::Project& project, const model::Service& service) {
  if (service.build) return true;
  return std::any_of(project.services.begin(), project.services.end(), [&](const auto& other) {
    return other.second.build && model::image_name(project, other.second) == service.image;
  });
}

}  // namespace

text::Diagnostic image_error(const model::Service& service, const Error& error) {
  text::Diagnostic out;
  out.severity = text::Severity::Error;
  if (const auto place = service.spans.find("image"); place != service.spans.end()) out.span = place->second;
  out.message = "service `" + service.name.value + "`: " + error.to_string();
  out.hint = error.hint();
  return out;
}

std::vector<Result<registry::PulledImage>> pull_all(const App& app, image::ImageStore& store,
                                                    std::vector<registry::PullRequest> requests, bool quiet) {
  if (requests.empty()) return {};
  for (auto& request : requests)
    if (request.platform.empty()) request.platform = app.variable("DOCKER_DEFAULT_PLATFORM");
  LiveProgress progress(app);
  const bool draws = progress_mode(app) == ProgressMode::Tty && !quiet;
  sys::Wakeups wakeups =
      must(sys::Wakeups::create({SIGINT, SIGTERM}, draws ? LiveProgress::kTick : std::chrono::milliseconds(0)));
  registry::TransferPorts ports;
  ports.images = &store;
  ports.environment = app.environment;
  ports.wake_fd = wakeups.fd();
  ports.cancelled = [&] {
    if (wakeups.take_tick()) progress.tick();
    return wakeups.is_signalled();
  };
  auto outcomes = registry::pull_images(requests, ports, [&](const registry::TransferEvent& event) {
    if (!quiet) progress.transfer(event);
  });
  progress.leave(false);
  const bool interrupted = std::any_of(outcomes.begin(), outcomes.end(), [](const auto& outcome) {
    return !outcome && outcome.error().kind() == ErrorKind::Cancelled;
  });
  if (interrupted) throw LoadFailed{kInterrupted};
  return outcomes;
}

registry::PulledImage pull_image(const App& app, const std::string& reference, const std::string& platform,
                                 bool quiet) {
  must(image::parse_reference(reference));
  must(state::open_roots(app.paths));
  image::ImageStore store = must(image::ImageStore::open(app.paths.root));
  return must(std::move(pull_all(app, store, {{reference, platform}}, quiet).front()));
}

bool is_to_be_pulled(const image::ImageStore& store, const model::Service& service, const std::string& flag) {
  if (service.image.empty()) return false;  // built under a name of the project's own
  const auto digest = store.find(service.image);
  if (!digest && digest.error().kind() != ErrorKind::NotFound) throw Failure(digest.error());
  const auto asked = digest ? last_asked(store, *digest, service.image) : std::nullopt;
  const auto policy = pull_policy_of(service.pull_policy, service.pull_refresh_after, flag);
  return must_pull(policy, digest.has_value(), asked, now_ns());
}

std::vector<plan::ImagePull> pulls_of_start(const App& app, const compose::Loaded& loaded,
                                            const std::set<std::string>& services) {
  const OptionValues& given = app.line.options;
  const image::ImageStore store = must(image::ImageStore::open(app.paths.root));
  std::vector<plan::ImagePull> out;
  for (const auto& [name, service] : loaded.project.services) {
    // Compat: with both `build` and `image` the registry is asked first, unless it is to be built anyway.
    const bool builds = service.build && given.flag("build");
    if (!services.count(name) || builds || !is_to_be_pulled(store, service, given.text("pull"))) continue;
    if (!service.build && is_built_here(loaded.project, service)) continue;
    out.push_back(
        {service.image, name, store.find(service.image) ? "its pull policy says so" : "it is not in the store"});
  }
  return out;
}

void pull_for_start(const App& app, const compose::Loaded& loaded, const std::set<std::string>& services) {
  const OptionValues& given = app.line.options;
  const auto pulls = pulls_of_start(app, loaded, services);
  if (pulls.empty()) return;
  image::ImageStore store = must(image::ImageStore::open(app.paths.root));
  std::vector<registry::PullRequest> requests;
  std::vector<const model::Service*> wanting;
  for (const auto& pull : pulls) {
    wanting.push_back(&loaded.project.services.at(pull.service));
    requests.push_back({pull.reference, wanting.back()->platform});
  }
  const bool quiet = given.flag("quiet-pull") || app.line.globals.text("progress") == "quiet";
  const auto outcomes = pull_all(app, store, requests, quiet);
  text::Diagnostics failures;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i]) continue;
    const model::Service& service = *wanting[i];
    if (service.build && !given.flag("no-build")) {
      print_warning(outcomes[i].error().to_string() + ", building service `" + service.name.value + "` instead");
      continue;
    }
    failures.add(image_error(service, outcomes[i].error()));
  }
  print_diagnostics(app, failures);
  if (failures.has_errors()) throw LoadFailed{kPullFailed};
}

}  // namespace berth::cli
