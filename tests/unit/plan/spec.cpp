// What a container is to be, of service and image.
#include <gtest/gtest.h>

#include "berth/plan/plan.hpp"

namespace berth::plan {
namespace {

struct Spec : testing::Test {
  model::Project project;
  model::Service service;
  engine::ImageFacts image;

  Spec() {
    project.name = ProjectName("shop");
    project.networks["default"].name = "shop_default";
    service.name = ServiceName("web");
    image.digest = ImageDigest("sha256:1");
    image.entrypoint = {{"entry"}};
    image.command = {{"serve"}};
  }
  engine::ContainerSpec make(int number = 1) {
    return container_spec(project, service, number, image).value();
  }
};

using Words = std::vector<std::string>;

TEST_F(Spec, TakesTheProcessOfTheImageWhereTheServiceSaysNothing) {
  EXPECT_EQ(make().entrypoint, Words{"entry"});
  EXPECT_EQ(make().command, Words{"serve"});
}

TEST_F(Spec, AnEntrypointOfTheServiceClearsTheImagesCommand) {
  service.entrypoint = Words{"sh", "start.sh"};
  EXPECT_EQ(make().command, Words{});
  service.command = Words{"gunicorn"};
  EXPECT_EQ(make().entrypoint, (Words{"sh", "start.sh"}));
  EXPECT_EQ(make().command, Words{"gunicorn"});
}

TEST_F(Spec, ACommandOfTheServiceKeepsTheImagesEntrypoint) {
  service.command = Words{"other"};
  EXPECT_EQ(make().entrypoint, Words{"entry"});
  EXPECT_EQ(make().command, Words{"other"});
}

TEST_F(Spec, EnvironmentOfTheServiceWins) {
  image.environment = {"A=image", "B=image=x", "C=image"};
  service.environment = {{"A", "service"}, {"C", std::nullopt}};
  const auto environment = make().environment;
  EXPECT_EQ(environment.at("A"), "service");
  EXPECT_EQ(environment.at("B"), "image=x");
  EXPECT_EQ(environment.count("C"), 0u);
}

TEST_F(Spec, ImageVolumesWithoutAMountBecomeAnonymousVolumes) {
  image.volumes = {"/data", "/cache"};
  service.volumes.emplace_back().type = model::MountType::Bind;
  service.volumes.back().source = "/srv";
  service.volumes.back().target = "/data";
  const auto mounts = make().mounts;
  ASSERT_EQ(mounts.size(), 2u);
  EXPECT_EQ(mounts[0].source, "/srv");
  EXPECT_EQ(mounts[1].target, "/cache");
  EXPECT_EQ(mounts[1].type, model::MountType::Volume);
  EXPECT_TRUE(mounts[1].source.empty());
}

TEST_F(Spec, TimingsOfTheServiceOverTheTestOfTheImage) {
  image.healthcheck.emplace().test = {"CMD", "probe"};
  image.healthcheck->interval = std::chrono::seconds(7);
  image.healthcheck->retries = 9;
  service.healthcheck.emplace().interval = std::chrono::seconds(2);
  const auto health = make().health;
  ASSERT_TRUE(health);
  EXPECT_EQ(health->test, (Words{"CMD", "probe"}));
  EXPECT_EQ(health->interval, std::chrono::seconds(2));
  EXPECT_EQ(health->retries, 9);
  service.healthcheck->test = {"NONE"};
  EXPECT_FALSE(make().health);
}

TEST_F(Spec, AnswersToServiceNameAndAliasesInEachNetwork) {
  project.networks["back"].name = "shop_back";
  service.networks["default"].aliases = {"www"};
  service.networks["back"].priority = 10;
  const auto endpoints = make(2).endpoints;
  ASSERT_EQ(endpoints.size(), 2u);
  EXPECT_EQ(endpoints[0].network, "shop_back") << "the highest priority comes first";
  EXPECT_EQ(endpoints[1].aliases, (Words{"web", "www"}));
  EXPECT_EQ(make(2).name, "shop-web-2");
}

TEST_F(Spec, JoinsTheContainerOfAnotherService) {
  model::Service db;
  db.name = ServiceName("db");
  project.services["db"] = db;
  service.network_mode = "service:db";
  EXPECT_EQ(make().network_mode, "container:shop-db-1");
  project.services["db"].container_name = "base";
  EXPECT_EQ(make().network_mode, "container:base");
}

TEST_F(Spec, CarriesTheLabelsThatToolsKnow) {
  service.depends_on["db"] = {.condition = model::DependencyCondition::Healthy};
  const auto labels = make(3).labels;
  EXPECT_EQ(labels.at("com.docker.compose.project"), "shop");
  EXPECT_EQ(labels.at("com.docker.compose.service"), "web");
  EXPECT_EQ(labels.at("com.docker.compose.container-number"), "3");
  EXPECT_EQ(labels.at("com.docker.compose.oneoff"), "False");
  EXPECT_EQ(labels.at("com.docker.compose.depends_on"), "db:service_healthy:false");
}

TEST_F(Spec, RefusesAnExternalSecret) {
  project.secrets["token"].external = true;
  service.secrets.emplace_back().source = "token";
  const auto spec = container_spec(project, service, 1, image);
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().to_string(), "unsupported external secret `token`");
}

}  // namespace
}  // namespace berth::plan
