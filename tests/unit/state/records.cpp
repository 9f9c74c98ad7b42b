#include "berth/state/records.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "berth/base/random.hpp"
#include "berth/sys/file.hpp"

namespace berth::state {
namespace {

class Records : public testing::Test {
 protected:
  void SetUp() override {
    base_ = "/dev/shm/berth-state-" + random_hex(6);  // a tmpfs, so that open_roots has nothing to mount
    paths_ = {base_ + "/root", base_ + "/run"};
    ASSERT_TRUE(open_roots(paths_));
    ASSERT_TRUE(make_project_directories(paths_, project_));
  }
  void TearDown() override { ASSERT_TRUE(sys::remove_tree(base_)); }

  ContainerRecord record(const std::string& name) {
    ContainerRecord record;
    record.id = ContainerId(random_hex(32));
    record.name = record.spec.name = name;
    record.spec.project = project_;
    record.spec.service = ServiceName("web");
    record.spec.environment["K"] = std::string("nul\0inside", 10);
    record.anonymous_volumes["/data"] = "v";
    return record;
  }

  std::string base_;
  Paths paths_;
  const ProjectName project_{"shop"};
};

TEST_F(Records, ReadsBackWhatWasWritten) {
  const auto written = record("shop-web-1");
  ASSERT_TRUE(write_record(paths_, written));
  RunRecord run;
  run.phase = engine::Phase::Exited;
  run.exit_code = 42;
  ASSERT_TRUE(write_run(paths_, project_, written.id, run));
  const auto stored = read_containers(paths_, project_);
  ASSERT_EQ(stored.containers.size(), 1u);
  auto expected = written;
  expected.schema = kSchema;
  EXPECT_EQ(stored.containers[0].record, expected);
  EXPECT_EQ(stored.containers[0].run.exit_code, 42);
  EXPECT_TRUE(stored.damaged.empty());
}

TEST_F(Records, ADamagedRecordCostsNobodyElseTheirs) {
  const auto good = record("shop-web-1"), bad = record("shop-web-2");
  ASSERT_TRUE(write_record(paths_, good));
  ASSERT_TRUE(write_record(paths_, bad));
  for (const std::string bytes : {"", "{", "{\"spec\":5}", "\xff\xfe", "[]"}) {
    ASSERT_TRUE(
        sys::write_file_atomic(paths_.container(project_, bad.id) + "/config.json", bytes, sys::Durability::Volatile));
    const auto stored = read_containers(paths_, project_);
    ASSERT_EQ(stored.containers.size(), 1u);
    EXPECT_EQ(stored.containers[0].record.id, good.id);
    ASSERT_EQ(stored.damaged.size(), 1u);
    EXPECT_NE(stored.damaged[0].to_string().find(bad.id.value), std::string::npos) << stored.damaged[0].to_string();
  }
}

TEST_F(Records, ExitCodesSurviveALostRunRoot) {
  const auto written = record("shop-web-1");
  ASSERT_TRUE(write_record(paths_, written));
  RunRecord run;
  run.phase = engine::Phase::Exited;
  run.exit_code = 3;
  ASSERT_TRUE(write_run(paths_, project_, written.id, run));
  ASSERT_TRUE(sys::remove_tree(paths_.run(project_)));
  const auto state = current_state(paths_, read_containers(paths_, project_).containers.at(0));
  EXPECT_EQ(state.phase, engine::Phase::Exited);
  EXPECT_EQ(state.exit_code, 3);
}

TEST_F(Records, KnowsARunningProcessFromARecycledPid) {
  const auto written = record("shop-web-1");
  ASSERT_TRUE(write_record(paths_, written));
  const auto self = must(sys::identify_process(::getpid()));
  RunRecord run;
  run.phase = engine::Phase::Running;
  run.pid = self.pid;
  run.start_time = self.start_time;
  ASSERT_TRUE(write_run(paths_, project_, written.id, run));
  EXPECT_EQ(current_state(paths_, read_containers(paths_, project_).containers.at(0)).phase, engine::Phase::Running);

  run.start_time += 1;  // the pid lives, but it is another process
  ASSERT_TRUE(write_run(paths_, project_, written.id, run));
  const auto gone = current_state(paths_, read_containers(paths_, project_).containers.at(0));
  EXPECT_EQ(gone.phase, engine::Phase::Exited);
  EXPECT_EQ(gone.exit_code, 255);
  EXPECT_EQ(gone.error, "exit status lost");

  ASSERT_TRUE(sys::write_file_atomic(paths_.exit_record(project_, written.id), "10752", sys::Durability::Volatile));
  EXPECT_EQ(current_state(paths_, read_containers(paths_, project_).containers.at(0)).exit_code, 42);
}

TEST_F(Records, ANameHasOneOwnerOverAllProjects) {
  const auto first = record("web"), second = record("web");
  ASSERT_TRUE(write_record(paths_, first));
  ASSERT_TRUE(claim_name(paths_, "web", {"shop", first.id.value}));
  EXPECT_TRUE(claim_name(paths_, "web", {"shop", first.id.value})) << "claiming twice is claiming once";
  auto refused = claim_name(paths_, "web", {"other", second.id.value});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::AlreadyExists);
  EXPECT_NE(refused.error().to_string().find("project `shop`"), std::string::npos);
  ASSERT_TRUE(release_name(paths_, "web", {"shop", first.id.value}));
  EXPECT_TRUE(claim_name(paths_, "web", {"other", second.id.value}));
}

TEST_F(Records, ANameOfAContainerThatIsGoneIsFree) {
  ASSERT_TRUE(claim_name(paths_, "web", {"shop", std::string(64, 'a')}));
  EXPECT_TRUE(claim_name(paths_, "web", {"other", std::string(64, 'b')}));
}

TEST_F(Records, ADamagedNameRegistryIsMadeAgainFromTheRecords) {
  const auto first = record("web");
  ASSERT_TRUE(write_record(paths_, first));
  ASSERT_TRUE(sys::write_file_atomic(paths_.global("names.json"), "{\"web\": tru", sys::Durability::Volatile));
  const auto refused = claim_name(paths_, "web", {"other", std::string(64, 'b')});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::AlreadyExists);
  ASSERT_TRUE(claim_name(paths_, "db", {"shop", first.id.value}));
  EXPECT_EQ(read_names(paths_).value().size(), 2u);
}

