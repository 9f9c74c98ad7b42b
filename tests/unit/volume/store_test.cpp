#include "berth/volume/store.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "berth/base/random.hpp"
#include "berth/sys/file.hpp"
#include "mount_options.hpp"

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

TEST_F(Volumes, MountsATmpfsOnceAndRemovesNothingThroughAMount) {
  VolumeStore store(root_);
  auto spec = named("t");
  spec.volume.driver_opts = {{"type", "tmpfs"}, {"device", "tmpfs"}, {"o", "size=1m,mode=0700,noexec"}};
  must(store.ensure(spec));
  const auto source = must(store.mount("t"));
  EXPECT_TRUE(store.is_mounted("t"));
  must(sys::write_file_atomic(source.path + "/kept", "x", sys::Durability::Volatile));
  EXPECT_EQ(must(store.mount("t")).path, source.path);
  EXPECT_TRUE(sys::exists(source.path + "/kept")) << "mounted over";
  must(store.unmount("t"));
  EXPECT_FALSE(store.is_mounted("t"));
  must(store.mount("t"));
  EXPECT_FALSE(sys::exists(source.path + "/kept")) << "another tmpfs";
  must(store.remove("t", {}));
  EXPECT_TRUE(must(store.list()).empty());
}

TEST_F(Volumes, BindsADirectoryOfTheHostThatMustBeThere) {
  VolumeStore store(root_);
  auto spec = named("b");
  spec.volume.driver_opts = {{"type", "none"}, {"device", root_ + "/image/data"}, {"o", "bind,ro"}};
  must(store.ensure(spec));
  const auto source = must(store.mount("b"));
  EXPECT_EQ(source.path, root_ + "/image/data");
  EXPECT_TRUE(source.read_only);
  auto lost = named("lost");
  lost.volume.driver_opts = {{"type", "none"}, {"device", "/no/such"}, {"o", "bind"}};
  must(store.ensure(lost));
  EXPECT_EQ(store.mount("lost").error().to_string(), "`/no/such`, which volume `lost` binds, does not exist");
  must(store.remove("b", {}));
  EXPECT_TRUE(sys::exists(root_ + "/image/data/sub/file"));
}

TEST_F(Volumes, SaysWhyAFileSystemCannotBeMounted) {
  VolumeStore store(root_);
  auto spec = named("n");
  spec.volume.driver_opts = {{"type", "nosuchfs"}, {"device", ":/export"}, {"o", "addr=192.0.2.1"}};
  must(store.ensure(spec));
  EXPECT_EQ(store.mount("n").error().hint(), "the kernel here does not know the file system `nosuchfs`");
}

TEST(MountOptions, TellsFlagsFromWhatTheFileSystemReads) {
  const auto options = must(parse_mount_options("addr=192.0.2.1,ro,rw,nfsvers=4,,noatime,nosuid"));
  EXPECT_EQ(options.data, "addr=192.0.2.1,nfsvers=4");
  EXPECT_EQ(options.flags, static_cast<unsigned long>(MS_NOATIME | MS_NOSUID));
  EXPECT_TRUE(must(parse_mount_options("rbind")).bind);
  EXPECT_FALSE(parse_mount_options("remount"));
  EXPECT_EQ(parse_mount_options("addr=nas").error().hint(), "write the IP address: addr=192.0.2.1");
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
