#include "berth/image/reference.hpp"

#include <gtest/gtest.h>

namespace berth::image {
namespace {

TEST(Reference, ReadsShortNamesInFullAndShowsThemShort) {
  const struct {
    const char *text, *full, *shown;
  } cases[] = {
      {"nginx", "docker.io/library/nginx:latest", "nginx:latest"},
      {"debian:bookworm", "docker.io/library/debian:bookworm", "debian:bookworm"},
      {"a/b:1", "docker.io/a/b:1", "a/b:1"},
      {"index.docker.io/library/x", "docker.io/library/x:latest", "x:latest"},
      {"localhost/x", "localhost/x:latest", "localhost/x:latest"},
      {"host:5000/a/b", "host:5000/a/b:latest", "host:5000/a/b:latest"},
      {"quay.io/a/b:v1.2", "quay.io/a/b:v1.2", "quay.io/a/b:v1.2"},
      {"my_app--x__y", "docker.io/library/my_app--x__y:latest", "my_app--x__y:latest"},
  };
  for (const auto& c : cases) {
    const auto reference = parse_reference(c.text);
    ASSERT_TRUE(reference) << c.text << ": " << reference.error().to_string();
    EXPECT_EQ(reference->to_string(), c.full);
    EXPECT_EQ(reference->familiar(), c.shown);
    EXPECT_EQ(*parse_reference(c.full), *reference);
  }
}

TEST(Reference, KeepsADigestWithoutInventingATag) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const auto reference = parse_reference("nginx@" + digest);
  ASSERT_TRUE(reference);
  EXPECT_EQ(reference->to_string(), "docker.io/library/nginx@" + digest);
}

TEST(Reference, RefusesWhatIsNoName) {
  for (const std::string text : {"", "Nginx", "a//b", "-a", "a-", "a:", "a:b:c", "a___b", "a..b", "a@sha256:12", "/a",
                                 "a/", " a", "a:-x", "../x", "host:port/a"})
    EXPECT_FALSE(parse_reference(text)) << text;
  EXPECT_FALSE(parse_reference(std::string(64, 'a')));
  EXPECT_FALSE(parse_reference(std::string(256, 'a')));
}

}  // namespace
}  // namespace berth::image