TEST_F(Records, NobodyWaitsToRestartAContainerOfAnotherBoot) {
  const auto written = record("shop-web-1");
  ASSERT_TRUE(write_record(paths_, written));
  RunRecord run;
  run.phase = engine::Phase::Restarting;
  run.exit_code = 3;
  ASSERT_TRUE(write_run(paths_, project_, written.id, run));
  auto stored = read_containers(paths_, project_).containers.at(0);
  EXPECT_EQ(current_state(paths_, stored).phase, engine::Phase::Restarting);
  stored.run.boot = "another";
  EXPECT_EQ(current_state(paths_, stored).phase, engine::Phase::Exited);
  EXPECT_EQ(current_state(paths_, stored).exit_code, 3);
}

TEST_F(Records, WhatRanBeforeARebootHasEnded) {
  const auto written = record("shop-web-1");
  ASSERT_TRUE(write_record(paths_, written));
  RunRecord run;
  run.phase = engine::Phase::Created;
  ASSERT_TRUE(write_run(paths_, project_, written.id, run));
  run.phase = engine::Phase::Running;
  run.pid = ::getpid();
  run.start_time = sys::identify_process(::getpid()).value().start_time;
  ASSERT_TRUE(write_start(paths_, project_, written.id, run));
  EXPECT_EQ(current_state(paths_, read_containers(paths_, project_).containers.at(0)).phase, engine::Phase::Running);
  ASSERT_EQ(::unlink(paths_.run_record(project_, written.id).c_str()), 0);
  auto stored = read_containers(paths_, project_).containers.at(0);
  stored.run.boot = "another";
  EXPECT_EQ(current_state(paths_, stored).phase, engine::Phase::Exited);
  EXPECT_EQ(current_state(paths_, stored).exit_code, 255);
}

