// The three processes together: a real keeper and zygote, and this program once more as their supervisor (the disabled
// test SupervisorRole, started by the keeper with the run directory as its working directory). Needs root.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <sstream>

#include "berth/init/wire.hpp"
#include "berth/keeper/programs.hpp"
#include "berth/runtime/default_spec.hpp"
#include "berth/runtime/keeper_link.hpp"
#include "berth/runtime/launcher.hpp"
#include "berth/runtime/start_pair.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/memory.hpp"
#include "berth/sys/pidfd.hpp"
#include "berth/sys/unix_socket.hpp"

namespace berth::runtime {
namespace {

LaunchRequest boxed(const std::string& dir, const std::string& name, std::vector<std::string> args) {
  LaunchRequest r;
  r.name = name;
  r.spec = default_spec();
  r.spec.process.args = std::move(args);
  r.spec.process.env = {"PATH=/bin"};
  std::filesystem::create_directories(dir + "/c/" + name + "/root");
  std::filesystem::create_directories(dir + "/c/" + name + "/up");
  std::filesystem::create_directories(dir + "/c/" + name + "/work");
  r.spec.root.path = dir + "/c/" + name + "/root";
  r.spec.root.overlay = oci::Overlay{{dir + "/rootfs"}, dir + "/c/" + name + "/up", dir + "/c/" + name + "/work"};
  return r;
}

// A supervisor's loop, small: feeds link and launcher until `done`.
struct Supervisor {
  KeeperLink link{sys::UniqueFd(init::kKeeperFd)};
  StackLauncher launcher{sys::UniqueFd(init::kZygoteFd), link};
  std::vector<ChildExited> exits;

  bool turn(std::shared_ptr<Launch> launch, std::optional<LaunchOutcome>* outcome,
            const std::function<void(Launch&)>& on_known = {}) {
    pollfd watched[3] = {{link.fd(), POLLIN, 0},
                         {launcher.zygote_fd(), POLLIN, 0},
                         {launch && outcome && !*outcome ? launch->status_fd() : -1, POLLIN, 0}};
    if (poll(watched, 3, 5000) <= 0) return false;
    std::vector<std::shared_ptr<Launch>> known;
    if (watched[0].revents)
      for (auto& event : link.receive()) {
        if (auto* exited = std::get_if<ChildExited>(&event)) exits.push_back(*exited);
        if (std::holds_alternative<KeeperGone>(event)) return false;
        for (auto& one : launcher.on_keeper_event(event)) known.push_back(one);
      }
    if (watched[1].revents)
      for (auto& one : launcher.on_zygote_readable()) known.push_back(one);
    if (watched[2].revents && launch && outcome) *outcome = launch->on_status();
    const bool pid_known = launch && launch->pid() != 0;
    if (pid_known && on_known) on_known(*launch);
    if (pid_known) (void)launch->open_gate();
    return true;
  }
  std::pair<std::shared_ptr<Launch>, LaunchOutcome> start(LaunchPlan plan,
                                                          const std::function<void(Launch&)>& on_known = {}) {
    auto launch = launcher.launch(std::move(plan));
    if (!launch) return {nullptr, {.running = false, .exit_code = -1, .error = launch.error()}};
    std::optional<LaunchOutcome> outcome;
    while (!outcome && turn(*launch, &outcome, on_known)) {}
    return {*launch, outcome.value_or(LaunchOutcome{.running = false, .exit_code = -2, .error = {}})};
  }
  int wait_exit(const std::string& name) {
    for (;;) {
      for (const auto& one : exits)
        if (one.name == name) return one.status;
      if (!turn(nullptr, nullptr)) return -1;
    }
  }
};

std::string describe(const LaunchOutcome& outcome) {
  return outcome.running ? "running" : std::to_string(outcome.exit_code) + " " + outcome.error.to_string();
}

// The keeper's zygote. A container in its set-up has the same name, in a pid namespace of its own.
pid_t zygote() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto status = sys::read_file(entry.path().string() + "/status");
    if (!status || status->find("Name:\tberth-zygote\n") == std::string::npos) continue;
    std::error_code gone;
    const auto space = std::filesystem::read_symlink(entry.path() / "ns/pid", gone);
    if (status->find("PPid:\t" + std::to_string(getppid()) + "\n") != std::string::npos && !gone &&
        space == std::filesystem::read_symlink("/proc/self/ns/pid"))
      return std::atoi(entry.path().filename().c_str());
  }
  return 0;
}

