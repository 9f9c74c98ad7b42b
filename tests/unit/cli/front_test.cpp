#include "front.hpp"

#include <gtest/gtest.h>

#include "berth/cli/options.hpp"
#include "docker/docker.hpp"

namespace berth::cli {
namespace {

using Words = std::vector<std::string>;

struct Case {
  const char* argv0;
  Words arguments;
  Front front;
  const char* program;
  Words rest;
};

TEST(Front, IsChosenByTheNameItIsCalledBy) {
  const Case cases[] = {
      {"berth", {"up"}, Front::Compose, "berth", {"up"}},
      {"/opt/x/berth-next", {"compose"}, Front::Compose, "berth", {"compose"}},
      {"/usr/local/bin/docker-compose", {"-f", "a", "up"}, Front::Compose, "docker-compose", {"-f", "a", "up"}},
      {"docker-compose", {}, Front::Compose, "docker-compose", {}},
      {"docker-compose", {"-v"}, Front::Compose, "docker-compose", {"-v"}},
      {"docker-compose", {"docker-cli-plugin-metadata"}, Front::PluginMetadata, "docker compose", {}},
      {"docker-compose", {"compose", "up", "-d"}, Front::Compose, "docker compose", {"up", "-d"}},
      {"docker-compose",
       {"-D", "-Htcp://x", "compose", "ps"},
       Front::Compose,
       "docker compose",
       {"-D", "-Htcp://x", "ps"}},
      {"docker-compose", {"help", "compose"}, Front::Compose, "docker compose", {"help"}},
      {"docker-compose", {"help", "up"}, Front::Compose, "docker-compose", {"help", "up"}},
      {"docker-compose", {"-f", "compose", "up"}, Front::Compose, "docker-compose", {"-f", "compose", "up"}},
      {"/usr/bin/docker", {"compose", "-p", "x", "ps"}, Front::Compose, "docker compose", {"-p", "x", "ps"}},
      {"docker",
       {"--context", "compose", "compose", "ps"},
       Front::Compose,
       "docker compose",
       {"--context", "compose", "ps"}},
      {"docker", {"--host=unix:///x", "compose"}, Front::Compose, "docker compose", {"--host=unix:///x"}},
      {"docker", {"ps", "-a"}, Front::Docker, "docker", {"ps", "-a"}},
      {"docker", {"run", "compose"}, Front::Docker, "docker", {"run", "compose"}},
      {"docker", {"-H"}, Front::Docker, "docker", {"-H"}},
      {"docker", {}, Front::Docker, "docker", {}},
  };
  for (const Case& one : cases) {
    const Call call = choose_front(one.argv0, one.arguments);
    const std::string what = std::string(one.argv0) + " " + (one.arguments.empty() ? "" : one.arguments.back());
    EXPECT_EQ(call.front, one.front) << what;
    EXPECT_EQ(call.program, one.program) << what;
    EXPECT_EQ(call.arguments, one.rest) << what;
  }
}

TEST(Front, PassesTheClientsFlagsOnAsGlobalFlags) {
  const Call call =
      choose_front("docker", {"-D", "-H", "unix:///x", "--config=/c", "--tlsverify", "compose", "-f", "a", "up"});
  const auto parsed = parse_command_line(call.arguments, compose_grammar(call.program));
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->globals.text("host"), "unix:///x");
  EXPECT_EQ(parsed->globals.text("config"), "/c");
  EXPECT_EQ(parsed->globals.text("file"), "a");
  EXPECT_EQ(parsed->command->name, "up");
}

// What scripts written for docker-compose 1 say.
TEST(Front, KnowsTheFlagsOfDockerComposeOne) {
  const Words lines[] = {
      {"-v"},
      {"--version"},
      {"version", "--short"},
      {"--no-ansi", "--verbose", "--log-level", "ERROR", "up", "-d", "--no-color", "--quiet-pull"},
      {"--skip-hostname-check", "-c", "default", "--tlsverify", "--tlscacert", "ca.pem", "ps"},
      {"--compatibility", "--project-directory", ".", "config", "--no-interpolate", "-q"},
      {"build", "--compress", "--force-rm", "--no-rm", "--parallel", "--progress", "plain", "-m", "1g"},
      {"up", "--always-recreate-deps", "--attach-dependencies", "-V", "-t", "3", "--scale", "web=2"},
      {"rm", "-fsv", "-a"},
      {"scale", "-t", "3", "web=2"},
      {"logs", "--no-color", "-t", "-f", "--tail=all"},
      {"exec", "-T", "-d", "--privileged", "-u", "root", "--index=1", "web", "ls"},
      {"run", "--rm", "--no-deps", "-T", "--service-ports", "--use-aliases", "-l", "a=b", "-w", "/", "web"},
      {"ps", "-q", "--services", "--filter", "status=running"},
      {"down", "--rmi", "local", "-v", "--remove-orphans", "-t", "3"},
      {"stop", "--timeout=3"},
      {"events", "--json"},
      {"port", "--protocol=tcp", "--index=1", "web", "80"},
      {"images", "-q"},
      {"top", "web"},
  };
  for (const Words& line : lines) {
    std::string shown;
    for (const auto& word : line) shown += word + " ";
    const auto parsed = parse_command_line(line, compose_grammar("docker-compose"));
    EXPECT_TRUE(parsed) << shown << ": " << (parsed ? "" : parsed.error().message());
  }
}

TEST(Front, NamesItselfInMessagesAsItWasCalled) {
  const auto parsed = parse_command_line({"up", "-t"}, compose_grammar("docker compose"));
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().hint(), "`docker compose up --help` lists its flags");
}

TEST(DockerFront, RefusesWhatItDoesNotHaveWithTheReason) {
  const auto parsed = parse_command_line({"swarm", "init"}, docker_grammar());
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().message(), "`swarm` cannot be used: berth runs on one host, without a swarm");
  EXPECT_EQ(parsed.error().exit_code(), 1);
}

TEST(DockerFront, NamesBothWordsOfACommandThatItRefuses) {
  const auto parsed = parse_command_line({"network", "connect", "back", "web"}, docker_grammar());
  ASSERT_FALSE(parsed);
  EXPECT_TRUE(parsed.error().message().starts_with("`network connect` cannot be used: ")) << parsed.error().message();
}

}  // namespace
}  // namespace berth::cli
