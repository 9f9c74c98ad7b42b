#include "build_images.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include "berth/build/build.hpp"
#include "berth/image/store.hpp"
#include "berth/registry/pull.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/signal_fd.hpp"
#include "compose_files.hpp"
#include "docker_proxies.hpp"
#include "render/live_progress.hpp"

namespace berth::cli {
namespace {

constexpr std::string_view kServicePrefix = "service:";
constexpr std::size_t kLargestDockerConfig = 4u << 20;

// One image to build, and the services that asked for it.
struct Job {
  build::BuildRequest request;
  std::string name;                          // of the first service, shown before each line
  std::map<std::string, std::size_t> bases;  // additional contexts that are images of jobs before this one
};

// Jobs in an order in which each stands behind those that it builds on.
struct JobList {
  const compose::Loaded& loaded;
  const BuildWishes& wishes;
  std::map<std::string, std::string> proxies;
  std::vector<Job> jobs;
  std::map<std::string, std::size_t> by_definition;
  std::map<std::string, std::optional<std::size_t>> by_service;  // nothing: under way

  const model::Service* find(const std::string& name) const {
    for (const auto* services : {&loaded.project.services, &loaded.project.disabled_services})
      if (const auto at = services->find(name); at != services->end()) return &at->second;
    return nullptr;
  }

  std::size_t add(const std::string& name, const model::Service& service) {
    const auto [known, fresh] = by_service.try_emplace(name);
    if (!fresh && !known->second)
      throw Failure(Error::make(ErrorKind::Invalid, "the image of service `" + name + "` is built on itself")
                        .with_hint("follow `service:` in `build: additional_contexts:` from one to the next"));
    if (!fresh) return *known->second;
    Job job{request_of(name, service), name, {}};
    for (const auto& [context, value] : job.request.additional_contexts) {
      if (!value.starts_with(kServicePrefix)) continue;
      const std::string other = value.substr(kServicePrefix.size());
      const model::Service* base = find(other);
      if (!base || !base->build)
        throw Failure(Error::make(ErrorKind::Invalid, "service `" + name + "` is built on `" + other +
                                                          "`, which is not there or has no `build`"));
      job.bases[context] = add(other, *base);
    }
    const auto [same, first] = by_definition.try_emplace(build::definition_key(job.request), jobs.size());
    if (first)
      jobs.push_back(std::move(job));
    else
      jobs[same->second].request.tags.insert(jobs[same->second].request.tags.end(), job.request.tags.begin(),
                                             job.request.tags.end());
    by_service[name] = same->second;
    return same->second;
  }

  build::BuildRequest request_of(const std::string& name, const model::Service& service) const {
    build::BuildRequest request = build::request_for(*service.build, loaded.environment, loaded.project.secrets);
    for (const auto& [argument, value] : wishes.arguments) request.args[argument] = value;
    for (const auto& [argument, value] : proxies) request.args.try_emplace(argument, value);
    request.ssh.insert(request.ssh.begin(), wishes.ssh.begin(), wishes.ssh.end());
    request.no_cache = request.no_cache || wishes.no_cache;
    request.pull = request.pull || wishes.pull;
    request.check_only = wishes.check_only;
    request.labels["com.docker.compose.project"] = loaded.project.name.value;
    request.labels["com.docker.compose.service"] = name;
    request.labels["com.docker.compose.version"] = BERTH_VERSION;
    request.tags.insert(request.tags.begin(), model::image_name(loaded.project, service));
    return request;
  }
};

std::vector<Job> jobs_of(const App& app, const compose::Loaded& loaded, const std::set<std::string>& services,
                         const BuildWishes& wishes) {
  JobList list{loaded, wishes, configured_proxies(app), {}, {}, {}};
  for (const auto& [name, service] : loaded.project.services)
    if (service.build && services.count(name)) list.add(name, service);
  return std::move(list.jobs);
}

}  // namespace

std::map<std::string, std::string> configured_proxies(const App& app) {
  const std::string home = app.variable("HOME"), set = app.variable("DOCKER_CONFIG");
  if (home.empty() && set.empty()) return {};
  const std::string path = (set.empty() ? home + "/.docker" : set) + "/config.json";
  const auto text = sys::read_file(path, kLargestDockerConfig);
  if (!text) return {};
  auto proxies = proxies_of_docker_config(*text);
  if (proxies) return std::move(*proxies);
  print_warning("`" + path + "` cannot be read (" + proxies.error().to_string() + "), building without its proxies");
  return {};
}

struct BuildSession::State {
  State(const App& given, BuildWishes wanted)
      : app(given),
        wishes(std::move(wanted)),
        progress(app),
        wakeups(must(sys::Wakeups::create({SIGINT, SIGTERM}, progress_mode(app) == ProgressMode::Tty && !wishes.quiet
                                                                 ? LiveProgress::kTick
                                                                 : std::chrono::milliseconds(0)))) {}