void play(const std::string& scenario, std::ostream& out, const std::string& dir) {
  Supervisor me;
  const auto plan_of = [&](const std::string& name, std::vector<std::string> args) {
    return must(build_launch_plan(boxed(dir, name, std::move(args))));
  };
  if (scenario == "exit") {
    out << describe(me.start(plan_of("a", {"sh", "-c", "exit 42"})).second) << "\n" << me.wait_exit("a") << "\n";
    auto plan = plan_of("b", {"sh", "-c", "exit 7"});
    plan.own_memory = true;  // the same by a fork of the keeper
    out << describe(me.start(std::move(plan)).second) << "\n" << me.wait_exit("b") << "\n";
    out << describe(me.start(plan_of("c", {"missing"})).second) << "\n";
  } else if (scenario == "memory") {
    auto [running, outcome] = me.start(plan_of("a", {"sleep", "100"}));
    out << describe(outcome) << "\n";
    me.launcher.release_memory();
    sys::release_memory();
    out << describe(me.start(plan_of("b", {"sh", "-c", "exit 7"})).second) << "\n" << me.wait_exit("b") << "\n";
    must(sys::send_signal(running->pidfd(), SIGKILL));
    out << me.wait_exit("a") << "\n";
  } else if (scenario == "orphans") {
    // Killed before it can tell the pid of what it has cloned, or before it clones: each launch is decided, and the
    // next one is not disturbed by what is still on its way out of the plans' memory.
    int rounds = 0;
    for (; rounds < 30; ++rounds) {
      const std::string name = "a" + std::to_string(rounds);
      auto launch = must(me.launcher.launch(plan_of(name, {"sh", "-c", "exit 7"})));
      if (const pid_t victim = zygote()) kill(victim, SIGKILL);
      std::optional<LaunchOutcome> outcome;
      while (!outcome && me.turn(launch, &outcome)) {}
      if (!outcome) break;
      if (!outcome->running && outcome->error.errno_value() != ECHILD) out << describe(*outcome) << "\n";
      auto next = me.start(plan_of(name + ".next", {"sh", "-c", "exit 7"})).second;
      if (!next.running && next.error.errno_value() == ECHILD)  // it went to the one that is dead
        next = me.start(plan_of(name + ".again", {"sh", "-c", "exit 7"})).second;
      if (!next.running) out << "next: " << describe(next) << "\n";
    }
    out << rounds << " decided\n";
  } else if (scenario == "unborn") {
    // It dies before it clones, and the launch's own socket says so first.
    const pid_t victim = zygote();
    kill(victim, SIGSTOP);
    auto launch = must(me.launcher.launch(plan_of("a", {"sh", "-c", "exit 7"})));
    kill(victim, SIGKILL);
    pollfd ended = {launch->status_fd(), POLLIN, 0};
    poll(&ended, 1, 5000);
    const auto outcome = launch->on_status();
    out << (outcome && !outcome->running && outcome->error.errno_value() == ECHILD ? "to be launched again" : "lost")
        << "\n";
  } else if (scenario == "control") {
    const auto parked = must(me.link.fetch());
    out << parked.size() << " " << parked.at(0).name << "\n";
  } else if (scenario == "exec") {
    auto [container, outcome] = me.start(plan_of("a", {"sleep", "100"}));
    out << describe(outcome) << "\n";
    int pipe_ends[2];
    (void)!pipe2(pipe_ends, O_CLOEXEC);
    ExecRequest request;
    request.name = "a.exec1";
    request.target_pidfd = container->pidfd();
    request.process = default_spec().process;
    request.process.args = {
        "sh", "-c",
        "echo pid-above-1 $(( $$ > 1 )); grep CapEff /proc/self/status; hostname; ls /proc/self/fd; exit 9"};
    request.process.env = {"PATH=/bin"};
    request.stdio.out = request.stdio.err = pipe_ends[1];
    auto plan = must(build_exec_plan(request));
    auto [exec, exec_outcome] = me.start(std::move(plan));
    close(pipe_ends[1]);
    out << describe(exec_outcome) << "\n"
        << must(sys::read_all(pipe_ends[0], "exec")) << me.wait_exit("a.exec1") << "\n";
    must(sys::send_signal(container->pidfd(), SIGKILL));
    out << me.wait_exit("a") << "\n";
  } else if (scenario == "park") {
    const auto parked = must(me.link.fetch());
    out << parked.size();
    if (parked.empty()) {
      const int fd = open("scenario", O_RDONLY | O_CLOEXEC);
      must(me.link.park("thing", {fd}));
      kill(getpid(), SIGKILL);
    }
    out << " " << parked.at(0).name << "\n";
  } else if (scenario == "late-name") {
    auto [ended, outcome] = me.start(plan_of("a", {"sh", "-c", "exit 7"}));
    const int pid = ended->pid();
    out << me.wait_exit("a") << "\n";
    must(me.link.name_child(pid, "late"));
  } else if (scenario == "gate") {
    const auto parked = must(me.link.fetch());
    if (parked.empty()) {
      const int fd = open("scenario", O_RDONLY | O_CLOEXEC);
      must(me.link.park("second", {fd}));
      (void)me.start(plan_of("a", {"sleep", "100"}), [](Launch&) { kill(getpid(), SIGKILL); });
    }
    out << "second\n";
  }
  must(me.link.quit());
}

