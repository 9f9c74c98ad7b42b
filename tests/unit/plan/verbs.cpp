// Verbs over what exists, and the corners of container_spec: db <- migrate <- web as one stack that is up.
#include <gtest/gtest.h>

#include "berth/plan/plan.hpp"

namespace berth::plan::verbs {
namespace {

using model::DependencyCondition;

model::Project stack() {
  model::Project project;
  project.name = ProjectName("shop");
  project.networks["default"].name = "shop_default";
  project.volumes["data"].name = "shop_data";
  for (const char* name : {"cache", "db", "migrate", "web"}) {
    auto& service = project.services[name];
    service.name = ServiceName(name);
    service.image = "busybox";
    service.networks["default"] = {};
  }
  project.services["db"].volumes.emplace_back().source = "data";
  project.services["db"].volumes.back().target = "/data";
  project.services["migrate"].depends_on["db"].condition = DependencyCondition::Healthy;
  auto& web = project.services["web"].depends_on;
  web["db"].restart = true;
  web["migrate"].condition = DependencyCondition::CompletedSuccessfully;
  return project;
}

engine::ObservedState up_and(engine::Phase phase) {
  const auto project = stack();
  engine::ObservedState observed;
  for (const auto& [name, service] : project.services) {
    auto& state = observed.containers.emplace_back();
    state.spec = container_spec(project, service, 1, {}).value();
    state.name = state.spec.name;
    state.id = ContainerId(name);
    state.phase = phase;
  }
  auto& volume = observed.volumes["shop_data"].spec;
  volume.project = project.name;
  volume.key = "data";
  volume.volume = project.volumes.at("data");
  return observed;
}

std::string verb_text(const engine::ObservedState& observed, const VerbOptions& options) {
  return plan_verb(observed, options).value().to_text();
}

TEST(Restart, TakesAlongTheDependentsThatAskForIt) {
  VerbOptions options;
  options.verb = Verb::Restart;
  options.services = {"db"};
  EXPECT_EQ(verb_text(up_and(engine::Phase::Running), options),
            "[] -> #1 container web:1 stop, because restart was asked for\n"
            "[1] -> #2 container db:1 stop, because restart was asked for\n"
            "[2] -> #3 container db:1 start, because restart was asked for\n"
            "[1,3] -> #4 container web:1 start, because restart was asked for\n");
  options.no_dependencies = true;
  EXPECT_EQ(verb_text(up_and(engine::Phase::Running), options),
            "[] -> #1 container db:1 stop, because restart was asked for\n"
            "[1] -> #2 container db:1 start, because restart was asked for\n");
}

TEST(ContainersById, AreChosenAlone) {
  VerbOptions options;
  options.verb = Verb::Stop;
  options.services = {"db"};
  options.containers = {"web"};
  options.signal = "INT";
  auto observed = up_and(engine::Phase::Running);
  observed.containers[3].spec.one_off = true;
  EXPECT_EQ(verb_text(observed, options), "[] -> #1 container web:1 stop, because stop was asked for\n");
  const auto plan = plan_verb(observed, options).value();
  EXPECT_EQ(std::get<StopContainer>(plan.actions[0].what).signal, "INT");
  options.containers = {"gone"};
  EXPECT_EQ(plan_verb(observed, options).error().kind(), ErrorKind::NotFound);
}

TEST(Rename, IsOfOneContainer) {
  VerbOptions options;
  options.verb = Verb::Rename;
  options.containers = {"web"};
  options.name = "other";
  const auto plan = plan_verb(up_and(engine::Phase::Running), options).value();
  ASSERT_EQ(plan.actions.size(), 1u);
  EXPECT_EQ(std::get<RenameContainer>(plan.actions[0].what).container.name, "other");
  EXPECT_EQ(std::get<RenameContainer>(plan.actions[0].what).container.id.value, "web");
  options.containers = {"web", "db"};
  EXPECT_FALSE(plan_verb(up_and(engine::Phase::Running), options));
}

TEST(Start, WaitsForWhatItWasAskedToWaitFor) {
  VerbOptions options;
  options.verb = Verb::Start;
  options.services = {"cache"};
  options.wait = true;
  EXPECT_EQ(verb_text(up_and(engine::Phase::Exited), options),
            "[] -> #1 container cache:1 start, because start was asked for\n"
            "[1] -> #2 container cache:1 wait until up and healthy, because --wait was given\n");
  EXPECT_EQ(verb_text(up_and(engine::Phase::Running), options), "nothing to do\n") << "it has no health check";
}

TEST(Start, WaitsForConditionsAsUpDoes) {
  VerbOptions options;
  options.verb = Verb::Start;
  EXPECT_EQ(verb_text(up_and(engine::Phase::Exited), options),
            "[] -> #1 container cache:1 start, because start was asked for\n"
            "[] -> #2 container db:1 start, because start was asked for\n"
            "[2] -> #3 container db:1 wait until healthy, because migrate depends on it\n"
            "[3] -> #4 container migrate:1 start, because start was asked for\n"
            "[4] -> #5 container migrate:1 wait until completed successfully, because web depends on it\n"
            "[2,5] -> #6 container web:1 start, because start was asked for\n");
}

TEST(Start, OfWhatRunsIsNothing) {
  VerbOptions options;
  options.verb = Verb::Start;
  EXPECT_EQ(verb_text(up_and(engine::Phase::Running), options), "nothing to do\n");
}

TEST(Remove, LeavesWhatRunsUnlessItIsStoppedFirst) {
  VerbOptions options;
  options.verb = Verb::Remove;
  options.services = {"cache"};
  EXPECT_EQ(verb_text(up_and(engine::Phase::Running), options), "nothing to do\n");
  options.stop_first = true;
  EXPECT_EQ(verb_text(up_and(engine::Phase::Running), options),
            "[] -> #1 container cache:1 stop, because rm was asked for\n"
            "[1] -> #2 container cache:1 remove, because rm was asked for\n");
}

TEST(Down, KeepsAVolumeThatTheFileDoesNotDeclare) {
  auto project = stack();
  DownOptions options;
  options.volumes = true;
  project.volumes.clear();
  EXPECT_EQ(plan_down(project, up_and(engine::Phase::Running), options).to_text().find("volume"), std::string::npos);
  model::Project name_only;  // without a file, by name: all of it
  name_only.name = project.name;
  EXPECT_NE(plan_down(name_only, up_and(engine::Phase::Running), options).to_text().find("volume shop_data remove"),
            std::string::npos);
}

TEST(Spec, JoinsTheContainerOfAnotherService) {
  auto project = stack();
  auto& web = project.services["web"];
  web.network_mode = "service:db";
  EXPECT_EQ(container_spec(project, web, 1, {})->network_mode, "container:shop-db-1");
  EXPECT_TRUE(container_spec(project, web, 1, {})->endpoints.empty());
  project.services["db"].container_name = "base";
  EXPECT_EQ(container_spec(project, web, 1, {})->network_mode, "container:base");
}

TEST(Spec, NamesWithTheProjectsSeparator) {
  auto project = stack();
  project.separator = "_";
  project.services["web"].image.clear();
  const auto spec = container_spec(project, project.services["web"], 2, {}).value();
  EXPECT_EQ(spec.name, "shop_web_2");
  EXPECT_EQ(spec.image, "shop_web");
}

TEST(Spec, TheHighestPriorityNetworkComesFirst) {
  auto project = stack();
  project.networks["zone"].name = "shop_zone";
  auto& web = project.services["web"];
  web.networks["zone"].priority = 10;
  web.networks["zone"].aliases = {"www"};
  const auto spec = container_spec(project, web, 1, {}).value();
  ASSERT_EQ(spec.endpoints.size(), 2u);
  EXPECT_EQ(spec.endpoints[0].network, "shop_zone");
  EXPECT_EQ(spec.endpoints[0].aliases, (std::vector<std::string>{"web", "www"}));
}

TEST(Spec, RefusesWhatDockerRefuses) {
  const auto project = stack();
  const auto said = [&](const auto& change) {
    auto web = project.services.at("web");
    change(web);
    const auto spec = container_spec(project, web, 1, {});
    return spec ? std::string("accepted") : spec.error().to_string();
  };
  EXPECT_NE(said([](model::Service& web) {
              web.networks.clear();
              web.network_mode = "service:db";
              web.ports.emplace_back().target = 80;
            }).find("has the network of another container"),
            std::string::npos);
  EXPECT_NE(said([](model::Service& web) {
              web.resources.memory.bytes = 1 << 20;
              web.resources.memory_reservation.bytes = 2 << 20;
            }).find("reserves more memory"),
            std::string::npos);
  EXPECT_EQ(said([](model::Service& web) {
              web.resources.memory.bytes = 2 << 20;
              web.resources.memory_reservation.bytes = 2 << 20;
            }),
            "accepted");
}

TEST(Spec, RefusesAnExternalSecret) {
  auto project = stack();
  project.secrets["token"].external = true;
  auto& web = project.services["web"];
  web.secrets.emplace_back().source = "token";
  const auto spec = container_spec(project, web, 1, {});
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().to_string(), "unsupported external secret `token`");
}

}  // namespace
}  // namespace berth::plan::verbs
