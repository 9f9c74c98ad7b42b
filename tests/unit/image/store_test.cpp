#include "berth/image/store.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "berth/base/random.hpp"
#include "berth/image/unpack.hpp"
#include "berth/sys/file.hpp"
#include "tar_text.hpp"

namespace berth::image {
namespace {

using testing::tar_end;
using testing::tar_entry;

class Store : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    root_ = ::testing::TempDir() + "berth-image-" + random_hex(6);
    must(sys::make_directories(root_));
  }
  void TearDown() override {
    if (!root_.empty()) must(sys::remove_tree(root_));
  }
  std::string save(const std::string& bytes) {
    const std::string path = root_ + "/" + random_hex(4) + ".tar";
    must(sys::write_file_atomic(path, bytes, sys::Durability::Volatile));
    return path;
  }
  Result<Unpacked> unpack(const std::string& bytes, UnpackOptions options = {}) {
    const auto archive = must(sys::open(save(bytes), O_RDONLY));
    target_ = root_ + "/target-" + random_hex(4);
    must(sys::make_directories(target_, 0755));
    const auto directory = must(sys::open(target_, O_RDONLY | O_DIRECTORY));
    return unpack_archive(archive.get(), directory.get(), options);
  }
  struct stat stat_of(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    return info;
  }
  std::string root_, target_;
};

std::string small_rootfs() {
  return tar_entry({.path = "./", .type = '5', .mode = 0755, .mtime = 5}) +
         tar_entry({.path = "./bin/", .type = '5', .mode = 0755, .mtime = 77}) +
         tar_entry({.path = "./bin/sh", .content = "#!\n", .mode = 04755, .uid = 3, .gid = 4, .mtime = 99}) +
         tar_entry({.path = "./bin/ash", .type = '1', .link = "./bin/sh"}) +
         tar_entry({.path = "./lib", .type = '2', .link = "usr/lib"}) +
         tar_entry({.path = "deep/without/parents", .content = "x"}) + tar_end();
}

TEST_F(Store, UnpacksWithOwnersModesTimesAndLinks) {
  const auto done = unpack(small_rootfs());
  ASSERT_TRUE(done) << done.error().to_string();
  const auto shell = stat_of(target_ + "/bin/sh");
  EXPECT_EQ(shell.st_mode & 07777, 04755u);
  EXPECT_EQ(shell.st_uid, 3u);
  EXPECT_EQ(shell.st_gid, 4u);
  EXPECT_EQ(shell.st_mtime, 99);
  EXPECT_EQ(shell.st_nlink, 2u);
  EXPECT_EQ(stat_of(target_ + "/bin").st_mtime, 77);
  EXPECT_EQ(stat_of(target_ + "/deep").st_mode & 07777, 0755u);
  EXPECT_EQ(std::filesystem::read_symlink(target_ + "/lib"), "usr/lib");
}

TEST_F(Store, ConfinesOrRefusesHostileArchives) {
  const std::string outside = root_ + "/outside";
  must(sys::write_file_atomic(outside, "mine", sys::Durability::Volatile));
  const std::string up = "../outside";
  const struct {
    const char* what;
    std::string bytes;
  } attacks[] = {
      {"dot dot", tar_entry({.path = up, .content = "evil"})},
      {"absolute", tar_entry({.path = outside, .content = "evil"})},
      {"through a link",
       tar_entry({.path = "l", .type = '2', .link = root_}) + tar_entry({.path = "l/outside", .content = "evil"})},
      {"over a link",
       tar_entry({.path = "l", .type = '2', .link = outside}) + tar_entry({.path = "l", .content = "evil"})},
      {"hard link outside",
       tar_entry({.path = "h", .type = '1', .link = up}) + tar_entry({.path = "h", .content = "evil"})},
      {"hard link absolute", tar_entry({.path = "h", .type = '1', .link = outside})},
      {"whiteout", tar_entry({.path = ".wh.x"})},
      {"overlay whiteout", tar_entry({.path = "x", .type = '3'})},
      {"bomb", tar_entry({.path = "x", .content = std::string(1000, 'x')}).replace(124, 11, "77777777777")},
      {"truncated", tar_entry({.path = "x", .content = std::string(5000, 'x')}).substr(0, 2000)},
      {"bad checksum", tar_entry({.path = "x"}).replace(0, 1, "y")},
      {"loop", tar_entry({.path = "a", .type = '2', .link = "b"}) + tar_entry({.path = "b", .type = '2', .link = "a"}) +
                   tar_entry({.path = "a/x", .content = "x"})},
  };
  for (const auto& attack : attacks) {
    const auto done = unpack(attack.bytes + tar_end());
    const std::string what = attack.what;
    if (what != "absolute" && what != "over a link" && what != "through a link") {
      EXPECT_FALSE(done) << what;
    }
    EXPECT_EQ(must(sys::read_file(outside)), "mine") << what;
    EXPECT_EQ(stat_of(outside).st_nlink, 1u) << what;
  }
}

TEST_F(Store, ReportsADecompressedSizeOverTheLimit) {
  const auto done =
      unpack(tar_entry({.path = "x", .content = std::string(3000, 'x')}) + tar_end(), {.max_bytes = 1000});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind(), ErrorKind::NoSpace);
}

