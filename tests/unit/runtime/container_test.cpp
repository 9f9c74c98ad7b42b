// A busybox root file system really run, as a child of this process (DirectLauncher). Needs root.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "berth/runtime/default_spec.hpp"
#include "berth/runtime/explain.hpp"
#include "berth/runtime/launcher.hpp"
#include "berth/runtime/user.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/pidfd.hpp"

namespace berth::runtime {
namespace {

class Container : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (!sys::exists("/bin/busybox")) GTEST_SKIP() << "needs busybox-static";
    char name[] = "/tmp/berth-runtime-XXXXXX";
    dir_ = mkdtemp(name);
    for (const char* d : {"/rootfs/bin", "/rootfs/etc", "/rootfs/tmp", "/up", "/work", "/root"})
      std::filesystem::create_directories(dir_ + d);
    std::filesystem::copy_file("/bin/busybox", dir_ + "/rootfs/bin/busybox");
    for (const char* tool : {"sh", "cat", "ls", "id", "hostname", "grep", "echo", "sleep", "true", "test", "mount",
                             "unshare", "tty", "wc", "touch", "pwd"})
      symlink("busybox", (dir_ + "/rootfs/bin/" + tool).c_str());
  }
  void TearDown() override {
    if (dir_.empty()) return;
    // Only what is below this test's directory: other mounts of the host come and go.
    const std::string mounts = *sys::read_file("/proc/self/mountinfo");
    EXPECT_EQ(mounts.find(dir_), std::string::npos) << mounts;
    std::filesystem::remove_all(dir_);
  }
  LaunchRequest request(std::vector<std::string> args) {
    LaunchRequest r;
    r.name = "c1";
    r.spec = default_spec();
    r.spec.process.args = std::move(args);
    r.spec.process.env = {"PATH=/bin"};
    r.spec.hostname = "boxed";
    r.spec.root.path = dir_ + "/root";
    r.spec.root.overlay = oci::Overlay{{dir_ + "/rootfs"}, dir_ + "/up", dir_ + "/work"};
    return r;
  }
  struct Ran {
    int code = -1;
    std::string output;
    std::string error;
  };
  Ran run(LaunchRequest r) {
    int out[2];
    EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
    sys::UniqueFd reader(out[0]), writer(out[1]);
    r.stdio.out = r.stdio.err = out[1];
    auto plan = build_launch_plan(r);
    if (!plan) return {-2, "", plan.error().to_string()};
    auto launch = DirectLauncher::launch(std::move(*plan));
    if (!launch) return {-3, "", launch.error().to_string()};
    writer.reset();
    auto outcome = finish_launch(**launch);
    Ran ran;
    ran.output = *sys::read_all(reader.get(), "output");
    auto status = reap((*launch)->pidfd());
    ran.code = status ? sys::exit_code_of_status(*status) : -4;
    if (!outcome.running) ran.error = outcome.error.to_string();
    return ran;
  }
  Ran shell(const std::string& script) { return run(request({"sh", "-c", script})); }
  std::string dir_;
};

TEST_F(Container, PassesTheExitCode) {
  auto ran = shell("exit 42");
  EXPECT_EQ(ran.code, 42) << ran.error << ran.output;
}

