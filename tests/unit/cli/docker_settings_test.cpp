#include "docker_settings.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "berth/model/docker_socket.hpp"
#include "docker_presence.hpp"

namespace berth::cli {
namespace {

TEST(DockerSettings, TellWhereTheStoreIs) {
  EXPECT_EQ(*data_root_of(R"({"data-root":"/srv/docker","debug":true})"), "/srv/docker");
  EXPECT_EQ(*data_root_of(R"({"graph":"/old"})"), "/old");
  EXPECT_EQ(*data_root_of("{}"), "");
  EXPECT_EQ(*data_root_of(R"({"data-root":7})"), "");
  EXPECT_FALSE(data_root_of("data-root: /x"));
  EXPECT_FALSE(data_root_of("[]"));
}

TEST(DockerSettings, KnowADaemonOfThisMachine) {
  for (const char* host : {"", "unix:///var/run/docker.sock", "unix:///run/user/1000/docker.sock", "fd://"})
    EXPECT_TRUE(is_local_daemon(host)) << host;
  for (const char* host : {"tcp://10.0.0.1:2375", "tcp://127.0.0.1:2375", "ssh://deploy@server", "http://x", "server"})
    EXPECT_FALSE(is_local_daemon(host)) << host;
}

TEST(DockerSocket, IsKnownUnderItsUsualNames) {
  for (const char* path : {"/var/run/docker.sock", "/run/docker.sock", "/run/user/1000/docker.sock"})
    EXPECT_TRUE(model::is_docker_socket(path)) << path;
  for (const char* path : {"/var/run", "/srv/docker.sock", "/var/run/docker.sock/x", "/run/user/docker.sock.d"})
    EXPECT_FALSE(model::is_docker_socket(path)) << path;
}

class DockerContexts : public testing::Test {
 protected:
  void SetUp() override {
    std::string text = testing::TempDir() + "contexts-XXXXXX";
    ASSERT_NE(::mkdtemp(text.data()), nullptr);
    home_ = text;
    std::filesystem::create_directories(home_ + "/.docker/contexts/meta/one");
    std::filesystem::create_directories(home_ + "/.docker/contexts/meta/two");
    write("contexts/meta/one/meta.json", R"({"Name":"far","Endpoints":{"docker":{"Host":"ssh://deploy@server"}}})");
    write("contexts/meta/two/meta.json", R"({"Name":"near","Endpoints":{"docker":{"Host":"unix:///run/x.sock"}}})");
    environment_["HOME"] = home_;
  }
  void TearDown() override { std::filesystem::remove_all(home_); }
  void write(const std::string& path, const std::string& text) { std::ofstream(home_ + "/.docker/" + path) << text; }
  std::string refusal() {
    try {
      require_local_daemon(environment_);
    } catch (const Failure& failure) {
      return failure.error().to_string() + "; " + failure.error().hint();
    }
    return "";
  }
  std::string home_;
  std::map<std::string, std::string> environment_;
};

TEST_F(DockerContexts, OfThisMachineAreFine) {
  EXPECT_EQ(refusal(), "");
  write("config.json", R"({"auths":{}})");
  EXPECT_EQ(refusal(), "");
  write("config.json", R"({"currentContext":"near"})");
  EXPECT_EQ(refusal(), "");
  environment_["DOCKER_HOST"] = "unix:///var/run/docker.sock";
  EXPECT_EQ(refusal(), "");
}

TEST_F(DockerContexts, OfAnotherMachineAreRefusedWithTheWayOut) {
  write("config.json", R"({"currentContext":"far"})");
  EXPECT_EQ(refusal(),
            "the docker context `far` names a daemon at `ssh://deploy@server`, and berth runs containers of this "
            "machine only; "
            "`docker context use default` to mean this machine; to run it there, call berth there, by ssh");
  environment_["DOCKER_CONTEXT"] = "near";
  EXPECT_EQ(refusal(), "");
  environment_["DOCKER_HOST"] = "tcp://10.0.0.1:2375";
  EXPECT_EQ(refusal().substr(0, 46), "DOCKER_HOST names a daemon at `tcp://10.0.0.1:");
}

TEST_F(DockerContexts, ThatAreNotThereAreNotTakenForThisMachine) {
  environment_["DOCKER_CONTEXT"] = "gone";
  EXPECT_EQ(refusal(), "the docker context `gone` is not known in " + home_ + "/.docker; unset DOCKER_CONTEXT");
}

}  // namespace
}  // namespace berth::cli