TEST(SupervisorRole, DISABLED_Play) {
  std::istringstream words(*sys::read_file("scenario"));
  std::string scenario, dir;
  words >> scenario >> dir;
  std::ostringstream out;
  try {
    play(scenario, out, dir);
  } catch (const Failure& failure) {
    out << "failed: " << failure.what() << "\n";
  }
  must(sys::write_file_atomic("result", out.str(), sys::Durability::Volatile));
}

class Stack : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (!sys::exists("/bin/busybox")) GTEST_SKIP() << "needs busybox-static";
    char name[] = "/tmp/berth-stack-XXXXXX";
    dir_ = mkdtemp(name);
    for (const char* d : {"/rootfs/bin", "/run"}) std::filesystem::create_directories(dir_ + d);
    std::filesystem::copy_file("/bin/busybox", dir_ + "/rootfs/bin/busybox");
    for (const char* tool : {"sh", "cat", "ls", "grep", "hostname", "sleep"})
      symlink("busybox", (dir_ + "/rootfs/bin/" + tool).c_str());
  }
  void TearDown() override {
    if (dir_.empty()) return;
    // The keeper's lock is free once it has ended: nothing of it is left.
    EXPECT_TRUE(eventually(
        [&] { return static_cast<bool>(sys::try_lock_file(run() + "/keeper.lock", sys::LockMode::Exclusive)); }));
    std::filesystem::remove_all(dir_);
  }
  static bool eventually(const std::function<bool()>& holds) {
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
         std::chrono::steady_clock::now() < end; usleep(5000))
      if (holds()) return true;
    return false;
  }
  std::string run() const { return dir_ + "/run"; }
  std::string play(const std::string& scenario) {
    must(sys::write_file_atomic(run() + "/scenario", scenario + " " + dir_, sys::Durability::Volatile));
    start({"/proc/" + std::to_string(getpid()) + "/exe", "--gtest_filter=SupervisorRole.*",
           "--gtest_also_run_disabled_tests"});
    EXPECT_TRUE(eventually([&] { return sys::exists(run() + "/result"); }));
    auto text = sys::read_file(run() + "/result");
    return text ? *text : "no result";
  }
  void start(std::vector<std::string> argv) {
    argv[0] = std::filesystem::canonical(argv[0]).string();
    auto lock = sys::try_lock_file(run() + "/keeper.lock", sys::LockMode::Exclusive);
    ASSERT_TRUE(lock.has_value());
    auto started = start_pair({run(), argv, lock->get(), -1, control_.get(), "berth/test-keeper"});
    ASSERT_TRUE(started.has_value()) << started.error().to_string();
  }
  std::string dir_;
  sys::UniqueFd control_;
};