TEST_F(Container, HasDockersRightsAndNothingMore) {
  auto ran = run(request({"grep", "-E", "Cap|Seccomp:|NoNewPrivs|SigBlk|SigIgn", "/proc/self/status"}));
  EXPECT_EQ(ran.error, "");
  EXPECT_NE(ran.output.find("CapEff:\t00000000a80425fb"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("CapBnd:\t00000000a80425fb"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("CapInh:\t0000000000000000"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("Seccomp:\t2"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("NoNewPrivs:\t0"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("SigBlk:\t0000000000000000"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("SigIgn:\t0000000000000000"), std::string::npos) << ran.output;
}

TEST_F(Container, HasOnlyItsThreeDescriptors) {
  auto ran = run(request({"ls", "/proc/self/fd"}));
  EXPECT_EQ(ran.output, "0\n1\n2\n3\n") << "3 is ls reading the directory" << ran.error;
}

TEST_F(Container, MasksWhatDockerMasks) {
  auto ran = shell(
      "cat /proc/interrupts | wc -c; ls /sys/firmware | wc -l; echo 1 > /proc/sys/kernel/core_pattern; mount -t tmpfs "
      "x /tmp");
  EXPECT_EQ(ran.output.rfind("0\n0\n", 0), 0u) << ran.output << ran.error;
  EXPECT_NE(ran.output.find("Read-only file system"), std::string::npos) << ran.output;
  EXPECT_NE(ran.code, 0);
}

TEST_F(Container, IsPid1WithItsOwnHostName) {
  auto ran = shell("echo $$; hostname; pwd");
  EXPECT_EQ(ran.output, "1\nboxed\n/\n") << ran.error;
}

TEST_F(Container, BecomesTheUserWithoutCapabilities) {
  auto r = request({"sh", "-c", "id -u; id -g; id -G; grep CapEff /proc/self/status; echo ok > /dev/stdout"});
  r.spec.process.user = {1000, 1001, {1001, 7}};
  r.spec.process.no_new_privileges = true;
  auto ran = run(r);
  EXPECT_EQ(ran.output, "1000\n1001\n1001 7\nCapEff:\t0000000000000000\nok\n") << ran.error;
}

TEST_F(Container, BindsFilesAndDirectoriesAndMakesTheirTargets) {
  sys::write_file_atomic(dir_ + "/hosts", "10.0.0.1 db\n", sys::Durability::Volatile, 0644).value();
  std::filesystem::create_directories(dir_ + "/data");
  auto r = request({"sh", "-c", "cat /etc/hosts; touch /srv/deep/x && touch /ro/y"});
  r.spec.mounts.push_back({"/etc/hosts", "bind", dir_ + "/hosts", {"rbind", "ro"}, -1});
  r.spec.mounts.push_back({"/srv/deep", "bind", dir_ + "/data", {"rbind"}, -1});
  r.spec.mounts.push_back({"/ro", "bind", dir_ + "/data", {"rbind", "ro"}, -1});
  auto ran = run(r);
  EXPECT_EQ(ran.output.rfind("10.0.0.1 db\n", 0), 0u) << ran.output << ran.error;
  EXPECT_TRUE(sys::exists(dir_ + "/data/x"));
  EXPECT_FALSE(sys::exists(dir_ + "/data/y"));
}

TEST_F(Container, SaysWhichProgramIsMissing) {
  auto ran = run(request({"nothere"}));
  EXPECT_EQ(ran.code, 127);
  EXPECT_NE(ran.error.find("nothere"), std::string::npos) << ran.error;
  auto root = sys::open(dir_ + "/rootfs", O_PATH | O_DIRECTORY);
  EXPECT_NE(explain_exec_failure({root->get(), {}}, "nothere", "/bin", "/", ENOENT).to_string().find("$PATH"),
            std::string::npos);
}

TEST_F(Container, SaysWhatIsWrongWithAProgramThatIsMounted) {
  std::filesystem::create_directories(dir_ + "/data");
  ASSERT_TRUE(sys::write_file_atomic(dir_ + "/data/run.sh", "#!/bin/sh\r\necho hi\r\n", sys::Durability::Volatile));
  ASSERT_EQ(::chmod((dir_ + "/data/run.sh").c_str(), 0755), 0);
  auto root = sys::open(dir_ + "/rootfs", O_PATH | O_DIRECTORY);
  const auto explain = [&](const SeenFiles& files, const char* program) {
    return explain_exec_failure(files, program, "/bin", "/app", ENOENT).to_string();
  };
  const SeenFiles directory{root->get(), {{"/app", dir_ + "/data"}}},
      file{root->get(), {{"/x.sh", dir_ + "/data/run.sh"}}};
  EXPECT_NE(explain(directory, "./run.sh").find("Windows line endings"), std::string::npos);
  EXPECT_NE(explain(file, "/x.sh").find("Windows line endings"), std::string::npos);
  EXPECT_NE(explain(file, "/app/run.sh").find("is not in the image"), std::string::npos);
}

TEST_F(Container, EndsWith125WhenTheGateIsClosed) {
  auto plan = build_launch_plan(request({"true"}));
  ASSERT_TRUE(plan.has_value()) << plan.error().to_string();
  auto launch = DirectLauncher::launch(std::move(*plan));
  ASSERT_TRUE(launch.has_value());
  auto pidfd = (*launch)->take_pidfd();
  launch->reset();
  auto status = reap(pidfd.get());
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(sys::exit_code_of_status(*status), 125);
}

TEST_F(Container, JoinsItsControlGroup) {
  auto r = request({"sh", "-c", "cat /proc/self/cgroup | grep -E 'memory|pids|0::' ; ls /sys/fs/cgroup"});
  r.spec.resources.memory = 64 << 20;
  r.spec.resources.pids = 50;
  auto group = create_cgroup("berth/test-" + std::to_string(getpid()) + "/c1", r.spec.resources);
  ASSERT_TRUE(group.has_value()) << group.error().to_string();
  r.cgroup = &*group;
  auto ran = run(r);
  EXPECT_EQ(ran.code, 0) << ran.output << ran.error;
  EXPECT_TRUE(group->remove()) << group->remove().error().to_string();
  EXPECT_TRUE(sys::CgroupSet::find("berth/test-" + std::to_string(getpid())).remove());
}

TEST_F(Container, HasATerminalWhenAskedFor) {
  auto r = request({"sh", "-c", "tty; test -c /dev/console"});
  r.spec.process.terminal = true;
  auto plan = build_launch_plan(r);
  ASSERT_TRUE(plan.has_value()) << plan.error().to_string();
  auto launch = DirectLauncher::launch(std::move(*plan));
  ASSERT_TRUE(launch.has_value());
  auto outcome = finish_launch(**launch);
  ASSERT_TRUE(outcome.running) << outcome.error.to_string();
  auto master = (*launch)->take_terminal();
  ASSERT_TRUE(master);
  char text[256] = {};
  ssize_t size = read(master.get(), text, sizeof text - 1);
  EXPECT_GT(size, 0);
  EXPECT_EQ(std::string(text).rfind("/dev/pts/0", 0), 0u) << text;
  EXPECT_EQ(*reap((*launch)->pidfd()), 0);
}

}  // namespace
}  // namespace berth::runtime