  // A base image, in a picture of its own.
  Result<void> pull(const std::string& reference) {
    registry::TransferPorts transfer{
        .images = ports.images, .environment = app.environment, .cancelled = ports.cancelled, .wake_fd = wakeups.fd()};
    const bool shown = !wishes.quiet && !app.line.options.flag("quiet-pull");
    auto outcomes = registry::pull_images({{reference, {}}}, transfer, [&](const registry::TransferEvent& event) {
      if (shown) progress.transfer(event);
    });
    progress.leave(false);
    if (!outcomes.front()) return outcomes.front().error();
    return {};
  }

  const App& app;
  BuildWishes wishes;
  std::optional<image::ImageStore> store;
  LiveProgress progress;
  sys::Wakeups wakeups;
  build::BuildPorts ports;
  std::size_t warnings = 0;
};

BuildSession::BuildSession(const App& app, const BuildWishes& wishes) {
  state_ = std::make_unique<State>(app, wishes);
  State& state = *state_;
  // Somebody who only checks need not be able to read the store.
  if (!wishes.check_only || ::geteuid() == 0) {
    must(state::open_roots(app.paths));
    state.store = must(image::ImageStore::open(app.paths.root));
  }
  state.ports = {.images = state.store ? &*state.store : nullptr,
                 .root = app.paths.root,
                 .run_root = app.paths.run_root,
                 .cancelled =
                     [&state] {
                       if (state.wakeups.take_tick()) state.progress.tick();
                       return state.wakeups.is_signalled();
                     },
                 .cancel_fd = state.wakeups.fd(),
                 .pull = [&state](const std::string& reference) { return state.pull(reference); },
                 .network = build::bridge_network(app.paths.root)};
}

BuildSession::~BuildSession() = default;
std::size_t BuildSession::warnings() const { return state_->warnings; }

std::string BuildSession::build(const build::BuildRequest& request, const std::string& name, const std::string& what) {
  using Kind = build::BuildEvent::Kind;
  State& state = *state_;
  std::string failure;  // shown once the picture is done
  const auto outcome = build::build(request, state.ports, [&](const build::BuildEvent& event) {
    if (event.kind == Kind::Warning) {
      ++state.warnings;
      text::Diagnostics one;
      one.add(event.diagnostic);
      state.progress.above(stderr, "");
      print_diagnostics(state.app, one);
    }
    if (event.kind == Kind::Failed) failure += build::render_failure(event);
    if (!state.wishes.quiet) state.progress.build(name, event);
  });
  if (outcome) return outcome->digest.value;
  state.progress.leave(false);
  std::fputs(failure.c_str(), stderr);
  // The place and the reason stand above where a step failed.
  if (failure.empty())
    print_error(outcome.error().while_doing(what));
  else
    print_error(Error::make(ErrorKind::Failed, what + " failed"));
  throw LoadFailed{outcome.error().kind() == ErrorKind::Cancelled ? kInterrupted : build::kBuildFailedExitCode};
}

std::size_t build_images(const App& app, const compose::Loaded& loaded, const std::set<std::string>& services,
                         const BuildWishes& wishes) {
  auto jobs = jobs_of(app, loaded, services, wishes);
  if (jobs.empty()) return 0;
  BuildSession session(app, wishes);
  std::vector<std::string> built;  // digests, by job
  for (auto& job : jobs) {
    // The image itself, not its name: that may be another's by the time it is looked up.
    for (const auto& [context, base] : job.bases)
      job.request.additional_contexts[context] = "docker-image://" + built.at(base);
    built.push_back(session.build(job.request, job.name, "building the image of service `" + job.name + "`"));
  }
  return session.warnings();
}

}  // namespace berth::cli
