#include "berth/sys/file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "berth/base/random.hpp"

namespace berth::sys {
namespace {

class Files : public ::testing::Test {
 protected:
  void SetUp() override { must(make_directories(top_)); }
  void TearDown() override { must(remove_tree(top_)); }
  const std::string top_ = ::testing::TempDir() + "/berth-files-" + random_hex(4);
};

// `up` waits for the lock of a project that `down` moves away.
TEST_F(Files, DirectoriesAreMadeWhereOthersRemoveThem) {
  std::atomic<bool> done = false;
  std::thread other([&] {
    for (int i = 0; !done; ++i) {
      const std::string aside = top_ + "/aside" + std::to_string(i);
      if (::rename((top_ + "/a").c_str(), aside.c_str()) == 0) must(remove_tree(aside));
    }
  });
  for (int i = 0; i < 20000; ++i) {
    const auto made = make_directories(top_ + "/a/b/c");
    EXPECT_TRUE(made) << made.error().to_string();
    if (!made) break;
  }
  done = true;
  other.join();
}

TEST_F(Files, DirectoriesThatCannotBeMadeAreAnError) {
  must(write_file_atomic(top_ + "/file", "", Durability::Volatile));
  ASSERT_EQ(0, ::symlink("nowhere", (top_ + "/dangling").c_str()));
  EXPECT_EQ(ENOTDIR, make_directories(top_ + "/file").error().errno_value());
  EXPECT_EQ(ENOTDIR, make_directories(top_ + "/file/below").error().errno_value());
  EXPECT_EQ(ENOTDIR, make_directories(top_ + "/dangling").error().errno_value());
  EXPECT_EQ(ENOENT, make_directories("/proc/berth/below").error().errno_value());
}

}  // namespace
}  // namespace berth::sys
