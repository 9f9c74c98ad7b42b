#include "berth/model/json.hpp"

#include <gtest/gtest.h>

namespace berth::model {
namespace {

Service web() {
  Service service;
  service.name = ServiceName("web");
  service.image = "nginx";
  service.ports = {{.target = 80, .published = "8080", .host_ip = {}, .protocol = Protocol::Udp, .name = {}}};
  service.environment = {{"A", "1"}, {"B", std::nullopt}};
  service.command = std::vector<std::string>{};
  service.healthcheck = Healthcheck{.test = {"CMD", "true"},
                                    .interval = std::chrono::seconds(5),
                                    .timeout = {},
                                    .start_period = {},
                                    .start_interval = {},
                                    .retries = 3};
  return service;
}

TEST(ProjectJson, GoesThereAndBack) {
  Project project;
  project.name = ProjectName("p");
  project.services["web"] = web();
  project.networks["default"] = {
      .name = "p_default", .driver = {}, .driver_opts = {}, .ipam_driver = {}, .ipam = {}, .labels = {}};
  const auto back = from_json_text(to_json_text(project));
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(*back, project);
}

TEST(ProjectJson, RefusesAnotherShapeNamingThePlace) {
  const auto wrong = from_json_text(R"({"services":{"web":{"ports":"80"}}})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind(), ErrorKind::Protocol);
  EXPECT_NE(wrong.error().to_string().find("ports"), std::string::npos);
}

TEST(ConfigHash, CountsOnlyWhatAContainerIsMadeFrom) {
  Service a = web(), b = web();
  b.scale = 3;
  b.profiles = {"x"};
  b.depends_on["db"] = {};
  b.pull_policy = "always";
  b.build.emplace().context = "/x";
  EXPECT_EQ(config_hash(a), config_hash(b));
  b.environment["C"] = "2";
  EXPECT_NE(config_hash(a), config_hash(b));
  EXPECT_EQ(config_hash(a).size(), 64u);
}

}  // namespace
}  // namespace berth::model
