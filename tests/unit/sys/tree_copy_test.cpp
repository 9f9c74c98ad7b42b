#include "berth/sys/tree_copy.hpp"
#include "berth/sys/overlay.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "berth/base/random.hpp"
#include "berth/sys/file.hpp"

namespace berth::sys {
namespace {

class TreeCopy : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    top_ = ::testing::TempDir() + "berth-copy-" + random_hex(6);
    must(make_directories(top_ + "/from/sub"));
    must(make_directories(top_ + "/to", 0755));
    write("from/file", "one");
    write("from/sub/.git", "skip me");
    write("from/sub/kept", "two");
    from_ = must(open(top_ + "/from", O_RDONLY | O_DIRECTORY));
    to_ = must(open(top_ + "/to", O_RDONLY | O_DIRECTORY));
  }
  void TearDown() override {
    if (!top_.empty()) must(remove_tree(top_));
  }
  void write(const std::string& path, const std::string& text) {
    must(write_file_atomic(top_ + "/" + path, text, Durability::Volatile));
  }
  std::string text(const std::string& path) { return must(read_file(top_ + "/to/" + path)); }
  struct stat info(const std::string& path) {
    struct stat out {};
    EXPECT_EQ(::lstat((top_ + "/to/" + path).c_str(), &out), 0) << path;
    return out;
  }
  std::string top_;
  UniqueFd from_, to_;
};

TEST_F(TreeCopy, PutsADirectorysContentIntoADirectoryMadeWithParents) {
  CopyOptions options;
  options.owner = CopyOwner{5, 6};
  must(copy_tree(from_.get(), "/", to_.get(), "/a/b", options));
  EXPECT_EQ(text("a/b/file"), "one");
  EXPECT_EQ(info("a").st_uid, 5u);
  EXPECT_EQ(info("a").st_mode & 07777, 0755u);
  EXPECT_EQ(info("a/b/sub/kept").st_gid, 6u);
}

// An overlay that is mounted nowhere: a descriptor's path below it means something else, or nothing, on the host.
TEST_F(TreeCopy, TakesAFileAndALinkToItOutOfADetachedOverlay) {
  must(make_directories(top_ + "/lower/dir"));
  write("lower/dir/deep", "three");
  ASSERT_EQ(::symlink("/dir/deep", (top_ + "/lower/link").c_str()), 0);
  ASSERT_EQ(::symlink("../link", (top_ + "/lower/dir/again").c_str()), 0);
  const UniqueFd view = must(open_overlay({top_ + "/lower", top_ + "/from"}, "", ""));
  must(copy_tree(view.get(), "/dir/deep", to_.get(), "a"));
  must(copy_tree(view.get(), "dir/again", to_.get(), "b"));
  must(copy_tree(view.get(), "file", to_.get(), "c"));
  EXPECT_EQ(text("a") + text("b") + text("c"), "threethreeone");
  EXPECT_FALSE(copy_tree(view.get(), "dir/none", to_.get(), "d"));
}

TEST_F(TreeCopy, PutsAFileUnderItsNameIntoADirectoryElseInPlaceOfTheDestination) {
  must(copy_tree(from_.get(), "file", to_.get(), "new/"));
  must(copy_tree(from_.get(), "file", to_.get(), "new"));
  must(copy_tree(from_.get(), "file", to_.get(), "renamed"));
  EXPECT_EQ(text("new/file"), "one");
  EXPECT_EQ(text("renamed"), "one");
}

TEST_F(TreeCopy, KeepsTheMetadataOfTheDirectoryItMergesInto) {
  must(make_directories(top_ + "/to/dest", 0755));
  ASSERT_EQ(::chmod((top_ + "/to/dest").c_str(), 0711), 0);
  must(copy_tree(from_.get(), ".", to_.get(), "dest"));
  EXPECT_EQ(info("dest").st_mode & 07777, 0711u);
}