TEST_F(Records, TwoProcessesDoNotHoldTheProjectAtOnce) {
  auto mine = try_lock_project(paths_, project_, "up");
  ASSERT_TRUE(mine);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(try_lock_project(paths_, project_, "down") ? 1 : 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "the child got the lock too";
  const auto holder = lock_holder(paths_, project_);
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->pid, ::getpid());
  EXPECT_EQ(holder->what, "up");
}

TEST_F(Records, WhoWaitedForTheLockOfARemovedProjectGetsTheOneThatIsThere) {
  auto mine = lock_project(paths_, project_, "down");
  ASSERT_TRUE(mine);
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    mine->reset();  // its copy: the lock is whole as long as one is open
    (void)!::write(ready[1], "x", 1);
    auto theirs = lock_project(paths_, project_, "up");
    struct stat held, named;
    const bool same = theirs && ::fstat(theirs->get(), &held) == 0 &&
                      ::stat(paths_.lock(project_).c_str(), &named) == 0 && held.st_ino == named.st_ino;
    ::_exit(same && sys::exists(paths_.containers(project_)) && sys::exists(paths_.run(project_) + "/exits") ? 0 : 1);
  }
  char byte;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_TRUE(remove_project(paths_, project_));
  mine->reset();
  int status = 1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  for (const int end : ready) ::close(end);
}

TEST_F(Records, ARemovedProjectLeavesNothingAndWhatAKillLeftIsCollected) {
  ASSERT_TRUE(remove_project(paths_, project_));
  EXPECT_FALSE(sys::exists(paths_.project(project_)));
  EXPECT_FALSE(sys::exists(paths_.run(project_)));
  ASSERT_TRUE(remove_project(paths_, project_));
  ASSERT_TRUE(sys::make_directories(paths_.run_root + "/.gone-1/exits"));
  ASSERT_TRUE(sys::make_directories(paths_.below_root("trash") + "/1/deep"));
  ASSERT_TRUE(make_project_directories(paths_, project_));
  ASSERT_TRUE(collect_trash(paths_));
  EXPECT_EQ(*sys::list_directory(paths_.run_root), std::vector<std::string>{"shop"});
  EXPECT_TRUE(sys::list_directory(paths_.below_root("trash"))->empty());
}

TEST_F(Records, AContainerThatGoesLeavesNoneOfItsNames) {
  const auto one = record("temporary"), other = record("other");
  const NameOwner owner{"shop", one.id.value};
  ASSERT_TRUE(write_record(paths_, one));
  ASSERT_TRUE(write_record(paths_, other));
  ASSERT_TRUE(claim_name(paths_, "temporary", owner));
  ASSERT_TRUE(claim_name(paths_, "shop-web-1", owner));
  ASSERT_TRUE(claim_name(paths_, "other", {"shop", other.id.value}));
  ASSERT_TRUE(release_names(paths_, owner));
  EXPECT_EQ(read_names(paths_)->size(), 1u);
}

TEST_F(Records, RefusesARootThatOthersCanEnter) {
  ASSERT_EQ(::chmod(paths_.root.c_str(), 0755), 0);
  auto opened = open_roots(paths_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind(), ErrorKind::Permission);
  EXPECT_FALSE(opened.error().hint().empty());
}

TEST_F(Records, RemovingAContainerTwiceIsRemovingItOnce) {
  const auto written = record("shop-web-1");
  ASSERT_TRUE(write_record(paths_, written));
  ASSERT_TRUE(remove_container(paths_, project_, written.id));
  ASSERT_TRUE(remove_container(paths_, project_, written.id));
  EXPECT_TRUE(read_containers(paths_, project_).containers.empty());
}

TEST(ProjectNames, AreSafeAsDirectoryNames) {
  for (const char* good : {"a", "shop", "my-app_2", "0", "_"}) EXPECT_TRUE(is_project_name(good)) << good;
  for (const char* bad : {"", "..", "a/b", "A", "-a", ".a", "a b", "__"}) EXPECT_FALSE(is_project_name(bad)) << bad;
}

}  // namespace
}  // namespace berth::state
