#include "build_images.hpp"

#include <signal.h>

#include <cstdio>
#include <vector>

#include "berth/build/build.hpp"
#include "berth/image/store.hpp"
#include "berth/sys/signal_fd.hpp"
#include "compose_files.hpp"
#include "render/live_progress.hpp"

namespace berth::cli {
namespace {

// One image to build, and the services that asked for it.
struct Job {
  build::BuildRequest request;
  std::string name;  // of the first service, shown before each line
};

std::vector<Job> jobs_of(const compose::Loaded& loaded, const std::set<std::string>& services,
                         const BuildWishes& wishes) {
  std::vector<Job> jobs;
  std::map<std::string, std::size_t> known;
  for (const auto& [name, service] : loaded.project.services) {
    if (!service.build || !services.count(name)) continue;
    build::BuildRequest request = build::request_for(*service.build, loaded.environment, loaded.project.secrets);
    for (const auto& [argument, value] : wishes.arguments) request.args[argument] = value;
    request.no_cache = request.no_cache || wishes.no_cache;
    request.check_only = wishes.check_only;
    request.labels["com.docker.compose.project"] = loaded.project.name.value;
    request.labels["com.docker.compose.service"] = name;
    request.labels["com.docker.compose.version"] = BERTH_VERSION;
    request.tags.insert(request.tags.begin(), model::image_name(loaded.project, service));
    const auto [same, fresh] = known.try_emplace(build::definition_key(request), jobs.size());
    if (fresh)
      jobs.push_back({std::move(request), name});
    else
      jobs[same->second].request.tags.insert(jobs[same->second].request.tags.end(), request.tags.begin(),
                                             request.tags.end());
  }
  return jobs;
}

}  // namespace

void build_images(const App& app, const compose::Loaded& loaded, const std::set<std::string>& services,
                  const BuildWishes& wishes) {
  const auto jobs = jobs_of(loaded, services, wishes);
  if (jobs.empty()) return;
  must(state::open_roots(app.paths));
  image::ImageStore store = must(image::ImageStore::open(app.paths.root));
  LiveProgress progress(app);
  const bool draws = progress_mode(app) == ProgressMode::Tty && !wishes.quiet;
  sys::Wakeups wakeups =
      must(sys::Wakeups::create({SIGINT, SIGTERM}, draws ? LiveProgress::kTick : std::chrono::milliseconds(0)));
  build::BuildPorts ports{.images = store,
                          .root = app.paths.root,
                          .run_root = app.paths.run_root,
                          .cancelled =
                              [&] {
                                if (wakeups.take_tick()) progress.tick();
                                return wakeups.is_signalled();
                              },
                          .cancel_fd = wakeups.fd(),
                          .pull = {},
                          .network = build::bridge_network(app.paths.root)};
  for (const auto& job : jobs) {
    using Kind = build::BuildEvent::Kind;
    std::string failure;  // shown once the picture is done
    const auto outcome = build::build(job.request, ports, [&](const build::BuildEvent& event) {
      if (event.kind == Kind::Warning) {
        text::Diagnostics one;
        one.add(event.diagnostic);
        progress.above(stderr, "");
        print_diagnostics(app, one);
      }
      if (event.kind == Kind::Failed) failure += build::render_failure(event);
      if (!wishes.quiet) progress.build(job.name, event);
    });
    if (outcome) continue;
    progress.leave(false);
    std::fputs(failure.c_str(), stderr);
    const std::string what = "building the image of service `" + job.name + "`";
    // The place and the reason stand above where a step failed.
    if (failure.empty())
      print_error(outcome.error().while_doing(what));
    else
      print_error(Error::make(ErrorKind::Failed, what + " failed"));
    throw LoadFailed{outcome.error().kind() == ErrorKind::Cancelled ? kInterrupted : build::kBuildFailedExitCode};
  }
}

}  // namespace berth::cli
