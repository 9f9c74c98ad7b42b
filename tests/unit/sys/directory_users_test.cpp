#include "berth/sys/directory_users.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "berth/base/random.hpp"
#include "berth/sys/file.hpp"

namespace berth::sys {
namespace {

class DirectoryUsers : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    top_ = ::testing::TempDir() + "berth-users-" + random_hex(6);
    must(make_directories(top_ + "/sub/deep"));
    must(write_file_atomic(top_ + "/sub/file", std::string(4096, 'x'), Durability::Volatile));
  }
  void TearDown() override {
    if (!top_.empty()) must(remove_tree(top_));
  }
  // What is found while a child has done that.
  std::vector<DirectoryUser> found_while(const std::function<void()>& act) {
    int ready[2], end[2];
    EXPECT_EQ(::pipe(ready), 0);
    EXPECT_EQ(::pipe(end), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      act();
      char byte = 0;
      ::close(end[1]);
      if (::write(ready[1], "x", 1) == 1) (void)!::read(end[0], &byte, 1);
      ::_exit(0);
    }
    char byte;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    auto users = must(directory_users(top_));
    for (const int fd : {ready[0], ready[1], end[0], end[1]}) ::close(fd);
    ::waitpid(child, nullptr, 0);
    if (!users.empty()) {
      EXPECT_EQ(users[0].pid, child);
    }
    return users;
  }
  std::string top_;
};

TEST_F(DirectoryUsers, AreNoneOfAnIdleDirectory) {
  EXPECT_TRUE(must(directory_users(top_)).empty());
  EXPECT_TRUE(found_while([] {}).empty());
}

TEST_F(DirectoryUsers, AreThoseThatHaveAFileOpen) {
  const auto users = found_while([&] { (void)open(top_ + "/sub/file", O_RDONLY)->release(); });
  ASSERT_EQ(users.size(), 1u);
  EXPECT_EQ(users[0].what, "open");
  EXPECT_FALSE(users[0].command.empty());
}

TEST_F(DirectoryUsers, AreThoseThatMapAFileWithoutADescriptor) {
  const auto users = found_while([&] {
    const auto file = must(open(top_ + "/sub/file", O_RDONLY));
    if (::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file.get(), 0) == MAP_FAILED) ::_exit(1);
  });
  ASSERT_EQ(users.size(), 1u);
  EXPECT_EQ(users[0].what, "mapped");
}

TEST_F(DirectoryUsers, AreThoseThatWorkThere) {
  const auto users = found_while([&] { (void)!::chdir((top_ + "/sub/deep").c_str()); });
  ASSERT_EQ(users.size(), 1u);
  EXPECT_EQ(users[0].what, "its working directory");
}

TEST(MountPoints, AreReadWithTheirEscapes) {
  EXPECT_EQ(mount_points_of("21 1 0:5 / /proc rw - proc proc rw\n22 1 8:1 /a /with\\040space\\134 rw\nbroken\n\n"),
            (std::vector<std::string>{"/proc", "/with space\\"}));
}

}  // namespace
}  // namespace berth::sys
