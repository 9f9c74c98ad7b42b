// Volumes of another store, taken over.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "berth/base/random.hpp"
#include "berth/sys/file.hpp"
#include "berth/volume/store.hpp"

namespace berth::volume {
namespace {

class Adoption : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    top_ = ::testing::TempDir() + "berth-adopt-" + random_hex(6);
    root_ = top_ + "/berth";
    source_ = top_ + "/docker/volumes/data/_data";
    must(sys::make_directories(root_ + "/volumes"));
    must(sys::make_directories(source_ + "/sub"));
    must(sys::write_file_atomic(source_ + "/sub/file", "content", sys::Durability::Volatile));
    ASSERT_EQ(::chown((source_ + "/sub/file").c_str(), 999, 998), 0);
    ASSERT_EQ(::chmod((source_ + "/sub/file").c_str(), 04751), 0);
    ASSERT_EQ(::setxattr((source_ + "/sub/file").c_str(), "trusted.mark", "yes", 3, 0), 0);
    ASSERT_EQ(::symlink("sub/file", (source_ + "/link").c_str()), 0);
    ASSERT_EQ(::mkfifo((source_ + "/fifo").c_str(), 0640), 0);
    const auto sparse = must(sys::open(source_ + "/sparse", O_WRONLY | O_CREAT));
    ASSERT_EQ(::ftruncate(sparse.get(), 64 << 20), 0);
    ASSERT_EQ(::pwrite(sparse.get(), "end", 3, (64 << 20) - 3), 3);
    ASSERT_EQ(::chown(source_.c_str(), 999, 999), 0);
    ASSERT_EQ(::chmod(source_.c_str(), 02770), 0);
    spec_.volume.name = "data";
  }
  void TearDown() override {
    if (!top_.empty()) must(sys::remove_tree(top_));
  }
  struct stat info(const std::string& path) {
    struct stat out {};
    EXPECT_EQ(::lstat((root_ + "/volumes/data/_data/" + path).c_str(), &out), 0) << path;
    return out;
  }
  void expect_all_there() {
    EXPECT_EQ(must(sys::read_file(root_ + "/volumes/data/_data/sub/file")), "content");
    EXPECT_EQ(info("sub/file").st_uid, 999u);
    EXPECT_EQ(info("sub/file").st_gid, 998u);
    EXPECT_EQ(info("sub/file").st_mode & 07777, 04751u);
    char value[8];
    EXPECT_EQ(::getxattr((root_ + "/volumes/data/_data/sub/file").c_str(), "trusted.mark", value, sizeof value), 3);
    EXPECT_TRUE(S_ISLNK(info("link").st_mode));
    EXPECT_TRUE(S_ISFIFO(info("fifo").st_mode));
    EXPECT_EQ(info("sparse").st_size, 64 << 20);
    EXPECT_LT(info("sparse").st_blocks * 512, 1 << 20);
    EXPECT_EQ(info(".").st_uid, 999u);
    EXPECT_EQ(info(".").st_mode & 07777, 02770u);
  }
  std::string top_, root_, source_;
  engine::VolumeSpec spec_;
};

TEST_F(Adoption, CopiesAllOfAVolumeAndLeavesTheSourceAlone) {
  constexpr int kNames = 700;  // more than files may be open
  for (int n = 0; n < kNames; ++n) {
    const std::string name = source_ + "/many-" + std::to_string(n);
    must(sys::write_file_atomic(name, "x", sys::Durability::Volatile));
    ASSERT_EQ(::link(name.c_str(), (source_ + "/sub/second-" + std::to_string(n)).c_str()), 0);
  }
  VolumeStore store(root_);
  EXPECT_EQ(must(store.adopt(spec_, source_, VolumeStore::Take::Copy)), VolumeStore::Adoption::Done);
  expect_all_there();
  for (int n = 0; n < kNames; ++n)
    EXPECT_EQ(info("many-" + std::to_string(n)).st_ino, info("sub/second-" + std::to_string(n)).st_ino);
  EXPECT_TRUE(sys::exists(source_ + "/sub/file"));
  EXPECT_EQ(must(store.adopt(spec_, source_, VolumeStore::Take::Copy)), VolumeStore::Adoption::DoneBefore);
  EXPECT_EQ(must(store.list()).size(), 1u);
}

TEST_F(Adoption, MovesWithoutACopy) {
  struct stat before {};
  ASSERT_EQ(::stat((source_ + "/sub/file").c_str(), &before), 0);
  VolumeStore store(root_);
  EXPECT_EQ(must(store.adopt(spec_, source_, VolumeStore::Take::Move)), VolumeStore::Adoption::Done);
  expect_all_there();
  EXPECT_EQ(info("sub/file").st_ino, before.st_ino);
  EXPECT_FALSE(sys::exists(source_));
  EXPECT_EQ(must(store.adopt(spec_, source_, VolumeStore::Take::Move)), VolumeStore::Adoption::DoneBefore);
}

TEST_F(Adoption, GoesOnWhereAMoveWasCutShort) {
  VolumeStore store(root_);
  must(store.adopt(spec_, source_, VolumeStore::Take::Move));
  // As it is between the two renames.
  ASSERT_EQ(::rename((root_ + "/volumes/data").c_str(), (root_ + "/volumes/.adopt-data").c_str()), 0);
  EXPECT_TRUE(store.is_adoption_unfinished("data"));
  EXPECT_EQ(store.origin("data"), source_);
  must(store.collect_garbage());
  EXPECT_EQ(must(store.adopt(spec_, source_, VolumeStore::Take::Copy)), VolumeStore::Adoption::Done);
  EXPECT_FALSE(store.is_adoption_unfinished("data"));
  expect_all_there();
}

TEST_F(Adoption, MovesToAnotherFileSystemByACopyAndFinishesTheRemoval) {
  ASSERT_EQ(::mount("tmpfs", (top_ + "/docker").c_str(), "tmpfs", 0, nullptr), 0);
  must(sys::make_directories(source_));
  must(sys::write_file_atomic(source_ + "/file", "content", sys::Durability::Volatile));
  VolumeStore store(root_);
  EXPECT_EQ(must(store.adopt(spec_, source_, VolumeStore::Take::Move)), VolumeStore::Adoption::Done);
  EXPECT_FALSE(sys::exists(source_));
  EXPECT_EQ(must(sys::read_file(root_ + "/volumes/data/_data/file")), "content");
  must(sys::make_directories(source_));  // as if the removal had been cut short
  EXPECT_EQ(must(store.adopt(spec_, source_, VolumeStore::Take::Move)), VolumeStore::Adoption::DoneBefore);
  EXPECT_FALSE(sys::exists(source_));
  ASSERT_EQ(::umount((top_ + "/docker").c_str()), 0);
}

TEST_F(Adoption, NeverReplacesAVolumeThatIsThere) {
  VolumeStore store(root_);
  must(store.ensure(spec_));
  const auto refused = store.adopt(spec_, source_, VolumeStore::Take::Copy);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::AlreadyExists);
  EXPECT_TRUE(sys::exists(source_ + "/sub/file"));
}

TEST_F(Adoption, AFillingThatFailsLeavesNoVolume) {
  VolumeStore store(root_);
  const auto made =
      store.make_filled(spec_, [](int) -> Result<void> { return Error::make(ErrorKind::Protocol, "torn"); });
  ASSERT_FALSE(made);
  EXPECT_TRUE(must(sys::list_directory(root_ + "/volumes")).empty());
}

}  // namespace
}  // namespace berth::volume
