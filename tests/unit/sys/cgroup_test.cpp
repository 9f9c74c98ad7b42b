#include "berth/sys/cgroup.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace berth::sys {
namespace {

// Groups of this process's own name; removed at the end.
struct Groups : ::testing::Test {
  std::string top = "berth-test-" + std::to_string(getpid());
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }
  void TearDown() override { EXPECT_TRUE(CgroupSet::find(top).remove()); }
};

TEST_F(Groups, AParentThatAnotherStackUsesStaysAndSoDoesWhatIsInIt) {
  auto theirs = CgroupSet::create(top + "/other/container", {"memory"});
  ASSERT_TRUE(theirs) << theirs.error().to_string();
  auto removed = CgroupSet::find(top).remove_if_empty();
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().kind(), ErrorKind::Busy);
  EXPECT_FALSE(CgroupSet::find(top + "/other/container").empty());
  EXPECT_TRUE(CgroupSet::find(top + "/other").remove());
  EXPECT_TRUE(CgroupSet::find(top).remove_if_empty());
  EXPECT_TRUE(CgroupSet::find(top).empty());
}

TEST_F(Groups, AreMadeWhileAnotherStackRemovesTheirParents) {
  std::atomic<bool> over = false;
  std::thread remover([&] {
    while (!over) (void)CgroupSet::find(top).remove_if_empty();  // Busy is what happens most
  });
  for (int i = 0; i < 100; ++i) {
    auto made = CgroupSet::create(top + "/container", {"memory"});
    EXPECT_TRUE(made) << made.error().to_string();
    if (!made) break;
    EXPECT_FALSE(CgroupSet::find(top + "/container").empty());
    EXPECT_TRUE(made->remove());
  }
  over = true;
  remover.join();
}

}  // namespace
}  // namespace berth::sys