TEST_F(TreeCopy, LeavesOutWhatTheFilterSkipsAndDirectoriesThatStayEmpty) {
  CopyOptions options;
  options.filter = [](const std::string& path, bool directory) {
    if (path == "file") return CopyFilter::Take;
    return directory ? CopyFilter::Descend : CopyFilter::Skip;
  };
  must(copy_tree(from_.get(), ".", to_.get(), ".", options));
  EXPECT_EQ(text("file"), "one");
  EXPECT_FALSE(exists(top_ + "/to/sub"));
}

TEST_F(TreeCopy, NeverWritesThroughALinkOrOutOfItsRoot) {
  write("outside", "mine");
  ASSERT_EQ(::symlink((top_ + "/outside").c_str(), (top_ + "/to/file").c_str()), 0);
  ASSERT_EQ(::symlink("/../..", (top_ + "/to/up").c_str()), 0);
  must(copy_tree(from_.get(), ".", to_.get(), "."));
  must(copy_tree(from_.get(), "file", to_.get(), "up/outside"));
  EXPECT_EQ(must(read_file(top_ + "/outside")), "mine");
  EXPECT_EQ(text("file"), "one");
  EXPECT_EQ(text("outside"), "one");
}

TEST_F(TreeCopy, LinksFilesOfAnImmutableSourceThatStayAsTheyAre) {
  CopyOptions options;
  options.hard_link = true;
  EXPECT_EQ(must(copy_tree(from_.get(), ".", to_.get(), ".", options)).linked, 3u);
  options.change_mode = [](mode_t, bool directory) { return directory ? 0755u : 0640u; };
  EXPECT_EQ(must(copy_tree(from_.get(), ".", to_.get(), "other", options)).linked, 0u);
  EXPECT_EQ(info("other/file").st_mode & 07777, 0640u);
}

TEST_F(TreeCopy, RefusesToReplaceADirectoryByAFileAndTheOtherWayRound) {
  must(make_directories(top_ + "/to/file"));
  EXPECT_FALSE(copy_tree(from_.get(), ".", to_.get(), "."));
  write("to/plain", "x");
  EXPECT_FALSE(copy_tree(from_.get(), ".", to_.get(), "plain"));
}

TEST_F(TreeCopy, TakesNothingPrivilegedOutOfAContainer) {
  ASSERT_EQ(::chmod((top_ + "/from/file").c_str(), 06755), 0);
  ASSERT_EQ(::mknod((top_ + "/from/device").c_str(), S_IFCHR | 0666, makedev(1, 3)), 0);
  CopyOptions options;
  options.from_container = true;
  must(copy_tree(from_.get(), "/", to_.get(), "/", options));
  EXPECT_EQ(info("file").st_mode & 07777, 0755u);
  EXPECT_FALSE(exists(top_ + "/to/device"));
  const auto host = must(open("/", O_RDONLY | O_DIRECTORY));
  must(copy_tree(host.get(), "/proc", to_.get(), "/proc", options));
  EXPECT_EQ(must(list_directory(top_ + "/to/proc")), std::vector<std::string>{});
}

TEST_F(TreeCopy, ALinkIsCopiedAsALinkAndFollowedInsideItsRoot) {
  ASSERT_EQ(::symlink("/sub/../file", (top_ + "/from/link").c_str()), 0);
  ASSERT_EQ(::symlink("link", (top_ + "/from/again").c_str()), 0);
  must(copy_link(from_.get(), "/link", to_.get(), "/copied", CopyOwner{5, 6}));
  EXPECT_EQ(info("copied").st_uid, 5u);
  EXPECT_EQ(must(kind_in_root(to_.get(), "/copied")), EntryKind::Link);
  EXPECT_EQ(must(follow_links(from_.get(), "/again")), "/sub/../file");
  EXPECT_EQ(must(kind_in_root(from_.get(), "/nothing/at/all")), EntryKind::Nothing);
}

}  // namespace
}  // namespace berth::sys
