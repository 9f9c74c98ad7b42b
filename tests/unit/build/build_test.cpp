// What a whole build does: stages, cache, network, secrets, failures.
#include "build_fixture.hpp"

namespace berth::build {
namespace {

TEST_F(Build, RunsAMultiStageFileAndWritesItsConfig) {
  file("app.txt", "hello\n");
  const auto outcome = good(
      "FROM busybox as builder\nWORKDIR /usr/src\nENV K some value\nCOPY ./app.txt .\nRUN mkdir out && \\\n    echo "
      "\"$K\" > out/wheel\n"
      "FROM busybox\nENV HOME=/home/app\nENV APP_HOME=/home/app/web\nRUN mkdir -p $APP_HOME\nWORKDIR $APP_HOME\n"
      "COPY --from=builder /usr/src/out /wheels\nCOPY . $APP_HOME\nRUN chown -R app:app $APP_HOME\nUSER app\n"
      "RUN id && pwd && cat /wheels/wheel app.txt && stat -c %U app.txt && touch mine\nEXPOSE 8000 53/udp\nLABEL "
      "a=b\nENTRYPOINT [\"python3\"]\n");
  EXPECT_NE(output_.find("uid=100(app) gid=101(app)"), std::string::npos) << output_;
  EXPECT_NE(output_.find("/home/app/web\nsome value\nhello\napp\n"), std::string::npos) << output_;
  const auto config = must(store_->config(outcome.digest));
  EXPECT_EQ(config.config.user, "app");
  EXPECT_EQ(config.config.working_dir, "/home/app/web");
  EXPECT_EQ(config.config.exposed_ports, (std::set<std::string>{"53/udp", "8000/tcp"}));
  EXPECT_EQ(config.config.entrypoint, (std::vector<std::string>{"python3"}));
  EXPECT_FALSE(config.config.cmd);  // the base's CMD belongs to another program
}

TEST_F(Build, TakesAnUnchangedRebuildFromTheCacheAndKeepsTheDigest) {
  file("a", "1");
  const std::string text = "FROM busybox\nCOPY a /a\nRUN cat /a > /b\n";
  const auto first = good(text);
  const auto again = good(text);
  EXPECT_EQ(first.digest, again.digest);
  EXPECT_EQ(again.cached, again.steps);
  file("a", "2");
  const auto changed = good(text);
  EXPECT_NE(changed.digest, first.digest);
  EXPECT_EQ(steps_.size(), 2u);
}

// Groups of this process's builds; other tests build at the same time.
std::vector<std::string> own_cgroups() {
  const std::string mine = "_build-" + std::to_string(getpid()) + "-";
  std::vector<std::string> found;
  for (const char* parent : {"/sys/fs/cgroup/pids/berth", "/sys/fs/cgroup/berth"})
    if (fs::exists(parent))
      for (const auto& entry : fs::directory_iterator(parent))
        if (entry.path().filename().string().rfind(mine, 0) == 0) found.push_back(entry.path());
  return found;
}

TEST_F(Build, StartsAtTheFirstChangedStep) {
  good("FROM busybox\nRUN echo 1\nRUN echo 2\n");
  EXPECT_EQ(own_cgroups(), std::vector<std::string>{});
  good("FROM busybox\nRUN echo 1\nRUN echo 3\n");
  EXPECT_EQ(steps_, (std::vector<std::string>{"RUN echo 3"}));
}

TEST_F(Build, ShowsTheLinesAndTheOutputOfAFailedRun) {
  const auto outcome = run("FROM busybox\nRUN echo before && \\\n  echo broken >&2 && \\\n  exit 3\n");
  ASSERT_FALSE(outcome);
  EXPECT_NE(failure_.find("  broken\n"), std::string::npos) << failure_;
  EXPECT_NE(failure_.find("dockerfile_inline:2-4\n"), std::string::npos) << failure_;
  EXPECT_NE(failure_.find("   3 | >>>   echo broken"), std::string::npos) << failure_;
  EXPECT_NE(failure_.find("exit code: 3"), std::string::npos) << failure_;
  EXPECT_FALSE(store_->find("out"));
  EXPECT_TRUE(fs::is_empty(dir_ + "/root/images/tmp"));
}

TEST_F(Build, LeavesNoMountPointsInTheLayer) {
  const auto outcome = good("FROM busybox\nRUN cat /etc/hosts /etc/resolv.conf && touch /x\n");
  const std::string layer = layer_path(outcome.digest, 0);
  EXPECT_TRUE(fs::exists(layer + "/x"));
  for (const char* path : {"/etc/hosts", "/etc/resolv.conf", "/proc", "/sys", "/dev"})
    EXPECT_FALSE(fs::exists(layer + path)) << path;
}

TEST_F(Build, HonoursDockerignoreWildcardsAndModes) {
  file(".dockerignore", "*.log\n!keep.log\nsecret\n");
  file("x.log", "x");
  file("keep.log", "k");
  file("secret/s", "s");
  file("one.py", "1", 0640);
  file("two.py", "2");
  good(
      "FROM busybox\nCOPY --chown=app --chmod=750 *.py /py\nCOPY . /all/\nRUN ls -1 /py /all && stat -c '%a %U:%G' "
      "/py/one.py\n");
  EXPECT_NE(output_.find("one.py\ntwo.py\n"), std::string::npos) << output_;
  EXPECT_NE(output_.find("keep.log"), std::string::npos);
  EXPECT_EQ(output_.find("x.log"), std::string::npos);
  EXPECT_EQ(output_.find("secret"), std::string::npos);
  EXPECT_NE(output_.find("750 app:app"), std::string::npos) << output_;
  EXPECT_FALSE(run("FROM busybox\nCOPY secret /s\n"));
  EXPECT_NE(failure_.find("excluded by .dockerignore"), std::string::npos) << failure_;
}

TEST_F(Build, PassesArgumentsAndKeepsGlobalsOutOfStages) {
  request_.args = {{"A", "given"}, {"FROM_ENV", std::nullopt}};
  request_.environment = {{"FROM_ENV", "env"}};
  good(
      "ARG G=global\nFROM busybox\nARG A=default\nARG B=b$A\nARG FROM_ENV\nRUN echo \"$A $B $FROM_ENV [$G]\"\nARG "
      "G\nRUN echo \"<$G>\"\n");
  EXPECT_EQ(output_, "given bgiven env []\n<global>\n");
}

TEST_F(Build, UnpacksLocalArchivesAndHeredocs) {
  fs::copy_file(dir_ + "/busybox.tar", dir_ + "/context/b.tar");
  good(
      "FROM busybox\nADD b.tar /sub\nARG N=v\nCOPY <<one <<\"two\" /d/\n1 $N\none\n2 $N\ntwo\nRUN <<EOF\ncat /d/one "
      "/d/two\ntest -e /sub/bin/busybox && echo unpacked\nEOF\n");
  EXPECT_EQ(output_, "1 v\n2 $N\nunpacked\n");
}

TEST_F(Build, GivesSecretsAndCachesToOneStepOnly) {
  request_.secrets["s"] = {"", "hush"};
  good(
      "FROM busybox\nRUN --mount=type=secret,id=s --mount=type=cache,target=/c --mount=type=tmpfs,target=/t cat "
      "/run/secrets/s && touch /c/x /t/y\n"
      "RUN --mount=type=cache,target=/c ls /c && test ! -e /run/secrets/s && test ! -e /t/y\n");
  EXPECT_EQ(output_, "hush\nx\n");
}

// In a network namespace of the test's own, so that the bridge and the table are nobody else's.
TEST_F(Build, GivesRunStepsTheBuildNetworkAndLeavesNothingOfIt) {
  ASSERT_EQ(unshare(CLONE_NEWNET), 0);
  networked_ = true;
  good("FROM busybox\nRUN ip -4 addr show eth0 && ip route && cat /etc/resolv.conf\n");
  EXPECT_NE(output_.find("default via"), std::string::npos) << output_;
  EXPECT_NE(output_.find("nameserver 127.0.0.11"), std::string::npos) << output_;
  request_.extra_hosts["outside"] = {"host-gateway"};
  good("FROM busybox\nRUN ip route && cat /etc/hosts\n");
  const std::string gateway = output_.substr(output_.find("default via ") + 12);
  EXPECT_NE(output_.find(gateway.substr(0, gateway.find(' ')) + "\toutside"), std::string::npos) << output_;
  EXPECT_FALSE(run("FROM busybox\nRUN --network=none true\n"));
  EXPECT_NE(failure_.find("`outside` is the host-gateway"), std::string::npos) << failure_;
  const std::string links = must(sys::read_file("/proc/thread-self/net/dev"));
  EXPECT_EQ(links.find("br-"), std::string::npos) << links;
  EXPECT_EQ(links.find("berth0"), std::string::npos) << links;
}

TEST_F(Build, KillsTheStepAndCleansUpWhenCancelled) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  bool stop = false;
  request_.dockerfile_inline = "FROM busybox\nRUN echo started && sleep 600\n";
  BuildPorts ports{store_.get(), dir_ + "/root", dir_ + "/run", [&] { return stop; }, ends[0], {}, {}};
  const auto outcome = build(request_, ports, [&](const BuildEvent& event) {
    if (event.kind != BuildEvent::Kind::Output) return;
    stop = true;
    ASSERT_EQ(write(ends[1], "x", 1), 1);
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind(), ErrorKind::Cancelled);
  EXPECT_TRUE(fs::is_empty(dir_ + "/root/images/tmp"));
  close(ends[0]);
  close(ends[1]);
}

TEST_F(Build, BuildsFromScratchAndRefusesWhatItCannotDo) {
  file("only", "x");
  const auto outcome = good("FROM scratch\nCOPY only /only\n");
  EXPECT_EQ(must(store_->layers(outcome.digest)).size(), 1u);
  EXPECT_FALSE(run("FROM busybox\nADD https://example.invalid/x /x\n"));
  EXPECT_NE(failure_.find("is not fetched: this builder has no HTTP client"), std::string::npos) << failure_;
  EXPECT_FALSE(run("FROM busybox\nSTOPSIGNAL SIGNOTHING\n"));
  EXPECT_NE(failure_.find("invalid signal: SIGNOTHING"), std::string::npos) << failure_;
  good("FROM busybox\nARG S=RTMIN\nSTOPSIGNAL SIG$S+3\n");
  EXPECT_FALSE(run("FROM nowhere\n"));
  EXPECT_NE(failure_.find("not in the store"), std::string::npos) << failure_;
}

TEST_F(Build, FiresTheTriggersOfItsBaseOnce) {
  file("f", "triggered\n");
  request_.tags = {"base"};
  good("FROM busybox\nONBUILD COPY f /f\nONBUILD RUN cat /f\n");
  request_.tags = {"out"};
  const auto outcome = good("FROM base\nRUN echo own\n");
  EXPECT_EQ(output_, "triggered\nown\n");
  EXPECT_TRUE(must(store_->config(outcome.digest)).config.on_build.empty());
}

TEST(Request, IsOneBuildForServicesThatDifferInNameOnly) {
  BuildRequest a, b;
  a.context = b.context = "/c";
  a.tags = {"p-one"};
  b.tags = {"p-two"};
  a.labels["com.docker.compose.service"] = "one";
  b.labels["com.docker.compose.service"] = "two";
  EXPECT_EQ(definition_key(a), definition_key(b));
  b.args["X"] = "1";
  EXPECT_NE(definition_key(a), definition_key(b));
}

}  // namespace
}  // namespace berth::build
