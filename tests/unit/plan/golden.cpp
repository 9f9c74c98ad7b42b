// Plans as text, against tests/unit/plan/golden/<name>.txt. UPDATE_GOLDEN=1 writes them anew; review the difference.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "berth/plan/plan.hpp"

namespace berth::plan {
namespace {

using engine::Phase;
using model::DependencyCondition;

void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(BERTH_SOURCE_DIR) + "/tests/unit/plan/golden/" + name + ".txt";
  if (std::getenv("UPDATE_GOLDEN")) std::ofstream(path) << text;
  std::ifstream file(path);
  std::stringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(text, expected.str()) << path;
}

model::Service service_named(const std::string& name) {
  model::Service service;
  service.name = ServiceName(name);
  service.image = name + ":1";
  service.networks["default"] = {};
  return service;
}

// A shop: web needs a healthy db and a finished migrate; cache stands alone.
model::Project shop() {
  model::Project project;
  project.name = ProjectName("shop");
  project.networks["default"].name = "shop_default";
  project.volumes["data"].name = "shop_data";
  auto db = service_named("db");
  db.volumes.emplace_back().source = "data";
  db.volumes.back().target = "/var/lib/db";
  db.healthcheck.emplace().test = {"CMD", "ready"};
  auto migrate = service_named("migrate");
  migrate.depends_on["db"] = {.condition = DependencyCondition::Healthy};
  auto web = service_named("web");
  web.depends_on["db"] = {.condition = DependencyCondition::Healthy, .restart = true};
  web.depends_on["migrate"] = {.condition = DependencyCondition::CompletedSuccessfully};
  for (const auto& service : {db, migrate, web, service_named("cache")}) project.services[service.name.value] = service;
  return project;
}

engine::ObservedState nothing(const model::Project& project) {
  engine::ObservedState observed;
  for (const auto& [name, service] : project.services) observed.images[service.image].digest = ImageDigest("sha256:" + name);
  return observed;
}

std::string up_text(const model::Project& project, const engine::ObservedState& observed, const UpOptions& options = {}) {
  auto plan = plan_up(project, observed, options);
  return plan ? plan->to_text() : "error: " + plan.error().to_string() + "\nhint: " + plan.error().hint() + "\n";
}

// What a plan for an empty host leaves behind when all goes well and nothing ends by itself.
engine::ObservedState after_up(const model::Project& project) {
  auto observed = nothing(project);
  auto plan = plan_up(project, observed, {});
  EXPECT_TRUE(plan);
  for (const auto& action : plan->actions) {
    if (const auto* network = std::get_if<CreateNetwork>(&action.what))
      observed.networks[network->spec.network.name] = {network->spec, "172.18.0.0/16", "172.18.0.1"};
    if (const auto* volume = std::get_if<CreateVolume>(&action.what))
      observed.volumes[volume->spec.volume.name] = {volume->spec, "/data"};
    if (const auto* container = std::get_if<CreateContainer>(&action.what)) {
      engine::ContainerState state;
      state.id = ContainerId(std::string(8, 'a' + static_cast<char>(observed.containers.size())) + std::string(56, '0'));
      state.name = container->spec.name;
      state.spec = container->spec;
      state.phase = Phase::Running;
      state.health = state.spec.health ? engine::Health::Healthy : engine::Health::None;
      observed.containers.push_back(state);
    }
  }
  return observed;
}

engine::ContainerState& container_of(engine::ObservedState& observed, const std::string& service) {
  for (auto& state : observed.containers)
    if (state.spec.service.value == service) return state;
  throw std::out_of_range(service);
}

TEST(Golden, FirstUp) { expect_golden("first_up", up_text(shop(), nothing(shop()))); }

TEST(Golden, OneServiceWithWhatItDependsOn) {
  UpOptions options;
  options.services = {"migrate"};
  expect_golden("one_service", up_text(shop(), nothing(shop()), options));
}

TEST(Golden, ChangedServiceAndItsRestartedDependent) {
  auto project = shop();
  const auto observed = after_up(project);
  project.services["db"].environment["LEVEL"] = "2";
  expect_golden("changed_service", up_text(project, observed));
}

TEST(Golden, ChangedImage) {
  const auto project = shop();
  auto observed = after_up(project);
  observed.images["cache:1"].digest = ImageDigest("sha256:new");
  expect_golden("changed_image", up_text(project, observed));
}

TEST(Golden, ChangedNetworkTakesItsContainersAlong) {
  auto project = shop();
  const auto observed = after_up(project);
  project.networks["default"].internal = true;
  expect_golden("changed_network", up_text(project, observed));
}

TEST(Golden, EndedContainerIsStartedAgain) {
  const auto project = shop();
  auto observed = after_up(project);
  container_of(observed, "cache").phase = Phase::Exited;
  UpOptions options;
  options.services = {"cache"};
  expect_golden("ended_container", up_text(project, observed, options));
}

TEST(Golden, ScaleUpAndDown) {
  auto project = shop();
  project.services["cache"].scale = 3;
  const auto observed = after_up(project);
  UpOptions options;
  options.services = {"cache"};
  options.scale["cache"] = 1;
  expect_golden("scale_down", up_text(project, observed, options));
  options.scale["cache"] = 5;
  expect_golden("scale_up", up_text(project, observed, options));
}

TEST(Golden, OrphansAreNamedOrRemoved) {
  auto project = shop();
  const auto observed = after_up(project);
  project.services.erase("cache");
  UpOptions options;
  options.services = {"db"};
  expect_golden("orphans_named", up_text(project, observed, options));
  options.remove_orphans = true;
  expect_golden("orphans_removed", up_text(project, observed, options));
}

TEST(Golden, DownTakesDependentsFirst) {
  const auto project = shop();
  const auto observed = after_up(project);
  DownOptions options;
  expect_golden("down", plan_down(project, observed, options).to_text());
  options.volumes = true;
  expect_golden("down_volumes", plan_down(project, observed, options).to_text());
}

TEST(Golden, RestartTakesDependentsAlongThatAskForIt) {
  const auto project = shop();
  const auto observed = after_up(project);
  VerbOptions options;
  options.verb = Verb::Restart;
  options.services = {"db"};
  expect_golden("restart", plan_verb(observed, options)->to_text());
  options.no_dependencies = true;
  expect_golden("restart_no_deps", plan_verb(observed, options)->to_text());
}

TEST(Golden, StartWaitsForConditions) {
  const auto project = shop();
  auto observed = after_up(project);
  for (auto& state : observed.containers) state.phase = Phase::Exited;
  VerbOptions options;
  options.verb = Verb::Start;
  expect_golden("start", plan_verb(observed, options)->to_text());
}

TEST(Refuses, ACycleWithItsPath) {
  auto project = shop();
  project.services["db"].depends_on["web"] = {};
  expect_golden("error_cycle", up_text(project, nothing(project)));
}

TEST(Refuses, ANameThatAnotherProjectHas) {
  auto project = shop();
  project.services["cache"].container_name = "cache";
  auto observed = nothing(project);
  observed.taken_names["cache"] = "other";
  expect_golden("error_name", up_text(project, observed));
}

TEST(Refuses, SeveralReplicasOfOneContainerName) {
  auto project = shop();
  project.services["cache"].container_name = "cache";
  project.services["cache"].scale = 2;
  expect_golden("error_scale", up_text(project, nothing(project)));
}

TEST(Refuses, AMissingExternalVolume) {
  auto project = shop();
  project.volumes["data"].external = true;
  expect_golden("error_external", up_text(project, nothing(project)));
}

TEST(Independent, ServicesHaveNoEdgesBetweenThem) {
  model::Project project;
  project.name = ProjectName("flat");
  for (const char* name : {"a", "b", "c"}) {
    project.services[name] = service_named(name);
    project.services[name].networks.clear();
  }
  expect_golden("independent", up_text(project, nothing(project)));
}

TEST(Down, KeepsAVolumeThatTheFileDoesNotDeclare) {
  auto project = shop();
  auto observed = after_up(project);
  project.volumes.clear();
  DownOptions options;
  options.volumes = true;
  const auto text = plan_down(project, observed, options).to_text();
  EXPECT_EQ(text.find("volume"), std::string::npos) << text;
  model::Project name_only;
  name_only.name = project.name;  // without a file, by name: all of it
  EXPECT_NE(plan_down(name_only, observed, options).to_text().find("volume shop_data remove"), std::string::npos);
}

}  // namespace
}  // namespace berth::plan
