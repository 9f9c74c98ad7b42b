#include "berth/oci/image_config.hpp"

#include <gtest/gtest.h>

namespace berth::oci {
namespace {

TEST(ImageConfig, SurvivesBeingWrittenAndRead) {
  auto config = host_image_config();
  config.created = "2026-01-01T00:00:00Z";
  config.config.env = {"PATH=/bin", "A=b=c"};
  config.config.entrypoint = std::vector<std::string>{};
  config.config.exposed_ports = {"80/tcp"};
  config.config.volumes = {"/data"};
  config.config.labels = {{"a", "b"}};
  config.config.healthcheck = ImageHealthcheck{.test = {"CMD", "true"}, .interval = 5'000'000'000, .retries = 2};
  config.diff_ids = {"sha256:x"};
  config.history = {{.created_by = "COPY . .", .empty_layer = true}};
  const auto again = parse_image_config(to_json(config));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(*again, config);
  EXPECT_FALSE(again->config.cmd);
  EXPECT_TRUE(again->config.entrypoint);
}

TEST(ImageConfig, NamesTheMemberThatIsWrong) {
  const auto bad = parse_image_config(R"({"os":"linux","config":{"Env":"A=b"}})");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind(), ErrorKind::Protocol);
  EXPECT_NE(bad.error().to_string().find("Env"), std::string::npos);
  EXPECT_FALSE(parse_image_config("[]"));
  EXPECT_FALSE(parse_image_config("{"));
  EXPECT_TRUE(parse_image_config(R"({"config":null,"rootfs":null,"history":null})"));
}

}  // namespace
}  // namespace berth::oci