TEST_F(Store, ImportsTwiceTheSameImageAndFindsIt) {
  auto store = must(ImageStore::open(root_));
  auto config = oci::host_image_config();
  config.config.cmd = {"sh"};
  const std::string path = save(small_rootfs());
  const auto first = must(store.import_rootfs(path, "busybox", config));
  EXPECT_EQ(must(store.import_rootfs(path, "busybox:again", config)), first);
  EXPECT_EQ(must(store.find("busybox")), first);
  EXPECT_EQ(must(store.find(first.value)), first);
  EXPECT_EQ(must(store.find(first.value.substr(7, 12))), first);
  EXPECT_EQ(store.find("nothing").error().kind(), ErrorKind::NotFound);
  EXPECT_EQ(must(store.facts(first)).command, std::vector<std::string>{"sh"});
  const auto images = must(store.list());
  ASSERT_EQ(images.size(), 1u);
  EXPECT_EQ(images[0].references.size(), 2u);
  EXPECT_GT(images[0].size.bytes, 0);
  EXPECT_TRUE(sys::exists(must(store.lower_directories(first)).at(0) + "/bin/sh"));
}

TEST_F(Store, RemovesNamesFirstAndRefusesWhatIsInUse) {
  auto store = must(ImageStore::open(root_));
  const auto digest = must(store.import_rootfs(save(small_rootfs()), "a", oci::host_image_config()));
  must(store.tag(digest, "b"));
  EXPECT_EQ(must(store.remove("a", {"web-1"})).untagged, std::vector<std::string>{"a:latest"});
  const auto busy = store.remove("b", {"web-1"});
  ASSERT_FALSE(busy);
  EXPECT_NE(busy.error().to_string().find("web-1"), std::string::npos);
}

TEST_F(Store, DeletesTheLayerWithItsLastImage) {
  std::string diff;
  {
    auto store = must(ImageStore::open(root_));
    diff =
        must(store.layers(must(store.import_rootfs(save(small_rootfs()), "a", oci::host_image_config())))).at(0).diff;
  }
  auto store = must(ImageStore::open(root_));
  EXPECT_EQ(must(store.remove("a", {})).deleted.size(), 1u);
  EXPECT_FALSE(sys::exists(diff));
  EXPECT_TRUE(must(store.list()).empty());
}

TEST_F(Store, LeavesNothingOfAnImportThatFails) {
  auto store = must(ImageStore::open(root_));
  EXPECT_FALSE(store.import_rootfs(save(small_rootfs().substr(0, 2000)), "a", oci::host_image_config()));
  EXPECT_TRUE(must(sys::list_directory(root_ + "/images/tmp")).empty());
  EXPECT_TRUE(must(sys::list_directory(root_ + "/images/layers")).empty());
  EXPECT_FALSE(store.find("a"));
}

TEST_F(Store, CollectsTheDraftOfAProcessThatDied) {
  must(ImageStore::open(root_));
  const pid_t child = ::fork();
  if (child == 0) {
    auto store = must(ImageStore::open(root_));
    auto draft = must(store.begin_layer());
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(must(sys::list_directory(root_ + "/images/tmp")).size(), 1u);
  auto store = must(ImageStore::open(root_));
  auto mine = must(store.begin_layer());
  EXPECT_EQ(must(store.gc()).drafts, 1u);
  EXPECT_TRUE(sys::exists(mine.upper()));
}

TEST_F(Store, KeepsLayersForCacheAndProcessesAndDropsTheRest) {
  LayerId cached, loose;
  {
    auto store = must(ImageStore::open(root_));
    cached = must(store.commit_layer(must(store.begin_layer())));
    loose = must(store.commit_layer(must(store.begin_layer())));
    must(store.cache_put("key", {cached, "value"}));
    EXPECT_EQ(must(store.gc()).layers, 0u);
  }
  auto store = must(ImageStore::open(root_));
  EXPECT_EQ(must(store.gc()).layers, 1u);
  EXPECT_FALSE(store.layer_directory(loose));
  EXPECT_EQ(must(store.cache_get("key"))->value, "value");
  must(sys::remove_tree(must(store.layer_directory(cached))));
  EXPECT_FALSE(must(store.cache_get("key")));
}

TEST_F(Store, DropsImagesWhoseLayersAreGone) {
  {
    auto store = must(ImageStore::open(root_));
    const auto digest = must(store.import_rootfs(save(small_rootfs()), "a", oci::host_image_config()));
    must(sys::remove_tree(must(store.layers(digest)).at(0).diff));
  }
  auto store = must(ImageStore::open(root_));
  EXPECT_EQ(store.find("a").error().kind(), ErrorKind::NotFound);
}

TEST_F(Store, TwoProcessesImportTheSameTarOnce) {
  const std::string path = save(small_rootfs());
  pid_t children[2];
  for (auto& child : children) {
    child = ::fork();
    if (child == 0) {
      auto store = ImageStore::open(root_);
      auto imported = store ? store->import_rootfs(path, "a", oci::host_image_config()) : store.error();
      if (!imported) ::dprintf(STDERR_FILENO, "%s\n", imported.error().to_string().c_str());
      ::_exit(imported ? 0 : 1);
    }
  }
  for (const auto child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(must(sys::list_directory(root_ + "/images/layers")).size(), 1u);
  auto store = must(ImageStore::open(root_));
  EXPECT_EQ(must(store.list()).size(), 1u);
}

}  // namespace
}  // namespace berth::image