TEST_F(Stack, RunsContainersAndRecordsTheirExits) {
  const std::string result = play("exit");
  EXPECT_EQ(result.rfind("running\n10752\nrunning\n1792\n127 ", 0), 0u) << result;
  EXPECT_EQ(read_exit_record(run(), "a"), 42 << 8);
  EXPECT_EQ(read_exit_record(run(), "b"), 7 << 8);
}

TEST_F(Stack, EntersARunningContainer) {
  EXPECT_EQ(
      play("exec"), "running\nrunning\npid-above-1 1\nCapEff:\t00000000a80425fb\n" + [] {
        char name[256] = {};
        gethostname(name, sizeof name);
        return std::string(name);
      }() + "\n0\n1\n2\n3\n2304\n9\n");
  EXPECT_EQ(read_exit_record(run(), "a.exec1"), 9 << 8);
}

// TearDown waits for the keeper's end.
TEST_F(Stack, IsNotKeptByANameThatComesAfterTheEnd) { EXPECT_EQ(play("late-name"), "1792\n"); }

TEST_F(Stack, HoldsDescriptorsOverTheSupervisorsDeath) { EXPECT_EQ(play("park"), "1 thing\n"); }

TEST_F(Stack, StartsContainersAfterItsMemoryWasReleased) { EXPECT_EQ(play("memory"), "running\nrunning\n1792\n9\n"); }

TEST_F(Stack, FindsTheControlSocketThatItsStarterListensOn) {
  control_ = must(sys::listen_unix(run() + "/control.sock"));
  EXPECT_EQ(play("control"), "1 control\n");
}

TEST_F(Stack, TellsALaunchThatItsZygoteNeverSawFromOneThatFailed) {
  EXPECT_EQ(play("unborn"), "to be launched again\n");
}
TEST_F(Stack, OutlivesItsZygoteInTheMiddleOfALaunch) { EXPECT_EQ(play("orphans"), "30 decided\n"); }

TEST_F(Stack, LeavesNoContainerThatNobodyRecorded) {
  EXPECT_EQ(play("gate"), "second\n");
  EXPECT_TRUE(eventually([&] { return read_exit_record(run(), "a") == 125 << 8; }));
}

TEST_F(Stack, StopsRestartingASupervisorThatDiesAtOnce) {
  start({"/bin/busybox", "false"});
  EXPECT_TRUE(eventually([&] { return keeper_reason(run()).has_value(); }));
  EXPECT_NE(keeper_reason(run())->find("5 times"), std::string::npos) << *keeper_reason(run());
  EXPECT_FALSE(sys::try_lock_file(run() + "/keeper.lock", sys::LockMode::Exclusive)) << "it must go on holding";
  // Asked to try again, it fails again: still there, a new reason.
  ASSERT_TRUE(retry_supervisor(run()).has_value());
  EXPECT_TRUE(eventually([&] { return keeper_reason(run()).has_value(); }));
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto text = sys::read_file(entry.path().string() + "/cmdline");
    if (text && text->find(run()) != std::string::npos && text->rfind("berth-keeper", 0) == 0)
      kill(std::atoi(entry.path().filename().c_str()), SIGKILL);
  }
}

}  // namespace
}  // namespace berth::runtime
