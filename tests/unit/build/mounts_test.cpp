// RUN --mount, and what a build may do: networks, privileges, limits.
#include <sys/socket.h>

#include <thread>

#include "agent_forward.hpp"
#include "berth/sys/unix_socket.hpp"
#include "build_fixture.hpp"

namespace berth::build {
namespace {

class BuildMounts : public Build {};

TEST_F(BuildMounts, ShowContextStagesAndImagesWithoutKeepingThem) {
  file("src/a", "a");
  file("one.txt", "1");
  file("hidden", "h");
  file(".dockerignore", "hidden\n.dockerignore\n");
  const auto outcome = good(
      "FROM busybox AS other\nRUN echo other > /o\nFROM busybox\nWORKDIR /w\nRUN --mount=target=. ls\nRUN "
      "--mount=type=bind,source=src,target=/s,rw touch /s/b && ls /s\nRUN --mount=source=/src/a,target=/f cat /f\nRUN "
      "--mount=from=other,source=o,target=/o cat /o\nRUN --mount=from=busybox,target=/i ls /i/bin/sh\n");
  EXPECT_EQ(output_, "one.txt\nsrc\na\nb\na\nother\n/i/bin/sh\n");
  for (const char* path : {"/s", "/f", "/o", "/i", "/w/src"})
    EXPECT_FALSE(fs::exists(layer_path(outcome.digest, 0) + path)) << path;
  EXPECT_FALSE(run("FROM busybox\nRUN --mount=source=hidden,target=/h cat /h\n"));
  EXPECT_NE(failure_.find("2:5: error: \"/hidden\": not found"), std::string::npos) << failure_;
  EXPECT_FALSE(run("FROM busybox AS other\nFROM busybox\nRUN --mount=from=other,source=/none,target=/h cat /h\n"));
  EXPECT_NE(failure_.find("\"/none\": not found"), std::string::npos) << failure_;
}

TEST_F(BuildMounts, RunAgainWhenWhatIsBoundChanges) {
  file("src/a", "1");
  const std::string text = "FROM busybox\nRUN --mount=source=src,target=/s cat /s/a\n";
  good(text);
  good(text);
  EXPECT_EQ(output_, "");
  file("src/a", "2");
  good(text);
  EXPECT_EQ(output_, "2\n");
}

TEST_F(BuildMounts, KeepCachesApartByIdAndSeedThem) {
  good(
      "FROM busybox AS seed\nRUN mkdir /seed && echo seeded > /seed/f\nFROM busybox\nRUN "
      "--mount=type=cache,target=/c,id=one echo 1 > /c/f\nRUN --mount=type=cache,target=/other,id=one,ro cat /other/f\n"
      "RUN --mount=type=cache,target=/c,id=two,from=seed,source=/seed cat /c/f\nRUN "
      "--mount=type=cache,target=/c,id=three,uid=100,mode=0700,sharing=private stat -c '%a %u' /c && ls /c\n");
  EXPECT_EQ(output_, "1\nseeded\n700 100\n");
  request_.args["BUILDKIT_CACHE_MOUNT_NS"] = "apart";
  good("FROM busybox\nRUN --mount=type=cache,target=/c,id=one ls /c && echo listed\n");
  EXPECT_EQ(output_, "listed\n");
}

TEST_F(BuildMounts, GiveSecretsAsFilesAndVariables) {
  request_.secrets["tok"] = {"", "hush"};
  const auto outcome = good(
      "FROM busybox\nRUN --mount=type=secret,id=tok,target=/root/.npmrc,uid=100,mode=0440 stat -c '%a %u' /root/.npmrc "
      "&& cat /root/.npmrc\nRUN --mount=type=secret,id=tok,env=TOKEN echo $TOKEN\nRUN --mount=type=secret,id=none true "
      "&& test ! -e /run/secrets\n");
  EXPECT_EQ(output_, "440 100\nhush\nhush\n");
  EXPECT_EQ(oci::to_json(must(store_->config(outcome.digest))).find("hush"), std::string::npos);
  EXPECT_FALSE(run("FROM busybox\nRUN --mount=type=secret,id=none,required true\n"));
  EXPECT_NE(failure_.find("2:5: error: secret none: not found"), std::string::npos) << failure_;
}

TEST_F(BuildMounts, OfferTheAgentAtASocketOfTheStepsOwn) {
  request_.ssh = {"default"};
  request_.environment["SSH_AUTH_SOCK"] = dir_ + "/agent";
  const auto agent = must(sys::listen_unix(dir_ + "/agent"));
  good(
      "FROM busybox\nUSER app\nRUN --mount=type=ssh,uid=100 stat -c '%n %a %u %F' $SSH_AUTH_SOCK\nRUN "
      "--mount=type=ssh,id=other echo [$SSH_AUTH_SOCK]\n");
  EXPECT_EQ(output_, "/run/buildkit/ssh_agent.0 600 100 socket\n[]\n");
  EXPECT_FALSE(run("FROM busybox\nRUN --mount=type=ssh,id=other,required true\n"));
  EXPECT_NE(failure_.find("no SSH agent `other`"), std::string::npos) << failure_;
  request_.ssh = {"key=/etc/passwd"};
  EXPECT_FALSE(run("FROM busybox\nRUN --mount=type=ssh,id=key true\n"));
  EXPECT_NE(failure_.find("keys are not read from files"), std::string::npos) << failure_;
}

TEST_F(BuildMounts, HaveTheLimitsAndRightsOfTheBuild) {
  request_.ulimits["nofile"] = {.soft = 77, .hard = 99};
  good("FROM busybox\nRUN ulimit -Sn && ulimit -Hn\n");
  EXPECT_EQ(output_, "77\n99\n");
  EXPECT_FALSE(run("FROM busybox\nRUN --security=insecure true\n"));
  EXPECT_NE(failure_.find("is not allowed by this build"), std::string::npos) << failure_;
  EXPECT_FALSE(run("FROM busybox\nRUN --network=host true\n"));
  request_.entitlements = {"security.insecure", "network.host"};
  good("FROM busybox\nRUN --security=insecure --network=host cat /proc/self/status\n");
  EXPECT_EQ(output_.find("CapEff:\t00000000a80425fb"), std::string::npos);
}

TEST_F(BuildMounts, HaveTheHostnameAndTheProxiesOfTheBuildWithoutTheirBeingKept) {
  good("FROM busybox\nRUN hostname\n");
  EXPECT_EQ(output_, "buildkitsandbox\n");
  request_.args = {{"BUILDKIT_SANDBOX_HOSTNAME", "own"}, {"http_proxy", "http://p:1"}};
  const auto outcome = good("FROM busybox\nRUN hostname && cat /etc/hosts && echo $http_proxy # first\n");
  EXPECT_EQ(output_.substr(0, 4), "own\n");
  EXPECT_NE(output_.find("localhost own\n"), std::string::npos) << output_;
  EXPECT_NE(output_.find("http://p:1\n"), std::string::npos) << output_;
  EXPECT_EQ(oci::to_json(must(store_->config(outcome.digest))).find("http://p:1"), std::string::npos);
  request_.args["http_proxy"] = "http://q:2";
  good("FROM busybox\nRUN hostname && cat /etc/hosts && echo $http_proxy # first\n");
  EXPECT_TRUE(steps_.empty()) << "another proxy is no other step";
}

TEST_F(BuildMounts, DoAgainWhatAStageMustNotTakeFromTheCache) {
  const std::string text = "FROM busybox AS again\nRUN echo a\nFROM busybox\nRUN echo b\nCOPY --from=again /etc /e\n";
  good(text);
  request_.no_cache_filter = {"again"};
  good(text);
  EXPECT_EQ(steps_, (std::vector<std::string>{"RUN echo a"}));
}

// Polls as a build does until `done`.
void forward_until(AgentForward& forward, const std::function<bool()>& done) {
  while (!done()) {
    auto wait = forward.wanted();
    ASSERT_GT(poll(wait.data(), wait.size(), 5000), 0);
    forward.on_ready(wait);
  }
}

TEST(Agent, PassesBytesBothWaysAndEndsWithEitherSide) {
  char name[] = "/tmp/berth-agent-XXXXXX";
  const std::string dir = mkdtemp(name);
  const auto agent = must(sys::listen_unix(dir + "/agent"));
  auto forward = must(AgentForward::listen(dir + "/step", dir + "/agent", {.mode = 0660}));
  struct stat status {};
  ASSERT_EQ(stat((dir + "/step").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0660u);
  auto step = must(sys::connect_unix(dir + "/step"));
  sys::UniqueFd other;
  forward_until(forward, [&] { return static_cast<bool>(other = must(sys::accept_unix(agent.get()))); });
  std::array<char, 64> buffer;
  std::string got;
  const auto arrives = [&](int at) {
    const auto received = must(sys::receive_some(at, buffer));
    got.append(buffer.data(), received.size);
    return received.size > 0 || received.ended;
  };
  must(sys::send_some(step.get(), "question"));
  forward_until(forward, [&] { return arrives(other.get()); });
  must(sys::send_some(other.get(), "answer"));
  forward_until(forward, [&] { return arrives(step.get()); });
  EXPECT_EQ(got, "questionanswer");
  EXPECT_EQ(forward.wanted().size(), 3u);
  step.reset();
  forward_until(forward, [&] { return arrives(other.get()); });
  EXPECT_EQ(forward.wanted().size(), 1u);
  fs::remove_all(dir);
}

// More than both sockets hold: what cannot be written waits, and reading waits with it.
TEST(Agent, HoldsBackWhatTheOtherSideDoesNotTake) {
  char name[] = "/tmp/berth-agent-XXXXXX";
  const std::string dir = mkdtemp(name);
  const auto agent = must(sys::listen_unix(dir + "/agent"));
  auto forward = must(AgentForward::listen(dir + "/step", dir + "/agent", {}));
  auto step = must(sys::connect_unix(dir + "/step"));
  sys::UniqueFd other;
  forward_until(forward, [&] { return static_cast<bool>(other = must(sys::accept_unix(agent.get()))); });
  const std::string bytes(4 << 20, 'x');
  std::size_t sent = 0, received = 0;
  std::vector<char> buffer(1 << 20);
  while (received < bytes.size()) {
    if (sent < bytes.size()) sent += must(sys::send_some(step.get(), std::string_view(bytes).substr(sent)));
    auto wait = forward.wanted();
    if (poll(wait.data(), wait.size(), 0) > 0)
      forward.on_ready(wait);
    else
      received += must(sys::receive_some(other.get(), buffer)).size;  // only once nothing else moves
  }
  EXPECT_EQ(received, bytes.size());
  fs::remove_all(dir);
}

}  // namespace
}  // namespace berth::build
