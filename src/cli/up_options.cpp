#include "up_options.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "berth/image/store.hpp"
#include "berth/local/observe.hpp"
#include "berth/state/records.hpp"
#include "berth/sys/file.hpp"
#include "build_images.hpp"
#include "pull_images.hpp"
#include "start_stack.hpp"

namespace berth::cli {
namespace {

// Stands for an image that is not built yet: of its config nothing is known.
engine::ImageFacts unknown_image() {
  engine::ImageFacts facts;
  facts.digest = ImageDigest("not built yet");
  return facts;
}

bool is_readable_store(const App& app) { return ::access((app.paths.root + "/images").c_str(), R_OK | X_OK) == 0; }

void exclude(const OptionValues& given, const char* one, const char* other) {
  if (given.flag(one) && given.flag(other))
    throw Failure(Error::make(ErrorKind::Invalid, std::string("--") + one + " and --" + other + " exclude each other"));
}

}  // namespace

std::optional<plan::Duration> grace_of(const OptionValues& options) {
  const auto seconds = options.number("timeout");
  if (!seconds) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

std::pair<std::string, int> parse_scale(const std::string& text, const std::string& flag) {
  const auto equals = text.find('=');
  int count = -1;
  if (equals != std::string::npos && equals > 0) {
    const char* begin = text.data() + equals + 1;
    const char* end = text.data() + text.size();
    const auto [stopped, failed] = std::from_chars(begin, end, count);
    if (failed != std::errc() || stopped != end) count = -1;
  }
  if (count < 0)
    throw Failure(Error::make(ErrorKind::Invalid, "invalid value `" + text + "` for " + flag)
                      .with_hint("SERVICE=NUMBER, as web=3"));
  return {text.substr(0, equals), count};
}

bool remove_orphans(const App& app) {
  if (app.line.options.given("remove-orphans")) return app.line.options.flag("remove-orphans");
  const std::string wish = app.variable("COMPOSE_REMOVE_ORPHANS");
  return wish == "1" || wish == "true";
}

plan::UpOptions up_options(const App& app) {
  const OptionValues& given = app.line.options;
  plan::UpOptions options;
  exclude(given, "force-recreate", "no-recreate");
  exclude(given, "always-recreate-deps", "no-recreate");
  exclude(given, "renew-anon-volumes", "no-recreate");
  options.services = app.line.operands;
  if (given.flag("force-recreate")) options.recreate = plan::Recreate::Force;
  if (given.flag("no-recreate")) options.recreate = options.recreate_dependencies = plan::Recreate::Never;
  if (given.flag("always-recreate-deps")) options.recreate_dependencies = plan::Recreate::Force;
  options.no_dependencies = given.flag("no-deps");
  options.no_start = given.flag("no-start");
  options.remove_orphans = remove_orphans(app);
  const std::string ignore = app.variable("COMPOSE_IGNORE_ORPHANS");
  options.ignore_orphans = ignore == "1" || ignore == "true";
  if (options.remove_orphans && options.ignore_orphans)
    throw Failure(Error::make(ErrorKind::Invalid, "COMPOSE_IGNORE_ORPHANS and --remove-orphans exclude each other"));
  options.renew_anonymous_volumes = given.flag("renew-anon-volumes");
  options.wait = given.flag("wait");
  options.timeout = grace_of(given);
  for (const auto& text : given.all("scale")) {
    const auto [service, count] = parse_scale(text, "--scale");
    options.scale[service] = count;
  }
  return options;
}

std::set<std::string> services_to_build(const compose::Loaded& loaded, const std::set<std::string>& selected,
                                        const std::map<std::string, engine::ImageFacts>& facts, bool always) {
  std::set<std::string> services;
  for (const auto& [name, service] : loaded.project.services)
    if (service.build && selected.count(name) &&
        (always || service.pull_policy == "build" || !facts.count(image_name(loaded.project, service))))
      services.insert(name);
  return services;
}

std::map<std::string, engine::ImageFacts> prepare_images(const App& app, const compose::Loaded& loaded,
                                                         const plan::UpOptions& options) {
  const OptionValues& given = app.line.options;
  exclude(given, "build", "no-build");
  must(state::open_roots(app.paths));
  const auto selected = must(plan::selected_services(loaded.project, options));
  pull_for_start(app, loaded, selected);
  auto facts = image_facts(app, loaded.project);
  if (given.flag("no-build")) return facts;
  const bool always = given.flag("build") || given.text("pull") == "build";
  const auto missing = services_to_build(loaded, selected, facts, always);
  if (missing.empty()) return facts;
  BuildWishes wishes;
  wishes.quiet = given.flag("quiet-build");
  build_images(app, loaded, missing, wishes);
  return image_facts(app, loaded.project);
}

plan::Plan plan_of_up(const App& app, const compose::Loaded& loaded, const plan::UpOptions& options) {
  const OptionValues& given = app.line.options;
  const bool readable = is_readable_store(app);
  if (!readable && ::geteuid() != 0)
    print_warning("the state of this machine is only readable for root: this is the plan for a stack that is not up");
  auto facts = readable ? image_facts(app, loaded.project) : std::map<std::string, engine::ImageFacts>();
  const auto selected = must(plan::selected_services(loaded.project, options));
  auto pulls = readable ? pulls_of_start(app, loaded, selected) : std::vector<plan::ImagePull>();
  for (const auto& pull : pulls) facts.try_emplace(pull.reference, unknown_image());
  std::vector<plan::ImageBuild> builds;
  if (!given.flag("no-build"))
    for (const auto& name : services_to_build(loaded, selected, facts, given.flag("build"))) {
      const std::string reference = image_name(loaded.project, loaded.project.services.at(name));
      const bool known = facts.count(reference) != 0;
      builds.push_back({reference, name,
                        !known                ? "it is not in the store"
                        : given.flag("build") ? "--build was given"
                                              : "its pull_policy is build"});
      facts.try_emplace(reference, unknown_image());
    }
  // What another user may not read is taken to be there.
  if (!readable && ::geteuid() != 0)
    for (const auto& [name, service] : loaded.project.services)
      facts.try_emplace(image_name(loaded.project, service), unknown_image());
  const ProjectName& project = loaded.project.name;
  auto observed = readable ? must(local::observe_stored(app.paths, project, facts)) : engine::ObservedState{};
  observed.images = std::move(facts);
  auto plan = must(plan::plan_up(loaded.project, observed, options));
  plan.builds = std::move(builds);
  plan.pulls = std::move(pulls);
  return plan;
}

plan::Plan plan_of_verb(const App& app, const ProjectName& project, const plan::VerbOptions& options) {
  return must(plan::plan_verb(must(local::observe_stored(app.paths, project, {})), options));
}

plan::Plan plan_of_down(const App& app, const StackFiles& files, const plan::DownOptions& options) {
  const auto observed = must(local::observe_stored(app.paths, files.name, {}));
  model::Project project = files.project.value_or(model::Project{});
  project.name = files.name;
  return plan::plan_down(project, observed, options);
}

int show_plan(const plan::Plan& plan, const std::string& format, bool detailed) {
  print(format == "json" ? plan.to_json() + "\n" : plan.to_text());
  const bool empty = plan.empty() && plan.builds.empty() && plan.pulls.empty();
  return detailed && !empty ? kPlanHasChanges : kOk;
}

}  // namespace berth::cli
