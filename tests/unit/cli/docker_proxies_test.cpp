#include "docker_proxies.hpp"

#include <gtest/gtest.h>

namespace berth::cli {
namespace {

using Arguments = std::map<std::string, std::string>;

TEST(DockerProxies, AreArgumentsInBothSpellings) {
  const auto proxies = must(proxies_of_docker_config(
      R"({"auths":{},"proxies":{"default":{"httpProxy":"http://p:1","noProxy":"a,b","ftpProxy":""},"tcp://d":{"allProxy":"x"}}})"));
  EXPECT_EQ(proxies,
            (Arguments{
                {"HTTP_PROXY", "http://p:1"}, {"http_proxy", "http://p:1"}, {"NO_PROXY", "a,b"}, {"no_proxy", "a,b"}}));
}

TEST(DockerProxies, AreNoneWhereTheFileHasNone) {
  for (const char* text : {"{}", "[]", R"({"proxies":1})", R"({"proxies":{"default":null}})",
                           R"({"proxies":{"default":{"httpProxy":1}}})"})
    EXPECT_EQ(must(proxies_of_docker_config(text)), Arguments{}) << text;
  EXPECT_FALSE(proxies_of_docker_config("{"));
}

}  // namespace
}  // namespace berth::cli
