#include "berth/volume/store.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "berth/base/random.hpp"
#include "berth/sys/file.hpp"

namespace berth::volume {
namespace {

class Volumes : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    root_ = ::testing::TempDir() + "berth-volume-" + random_hex(6);
    must(sys::make_directories(root_ + "/image/data/sub"));
    write("/image/data/sub/file", "content");
    ASSERT_EQ(::link((root_ + "/image/data/sub/file").c_str(), (root_ + "/image/data/second").c_str()), 0);
    ASSERT_EQ(::symlink("/etc/passwd", (root_ + "/image/data/link").c_str()), 0);
    ASSERT_EQ(::chown((root_ + "/image/data").c_str(), 7, 8), 0);
    ASSERT_EQ(::chmod((root_ + "/image/data").c_str(), 01770), 0);
    image_ = must(sys::open(root_ + "/image", O_RDONLY | O_DIRECTORY));
  }
  void TearDown() override {
    if (!root_.empty()) must(sys::remove_tree(root_));
  }
  void write(const std::string& path, const std::string& text) {
    must(sys::write_file_atomic(root_ + path, text, sys::Durability::Volatile));
  }
  engine::VolumeSpec named(const std::string& name) {
    engine::VolumeSpec spec;
    spec.volume.name = name;
    return spec;
  }
  std::string root_;
  sys::UniqueFd image_;
};

TEST_F(Volumes, EnsureIsIdempotentAndListShowsIt) {
  VolumeStore store(root_);
  const auto first = must(store.ensure(named("p_data")));
  EXPECT_EQ(must(store.ensure(named("p_data"))), first);
  EXPECT_EQ(must(store.list()).size(), 1u);
  EXPECT_FALSE(store.ensure(named("../x")));
  auto external = named("other");
  external.volume.external = true;
  EXPECT_EQ(store.ensure(external).error().kind(), ErrorKind::NotFound);
  EXPECT_EQ(store.remove("p_data", {"web-1"}).error().kind(), ErrorKind::Busy);
  must(store.remove("p_data", {}));
  EXPECT_TRUE(must(store.list()).empty());
}

TEST_F(Volumes, FillsAnEmptyVolumeWithOwnersModesAndLinks) {
  VolumeStore store(root_);
  const auto volume = must(store.ensure(named("v")));
  must(store.fill_from_image("v", image_.get(), "/data"));
  struct stat top {
  }, file{};
  ASSERT_EQ(::stat(volume.path.c_str(), &top), 0);
  EXPECT_EQ(top.st_mode & 07777, 01770u);
  EXPECT_EQ(top.st_uid, 7u);
  EXPECT_EQ(top.st_gid, 8u);
  ASSERT_EQ(::lstat((volume.path + "/second").c_str(), &file), 0);
  EXPECT_EQ(file.st_nlink, 2u);
  EXPECT_EQ(must(sys::read_file(volume.path + "/sub/file")), "content");
  EXPECT_EQ(::lstat((volume.path + "/link").c_str(), &file), 0);
  EXPECT_TRUE(S_ISLNK(file.st_mode));
}

TEST_F(Volumes, LeavesWhatAVolumeAlreadyHolds) {
  VolumeStore store(root_);
  const auto volume = must(store.ensure(named("v")));
  write("/volumes/v/_data/mine", "mine");
  must(store.fill_from_image("v", image_.get(), "/data"));
  EXPECT_FALSE(sys::exists(volume.path + "/sub"));
}

TEST_F(Volumes, FillsAgainAfterAFillThatWasCutShort) {
  VolumeStore store(root_);
  const auto volume = must(store.ensure(named("v")));
  write("/volumes/v/_data/second", "half");
  write("/volumes/v/filling", "");
  must(store.fill_from_image("v", image_.get(), "/data"));
  EXPECT_EQ(must(sys::read_file(volume.path + "/second")), "content");
  EXPECT_FALSE(sys::exists(root_ + "/volumes/v/filling"));
}

TEST_F(Volumes, HasNothingToFillFromAPathTheImageLacks) {
  VolumeStore store(root_);
  must(store.ensure(named("v")));
  EXPECT_TRUE(store.fill_from_image("v", image_.get(), "/nowhere"));
}

}  // namespace
}  // namespace berth::volume
