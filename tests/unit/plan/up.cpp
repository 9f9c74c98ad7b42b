// Plans as text: each case is compared with golden/<name>.txt; UPDATE_GOLDEN=1 rewrites them, review the difference.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "berth/model/json.hpp"
#include "berth/plan/plan.hpp"

namespace berth::plan {
namespace {

void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(BERTH_SOURCE_DIR) + "/tests/unit/plan/golden/" + name + ".txt";
  if (std::getenv("UPDATE_GOLDEN")) std::ofstream(path) << text;
  std::ifstream in(path);
  const std::string expected{std::istreambuf_iterator<char>(in), {}};
  EXPECT_EQ(text, expected) << path;
}

model::Service service(const std::string& name) {
  model::Service service;
  service.name = ServiceName(name);
  service.image = "busybox";
  service.networks["default"] = {};
  return service;
}

// db <- web <- nginx, as the production example has them, with a volume.
model::Project shop() {
  model::Project project;
  project.name = ProjectName("shop");
  model::Network network;
  network.name = "shop_default";
  project.networks["default"] = network;
  model::Volume volume;
  volume.name = "shop_static";
  project.volumes["static"] = volume;
  for (const char* name : {"db", "web", "nginx"}) project.services[name] = service(name);
  auto& web = project.services["web"];
  web.depends_on["db"] = {.condition = model::DependencyCondition::Healthy};
  web.volumes.push_back({.type = model::MountType::Volume, .source = "static", .target = "/static"});
  model::Healthcheck check;
  check.test = {"CMD", "true"};
  project.services["db"].healthcheck = check;
  project.services["nginx"].depends_on["web"] = {};
  return project;
}

engine::ImageFacts image() {
  engine::ImageFacts facts;
  facts.digest = ImageDigest("sha256:1");
  facts.entrypoint = {{"/entry"}};
  facts.command = {{"serve"}};
  facts.environment = {"PATH=/bin", "A=image", "EMPTY="};
  facts.user = "app";
  facts.working_dir = "/srv";
  facts.volumes = {"/var/lib/data"};
  facts.labels["from"] = "image";
  return facts;
}

engine::ObservedState empty_host() {
  engine::ObservedState observed;
  observed.images["busybox"] = image();
  return observed;
}

engine::ContainerState running(const model::Project& project, const std::string& name, int number = 1) {
  engine::ContainerState state;
  state.spec = *container_spec(project, project.services.at(name), number, image());
  state.id = ContainerId(name + std::to_string(number) + std::string(60, '0'));
  state.name = state.spec.name;
  state.phase = engine::Phase::Running;
  state.health = state.spec.health ? engine::Health::Healthy : engine::Health::None;
  return state;
}

engine::ObservedState all_up(const model::Project& project) {
  auto observed = empty_host();
  for (const auto& [name, unused] : project.services) observed.containers.push_back(running(project, name));
  for (const auto& [key, network] : project.networks)
    observed.networks[network.name] = {
        {project.name, key, network, model::config_hash(network)}, "172.18.0.0/16", "172.18.0.1"};
  for (const auto& [key, volume] : project.volumes)
    observed.volumes[volume.name] = {{project.name, key, volume, model::config_hash(volume)}, "/v"};
  return observed;
}

std::string up_text(const model::Project& project, const engine::ObservedState& observed,
                    const UpOptions& options = {}) {
  auto plan = plan_up(project, observed, options);
  return plan ? plan->to_text() : "error: " + plan.error().to_string() + "\nhint: " + plan.error().hint() + "\n";
}

TEST(PlanUp, FirstUp) { expect_golden("first_up", up_text(shop(), empty_host())); }

TEST(PlanUp, NothingChanged) {
  const auto project = shop();
  EXPECT_EQ(up_text(project, all_up(project)), "nothing to do\n");
}

TEST(PlanUp, RecreatesTheChangedServiceAlone) {
  auto project = shop();
  const auto observed = all_up(project);
  project.services["web"].environment["LOG_LEVEL"] = "debug";
  expect_golden("one_changed", up_text(project, observed));
}

TEST(PlanUp, NamesTheLimitAndTheCapabilityThatChanged) {
  auto project = shop();
  const auto observed = all_up(project);
  project.services["web"].resources.pids = 100;
  project.services["web"].confinement.cap_add = {"NET_ADMIN"};
  EXPECT_THAT(up_text(project, observed), testing::HasSubstr("because cap_add, pids changed"));
}

TEST(PlanUp, RecreatesWhenTheImageChanged) {
  const auto project = shop();
  auto observed = all_up(project);
  observed.images["busybox"].digest = ImageDigest("sha256:2");
  UpOptions options;
  options.services = {"nginx"};
  options.no_dependencies = true;
  expect_golden("image_changed", up_text(project, observed, options));
}

TEST(PlanUp, StartsWhatHasEnded) {
  const auto project = shop();
  auto observed = all_up(project);
  observed.containers[1].phase = engine::Phase::Exited;  // nginx
  expect_golden("one_ended", up_text(project, observed));
}

TEST(PlanUp, TakesAChangedNetworkDownWithItsContainers) {
  auto project = shop();
  const auto observed = all_up(project);
  project.networks["default"].internal = true;
  expect_golden("network_changed", up_text(project, observed));
}

TEST(PlanUp, ScalesUpAndDown) {
  const auto project = shop();
  auto observed = all_up(project);
  UpOptions options;
  options.scale = {{"nginx", 3}};
  expect_golden("scale_up", up_text(project, observed, options));
  observed.containers.push_back(running(project, "nginx", 2));
  expect_golden("scale_down", up_text(project, observed));
}

TEST(PlanUp, AroundAServiceLeavesItsOwnContainersAlone) {
  const auto project = shop();
  auto observed = all_up(project);
  for (auto& state : observed.containers)
    if (state.spec.service.value != "nginx") state.phase = engine::Phase::Exited;
  UpOptions options;
  options.services = {"web"};
  options.around = "web";
  EXPECT_EQ(plan_up(project, observed, options).value().to_text(),
            "[] -> #1 container db:1 start, because it has ended\n"
            "[1] -> #2 container db:1 wait until healthy, because web depends on it\n");
}

TEST(PlanUp, NamesOrphansAndRemovesThemWhenAsked) {
  const auto before = shop();
  const auto observed = all_up(before);
  auto project = before;
  project.services.erase("nginx");
  UpOptions options;
  expect_golden("orphan_warning", up_text(project, observed, options));
  options.remove_orphans = true;
  expect_golden("orphan_removed", up_text(project, observed, options));
}

TEST(PlanUp, RestartsWhatAsksToBeRestartedWithItsDependency) {
  auto project = shop();
  project.services["web"].depends_on["db"].restart = true;
  const auto observed = all_up(project);
  project.services["db"].environment["X"] = "1";
  expect_golden("restart_with_dependency", up_text(project, observed));
}

// nginx lives in web's network namespace; only web was named.
TEST(PlanUp, TakesAlongThoseThatJoinAContainerThatIsMadeAnew) {
  auto project = shop();
  project.services["nginx"].networks.clear();
  project.services["nginx"].network_mode = "service:web";
  const auto observed = all_up(project);
  UpOptions options;
  options.services = {"web"};
  options.recreate = Recreate::Force;
  auto narrowed = project;
  narrowed.disabled_services["nginx"] = project.services.at("nginx");
  narrowed.services.erase("nginx");
  const auto text = up_text(narrowed, observed, options);
  EXPECT_NE(
      text.find("#5 container web:1 start, because it was created\n"
                "[5] -> #6 container nginx:1 stop, because the container whose namespace it joins was started\n"
                "[6] -> #7 container nginx:1 start, because the container whose namespace it joins was started\n"),
      std::string::npos)
      << text;
}

TEST(PlanUp, RestartsThoseThatJoinAContainerThatHadEnded) {
  auto project = shop();
  project.services["nginx"].networks.clear();
  project.services["nginx"].network_mode = "service:web";
  auto observed = all_up(project);
  for (auto& state : observed.containers)
    if (state.spec.service.value == "web") state.phase = engine::Phase::Exited;
  EXPECT_EQ(up_text(project, observed),
            "[] -> #1 container web:1 start, because it has ended\n"
            "[] -> #2 container nginx:1 stop, because the container whose namespace it joins starts\n"
            "[1,2] -> #3 container nginx:1 start, because the container whose namespace it joins was started\n");
}

TEST(PlanUp, MakesAnewWhoMountsTheVolumesOfOneThatIsMadeAnew) {
  auto project = shop();
  project.services["nginx"].volumes_from = {"web:ro"};
  auto observed = all_up(project);
  std::vector<engine::ContainerMount> taken;
  for (const auto& state : observed.containers)
    if (state.spec.service.value == "web") taken = state.spec.mounts;
  for (auto& state : observed.containers) {
    if (state.spec.service.value != "nginx") continue;
    std::erase_if(state.spec.mounts, engine::is_anonymous);  // the same path, of web's
    for (auto& mount : taken) {
      mount.taken_over = true;
      state.spec.mounts.push_back(mount);
    }
  }
  project.services["web"].environment["A"] = "other";
  const auto text = up_text(project, observed);
  EXPECT_NE(text.find("create beside the old one, because the container whose volumes it mounts is made anew\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("[4] -> #6 container nginx:1 create"), std::string::npos) << text;  // web has its name by then
}

TEST(PlanUp, RefusesToWaitForTheHealthOfWhatHasNoCheck) {
  auto project = shop();
  project.services["db"].healthcheck.reset();
  EXPECT_EQ(up_text(project, empty_host()),
            "error: service `web` waits for `db` to be healthy, but `db` has no health check\n"
            "hint: give `db` a `healthcheck:`, or wait for `service_started`\n");
  project.services["web"].depends_on["db"].required = false;
  EXPECT_EQ(up_text(project, empty_host())
                .rfind("warning: service `web` is not waiting for `db`, which has no health check\n", 0),
            0u);
}

TEST(PlanUp, WaitsApartForWhatIsRequiredAndWhatIsNot) {
  auto project = shop();
  project.services["nginx"].depends_on["db"] = {.condition = model::DependencyCondition::Healthy, .required = false};
  expect_golden("required_and_not", up_text(project, empty_host()));
}

TEST(PlanUp, WaitsForEveryServiceWhenAsked) {
  auto project = shop();
  UpOptions options;
  options.wait = true;
  expect_golden("wait", up_text(project, empty_host(), options));
  EXPECT_EQ(up_text(project, all_up(project), options), "nothing to do\n");
  auto unhealthy = all_up(project);
  unhealthy.containers[0].health = engine::Health::Unhealthy;  // db
  expect_golden("wait_unhealthy", up_text(project, unhealthy, options));
}

TEST(PlanUp, WaitsForTheEndOfWhatAnotherNeedsToComplete) {
  auto project = shop();
  project.services["nginx"].depends_on["web"] = {.condition = model::DependencyCondition::CompletedSuccessfully};
  UpOptions options;
  options.wait = true;
  const std::string text = up_text(project, empty_host(), options);
  EXPECT_NE(text.find("container web:1 wait until completed successfully"), std::string::npos) << text;
  EXPECT_EQ(text.find("container web:1 wait until up and healthy"), std::string::npos) << text;
}

TEST(PlanUp, WaitsForNothingWithoutAStart) {
  UpOptions options;
  options.no_start = true;
  options.wait = true;
  EXPECT_EQ(up_text(shop(), empty_host(), options).find("wait until"), std::string::npos);
}

TEST(PlanUp, TellsThePathOfACycle) {
  auto project = shop();
  project.services["db"].depends_on["nginx"] = {};
  EXPECT_EQ(up_text(project, empty_host()),
            "error: dependency cycle: db -> nginx -> web -> db\nhint: take one of these out of `depends_on`\n");
}

TEST(PlanUp, RefusesAMissingImageWithTheWayOut) {
  auto project = shop();
  project.services["web"].image = "nowhere";
  EXPECT_EQ(up_text(project, empty_host()),
            "error: image `nowhere` of service `web` is not in the store\nhint: bring it in with `berth pull` or "
            "`berth image load`\n");
}

TEST(PlanUp, RefusesANameOfAnotherProject) {
  auto project = shop();
  project.services["web"].container_name = "web";
  auto observed = empty_host();
  observed.taken_names["web"] = "other";
  EXPECT_EQ(up_text(project, observed),
            "error: the container name `web` of service `web` is in use by project `other`\n"
            "hint: choose another `container_name`, or take that project down: `berth -p other down`\n");
}

TEST(PlanUp, RefusesAFixedNameForTwo) {
  auto project = shop();
  project.services["web"].container_name = "web";
  project.services["web"].scale = 2;
  EXPECT_EQ(up_text(project, empty_host()).rfind("error: service `web` has a container_name", 0), 0u);
}

TEST(PlanUp, RefusesAMissingExternalNetwork) {
  auto project = shop();
  project.networks["default"].external = true;
  EXPECT_EQ(up_text(project, empty_host()).rfind("error: network `shop_default` is declared as external", 0), 0u);
}

TEST(PlanDown, StopsDependentsFirst) {
  const auto project = shop();
  DownOptions options;
  options.volumes = true;
  expect_golden("down", plan_down(project, all_up(project), options).to_text());
}

TEST(PlanDown, WorksWithoutTheFile) {
  model::Project nameless;
  nameless.name = ProjectName("shop");
  const auto plan = plan_down(nameless, all_up(shop()), {});
  EXPECT_EQ(plan.actions.size(), 7u) << plan.to_text();  // three stops, three removals, the network
}

TEST(PlanDown, LeavesOtherProjectsAlone) {
  model::Project other;
  other.name = ProjectName("other");
  auto observed = all_up(shop());
  observed.containers.clear();
  DownOptions options;
  options.volumes = true;
  EXPECT_TRUE(plan_down(other, observed, options).empty());
}

TEST(PlanVerb, RestartStopsAndStartsInOrder) {
  VerbOptions options;
  options.verb = Verb::Restart;
  auto plan = plan_verb(all_up(shop()), options);
  ASSERT_TRUE(plan);
  expect_golden("restart", plan->to_text());
}

TEST(PlanVerb, AnUnknownServiceIsAnError) {
  VerbOptions options;
  options.services = {"nope"};
  EXPECT_FALSE(plan_verb(all_up(shop()), options));
}

TEST(ContainerSpec, ServiceEntrypointClearsTheImagesCommand) {
  auto project = shop();
  auto& web = project.services["web"];
  EXPECT_EQ(container_spec(project, web, 1, image())->command, std::vector<std::string>{"serve"});
  web.entrypoint = {{"sh", "run.sh"}};
  EXPECT_EQ(container_spec(project, web, 1, image())->entrypoint, (std::vector<std::string>{"sh", "run.sh"}));
  EXPECT_TRUE(container_spec(project, web, 1, image())->command.empty());
  web.command = {{"gunicorn"}};
  EXPECT_EQ(container_spec(project, web, 1, image())->command, std::vector<std::string>{"gunicorn"});
}

TEST(ContainerSpec, CommandTakesThePlaceOfTheImagesCommandOnly) {
  auto project = shop();
  auto& web = project.services["web"];
  web.command = {{"test1.py", "ARGS"}};
  const auto spec = container_spec(project, web, 1, image());
  EXPECT_EQ(spec->entrypoint, std::vector<std::string>{"/entry"});
  EXPECT_EQ(spec->command, (std::vector<std::string>{"test1.py", "ARGS"}));
}

TEST(ContainerSpec, ServiceEnvironmentWinsAndNullRemoves) {
  auto project = shop();
  auto& web = project.services["web"];
  web.environment["A"] = "service";
  web.environment["EMPTY"] = std::nullopt;
  const auto spec = container_spec(project, web, 1, image());
  EXPECT_EQ(spec->environment, (std::map<std::string, std::string>{{"A", "service"}, {"PATH", "/bin"}}));
}

TEST(ContainerSpec, ImageVolumesWithoutAMountBecomeAnonymous) {
  auto project = shop();
  auto& web = project.services["web"];
  ASSERT_EQ(container_spec(project, web, 1, image())->mounts.size(), 2u);
  EXPECT_EQ(container_spec(project, web, 1, image())->mounts[0].source, "shop_static");
  EXPECT_EQ(container_spec(project, web, 1, image())->mounts[1].target, "/var/lib/data");
  web.tmpfs = {"/var/lib/data:size=1m"};
  const auto spec = container_spec(project, web, 1, image());
  ASSERT_EQ(spec->mounts.size(), 2u);
  EXPECT_EQ(spec->mounts[1].type, model::MountType::Tmpfs);
  EXPECT_EQ(spec->mounts[1].tmpfs_options, "size=1m");
}

TEST(ContainerSpec, HealthcheckMergesOverTheImagesAndNoneDisables) {
  auto project = shop();
  auto& web = project.services["web"];
  auto facts = image();
  facts.healthcheck.emplace();
  facts.healthcheck->test = {"CMD", "probe"};
  facts.healthcheck->retries = 7;
  web.healthcheck.emplace();
  web.healthcheck->interval = std::chrono::seconds(1);
  const auto merged = container_spec(project, web, 1, facts)->health;
  ASSERT_TRUE(merged);
  EXPECT_EQ(merged->test, (std::vector<std::string>{"CMD", "probe"}));
  EXPECT_EQ(merged->interval, std::chrono::seconds(1));
  EXPECT_EQ(merged->retries, 7);
  web.healthcheck->interval = std::chrono::seconds(0);
  EXPECT_EQ(container_spec(project, web, 1, facts)->health->interval, std::chrono::seconds(30)) << "zero: the default";
  web.healthcheck->test = {"CMD-SHELL", "probe"};
  facts.shell = {"/bin/ash", "-ec"};
  EXPECT_EQ(container_spec(project, web, 1, facts)->health->shell, facts.shell);
  web.healthcheck->test = {"NONE"};
  EXPECT_FALSE(container_spec(project, web, 1, facts)->health);
}

TEST(ContainerSpec, CarriesComposesLabelsAndNames) {
  const auto project = shop();
  const auto spec = *container_spec(project, project.services.at("web"), 2, image());
  EXPECT_EQ(spec.name, "shop-web-2");
  EXPECT_EQ(spec.labels.at("com.docker.compose.project"), "shop");
  EXPECT_EQ(spec.labels.at("com.docker.compose.container-number"), "2");
  EXPECT_EQ(spec.labels.at("com.docker.compose.depends_on"), "db:service_healthy:false");
  EXPECT_EQ(spec.labels.at("from"), "image");
  ASSERT_EQ(spec.endpoints.size(), 1u);
  EXPECT_EQ(spec.endpoints[0].network, "shop_default");
  EXPECT_EQ(spec.endpoints[0].aliases, std::vector<std::string>{"web"});
}

}  // namespace
}  // namespace berth::plan
