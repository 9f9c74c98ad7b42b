#include "docker_names.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace berth::cli {
namespace {

namespace fs = std::filesystem;

class DockerNamesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string text = testing::TempDir() + "names-XXXXXX";
    ASSERT_NE(::mkdtemp(text.data()), nullptr);
    top_ = fs::canonical(text).string();
    make_program("usr/bin/berth", "berth");
    places_ = {.prefix = top_ + "/local",
               .program = top_ + "/usr/bin/berth",
               .search = {top_ + "/local/bin", top_ + "/usr/bin"},
               .plugin_search = {top_ + "/local/lib/docker/cli-plugins", top_ + "/usr/lib/docker/cli-plugins"}};
  }
  void TearDown() override { fs::remove_all(top_); }

  void make_program(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(top_ + "/" + path).parent_path());
    std::ofstream(top_ + "/" + path) << text;
    ::chmod((top_ + "/" + path).c_str(), 0755);
  }
  std::string text_of(const std::string& path) {
    std::ifstream file(top_ + "/" + path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  DockerNames::Report install(DockerNames::Force force = DockerNames::Force::No,
                              DockerNames::Run run = DockerNames::Run::Real) {
    return must(DockerNames(places_).install(DockerNames::all(), force, run));
  }
  DockerNames::Report undo() { return must(DockerNames(places_).undo(DockerNames::all(), DockerNames::Run::Real)); }

  std::string top_;
  NamePlaces places_;
};

TEST_F(DockerNamesTest, LeadsEveryFreeNameToTheProgramAndUndoLeavesNothing) {
  EXPECT_TRUE(install().refused.empty());
  for (const char* path :
       {"local/bin/docker", "local/bin/docker-compose", "local/lib/docker/cli-plugins/docker-compose"})
    EXPECT_EQ(text_of(path), "berth") << path;
  EXPECT_EQ(install().done.front(), top_ + "/local/bin/docker-compose is berth already");
  undo();
  EXPECT_FALSE(fs::exists(top_ + "/local"));
  EXPECT_TRUE(fs::exists(top_ + "/usr/bin/berth"));
}

TEST_F(DockerNamesTest, LeavesDirectoriesThatWereThereBeforeOrHoldSomethingByNow) {
  make_program("local/bin/tool", "tool");
  install();
  make_program("local/lib/docker/config", "somebody's");
  undo();
  EXPECT_EQ(text_of("local/bin/tool"), "tool");
  EXPECT_EQ(text_of("local/lib/docker/config"), "somebody's");
  EXPECT_FALSE(fs::exists(top_ + "/local/lib/docker/cli-plugins"));
  EXPECT_FALSE(fs::exists(top_ + "/local/lib/berth"));
}

TEST_F(DockerNamesTest, RefusesToShadowADockerAnywhereAndInstallsTheRest) {
  make_program("usr/bin/docker", "docker");
  const auto report = install();
  ASSERT_EQ(report.refused.size(), 1u);
  EXPECT_EQ(report.refused[0].to_string(),
            "`docker` is here already: `" + top_ + "/usr/bin/docker` is not berth, and is left alone");
  EXPECT_EQ(report.refused[0].hint(),
            "--force puts berth's in its place; `berth install-names docker-compose plugin` leaves the name out");
  EXPECT_FALSE(fs::exists(top_ + "/local/bin/docker"));
  EXPECT_EQ(text_of("local/bin/docker-compose"), "berth");
}

TEST_F(DockerNamesTest, ShadowsWithForceAndSaysWhereThatIsNotEnough) {
  make_program("usr/bin/docker", "docker");
  EXPECT_TRUE(install(DockerNames::Force::Yes).warnings.empty());
  EXPECT_EQ(text_of("local/bin/docker"), "berth");
  EXPECT_EQ(text_of("usr/bin/docker"), "docker");
  undo();
  std::swap(places_.search[0], places_.search[1]);
  EXPECT_EQ(install(DockerNames::Force::Yes).warnings.at(0),
            "`" + top_ + "/usr/bin/docker` is found before `" + top_ + "/local/bin/docker`: it still answers");
}

TEST_F(DockerNamesTest, KeepsWhatForceReplacesAndRestoresIt) {
  make_program("local/bin/docker", "old docker");
  make_program("local/lib/docker/cli-plugins/docker-compose", "old plug-in");
  EXPECT_EQ(install().refused.size(), 2u);
  EXPECT_EQ(text_of("local/bin/docker"), "old docker");
  install(DockerNames::Force::Yes);
  EXPECT_EQ(text_of("local/bin/docker"), "berth");
  install(DockerNames::Force::Yes);  // nothing more to replace
  undo();
  EXPECT_EQ(text_of("local/bin/docker"), "old docker");
  EXPECT_EQ(text_of("local/lib/docker/cli-plugins/docker-compose"), "old plug-in");
  EXPECT_FALSE(fs::exists(top_ + "/local/bin/docker-compose"));
  EXPECT_FALSE(fs::exists(top_ + "/local/lib/berth"));
}

TEST_F(DockerNamesTest, UndoesOnlyTheNamesThatAreGiven) {
  install();
  must(DockerNames(places_).undo({"docker"}, DockerNames::Run::Real));
  EXPECT_FALSE(fs::exists(top_ + "/local/bin/docker"));
  EXPECT_EQ(text_of("local/bin/docker-compose"), "berth");
  undo();
  EXPECT_FALSE(fs::exists(top_ + "/local"));
}

TEST_F(DockerNamesTest, LeavesALinkAloneThatSomebodyElseMadeSince) {
  install();
  fs::remove(top_ + "/local/bin/docker");
  make_program("local/bin/docker", "new docker");
  EXPECT_EQ(undo().warnings.size(), 1u);
  EXPECT_EQ(text_of("local/bin/docker"), "new docker");
}

TEST_F(DockerNamesTest, FollowsTheProgramToANewPlace) {
  install();
  make_program("opt/berth", "newer");
  fs::remove(places_.program);
  places_.program = top_ + "/opt/berth";
  EXPECT_TRUE(install().refused.empty());
  EXPECT_EQ(text_of("local/bin/docker"), "newer");
  undo();
  EXPECT_FALSE(fs::exists(top_ + "/local"));
}

TEST_F(DockerNamesTest, UndoesWhatWasInterruptedBeforeTheLinkWasMade) {
  make_program("local/bin/docker", "old docker");
  install(DockerNames::Force::Yes);
  fs::remove(top_ + "/local/bin/docker");
  undo();
  EXPECT_EQ(text_of("local/bin/docker"), "old docker");
}

TEST_F(DockerNamesTest, ChangesNothingInADryRun) {
  EXPECT_EQ(install(DockerNames::Force::No, DockerNames::Run::Dry).done.size(), 3u);
  EXPECT_FALSE(fs::exists(top_ + "/local"));
  EXPECT_TRUE(undo().done.empty());
  EXPECT_FALSE(fs::exists(top_ + "/local"));
}

TEST(SecurePath, IsReadAsSudoReadsIt) {
  EXPECT_EQ(secure_path_of("Defaults\tenv_reset\nDefaults secure_path=\"/a:/b\"\n"), "/a:/b");
  EXPECT_EQ(secure_path_of("Defaults env_reset, secure_path = /a:/b , mail_badpass"), "/a:/b");
  EXPECT_EQ(secure_path_of("Defaults secure_path=/a\nDefaults secure_path=/b"), "/b");
  EXPECT_EQ(secure_path_of("Defaults env_reset,\\\n  secure_path=/a"), "/a");
  EXPECT_EQ(secure_path_of("Defaults secure_path=/a\nDefaults !secure_path"), std::nullopt);
  EXPECT_EQ(secure_path_of("#Defaults secure_path=/a\nDefaults:deploy secure_path=/b\n"), std::nullopt);
  EXPECT_EQ(secure_path_of("Defaults badpass_message=\"no, secure_path=/x\""), std::nullopt);
  EXPECT_EQ(secure_path_of(""), std::nullopt);
}

}  // namespace
}  // namespace berth::cli
