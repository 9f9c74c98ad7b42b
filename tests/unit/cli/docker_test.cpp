// The pure parts of docker's commands.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "docker/docker.hpp"
#include "docker/env_files.hpp"
#include "docker/listing.hpp"
#include "docker/ps_filter.hpp"
#include "docker/run_document.hpp"

namespace berth::cli::docker {
namespace {

namespace bj = boost::json;

CommandLine parsed(const std::vector<std::string>& arguments) {
  auto line = parse_command_line(arguments, docker_grammar());
  EXPECT_TRUE(line) << (line ? "" : line.error().message());
  return line ? std::move(*line) : CommandLine();
}

bj::object document(const std::vector<std::string>& flags, RunWishes wishes = {}) {
  std::vector<std::string> arguments{"run"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  arguments.push_back("image");
  const auto line = parsed(arguments);
  wishes.name = wishes.service = "one";
  wishes.image = "image";
  const auto text = run_document(wishes, line.options);
  EXPECT_TRUE(text) << (text ? "" : text.error().to_string());
  return text ? bj::parse(*text).as_object() : bj::object();
}
bj::object service(const std::vector<std::string>& flags, const RunWishes& wishes = {}) {
  return document(flags, wishes).at("services").at("one").as_object();
}
std::string refused(const std::vector<std::string>& flags) {
  std::vector<std::string> arguments{"run"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  arguments.push_back("image");
  const auto text = run_document({.name = "one", .service = "one", .image = "image"}, parsed(arguments).options);
  return text ? "" : text.error().to_string();
}

TEST(DockerGrammar, KnowsTheManagementSpellings) {
  EXPECT_EQ(parsed({"container", "ls", "-a"}).command->name, "ps");
  EXPECT_EQ(parsed({"image", "rm", "x"}).command->name, "rmi");
  EXPECT_EQ(parsed({"buildx", "build", "."}).command->name, "build");
  EXPECT_EQ(parsed({"volume", "inspect", "v"}).command->name, "volume inspect");
  EXPECT_EQ(parsed({"-D", "--host", "unix:///x", "ps"}).globals.text("host"), "unix:///x");
}

TEST(DockerGrammar, ListsWhatAFamilyHas) {
  EXPECT_EQ(parsed({"image", "--help"}).family, "image");
  EXPECT_EQ(parsed({"network"}).family, "network");
  const std::string help = family_help(docker_grammar(), "network");
  EXPECT_NE(help.find("  ls "), std::string::npos) << help;
  EXPECT_EQ(help.find("connect"), std::string::npos) << "what is refused is not offered\n" << help;
}

TEST(DockerGrammar, EndsFlagsAtTheImage) {
  const auto line = parsed({"run", "-it", "--rm", "-e", "A=b", "-p8080:80", "img", "sh", "-c", "x"});
  EXPECT_EQ(line.operands, (std::vector<std::string>{"img", "sh", "-c", "x"}));
  EXPECT_TRUE(line.options.flag("interactive") && line.options.flag("tty") && line.options.flag("rm"));
  EXPECT_EQ(line.options.all("publish"), std::vector<std::string>{"8080:80"});
}

TEST(DockerGrammar, ExitsAsDocker) {
  EXPECT_EQ(parse_command_line({"run", "--bogus"}, docker_grammar()).error().exit_code(), 125);
  EXPECT_EQ(parse_command_line({"stop"}, docker_grammar()).error().exit_code(), 1);
  EXPECT_EQ(parse_command_line({"pss"}, docker_grammar()).error().exit_code(), 1);
  const auto unknown = parse_command_line({"volume", "lss"}, docker_grammar());
  EXPECT_EQ(unknown.error().message(), "unknown command `volume lss`");
  EXPECT_EQ(unknown.error().hint(), "there are ls, create, inspect, rm, prune, list, remove");
}

TEST(DockerGrammar, EveryCommandHasAFlagOnce) {
  for (const auto& command : docker_grammar().commands) {
    std::set<std::string_view> names;
    std::set<char> letters;
    for (const auto& option : command.options) {
      EXPECT_TRUE(names.insert(option.name).second) << command.name << " --" << option.name;
      if (!option.short_name) continue;
      EXPECT_TRUE(letters.insert(option.short_name).second) << command.name << " -" << option.short_name;
    }
  }
}

TEST(RunDocument, IsAServiceOfAComposeFile) {
  const auto one = service({"-w", "/w", "-u", "5", "-m", "64m", "--cpus", "1.5", "--restart", "on-failure:3", "-t"});
  EXPECT_EQ(one.at("image"), "image");
  EXPECT_EQ(one.at("working_dir"), "/w");
  EXPECT_EQ(one.at("mem_limit"), "64m");
  EXPECT_EQ(one.at("cpus"), "1.5");
  EXPECT_EQ(one.at("restart"), "on-failure:3");
  EXPECT_EQ(one.at("tty"), true);
  EXPECT_FALSE(one.contains("command"));
}

TEST(RunDocument, DoublesDollars) {
  RunWishes wishes;
  wishes.variables = {{"V", "a$b"}};
  wishes.command = {"echo", "$HOME"};
  const auto one = service({}, wishes);
  EXPECT_EQ(one.at("environment").at("V"), "a$$b");
  EXPECT_EQ(one.at("command").at(1), "$$HOME");
}

TEST(RunDocument, EntrypointIsOneProgram) {
  EXPECT_EQ(service({"--entrypoint", "a b"}).at("entrypoint"), (bj::array{"a b"}));
  EXPECT_EQ(service({"--entrypoint", ""}).at("entrypoint"), bj::array());
}

TEST(RunDocument, JoinsNetworks) {
  EXPECT_EQ(document({}).at("networks").at("bridge"), (bj::object{{"name", "bridge"}}));
  RunWishes wishes;
  wishes.known_networks = {"back", "bridge"};
  const auto all = document({"--network", "back", "--network-alias", "db", "--ip", "10.0.0.9"}, wishes);
  EXPECT_EQ(all.at("networks").at("back").at("external"), true);
  EXPECT_EQ(all.at("services").at("one").at("networks").at("back"),
            (bj::object{{"aliases", bj::array{"db"}}, {"ipv4_address", "10.0.0.9"}}));
  EXPECT_EQ(service({"--network", "host", "-p", "1:1"}).at("network_mode"), "host");
  EXPECT_FALSE(service({"--network", "host", "-p", "1:1"}).contains("ports"));
  EXPECT_EQ(refused({"--network", "nowhere"}), "no such network: `nowhere`");
}

TEST(RunDocument, Mounts) {
  RunWishes wishes;
  wishes.known_volumes = {"old"};
  const auto all = document({"-v", "/a:/b:ro", "-v", "old:/c", "-v", "new:/d", "-v", "/anon", "--mount",
                             "type=bind,src=/x,dst=/y,readonly", "--mount", "src=mine,target=/z,volume-nocopy=true"},
                            wishes);
  const auto& list = all.at("services").at("one").at("volumes").as_array();
  EXPECT_EQ(list.at(0), "/a:/b:ro");
  EXPECT_EQ(list.at(4).at("read_only"), true);
  EXPECT_EQ(list.at(4).at("bind").at("create_host_path"), false);
  EXPECT_EQ(list.at(5).at("volume").at("nocopy"), true);
  EXPECT_EQ(all.at("volumes").at("old").at("external"), true);
  EXPECT_EQ(all.at("volumes").at("new"), (bj::object{{"name", "new"}}));
  EXPECT_EQ(refused({"--mount", "type=bind,dst=/y"}),
            "invalid value `type=bind,dst=/y` for --mount: a bind needs its source");
  EXPECT_EQ(refused({"--mount", "type=tmpfs,dst=/y,color=red"}),
            "invalid value `type=tmpfs,dst=/y,color=red` for --mount: `color` is not known for tmpfs");
}

TEST(RunDocument, PublishesAll) {
  RunWishes wishes;
  wishes.exposed_ports = {"80/tcp"};
  EXPECT_EQ(service({"-P", "--expose", "81", "-p", "1:2"}, wishes).at("ports"), (bj::array{"1:2", "80/tcp", "81"}));
}

TEST(RunDocument, HealthAndLimits) {
  const auto one = service({"--health-cmd", "true", "--health-interval", "1s", "--health-retries", "2", "--ulimit",
                            "nofile=1:2", "--stop-timeout", "5", "--log-opt", "max-size=1m"});
  EXPECT_EQ(one.at("healthcheck").at("test"), (bj::array{"CMD-SHELL", "true"}));
  EXPECT_EQ(one.at("ulimits").at("nofile"), (bj::object{{"soft", 1}, {"hard", 2}}));
  EXPECT_EQ(one.at("stop_grace_period"), "5s");
  EXPECT_EQ(one.at("logging").at("options").at("max-size"), "1m");
  EXPECT_EQ(refused({"--no-healthcheck", "--health-cmd", "x"}),
            "--no-healthcheck and the --health flags exclude each other");
  EXPECT_EQ(refused({"--ulimit", "nofile"}), "invalid value `nofile` for --ulimit: it is written as nofile=1024:2048");
}

TEST(ParseMount, IsCsv) {
  const auto fields = parse_mount("type=bind,\"src=/a,b\",ro");
  ASSERT_TRUE(fields);
  EXPECT_EQ(*fields, (std::map<std::string, std::string>{{"type", "bind"}, {"src", "/a,b"}, {"ro", "true"}}));
  EXPECT_FALSE(parse_mount("\"src=/a"));
}

TEST(VariableFile, IsReadAsDockerReadsIt) {
  const auto pairs =
      parse_variable_file("vars", "# no\n\nA=b c\nQ=\"x\"\r\nHOST\nGONE\n  B=1 # kept\n", {{"HOST", "h"}});
  ASSERT_TRUE(pairs);
  const std::vector<std::pair<std::string, std::string>> wanted{
      {"A", "b c"}, {"Q", "\"x\""}, {"HOST", "h"}, {"B", "1 # kept"}};
  EXPECT_EQ(*pairs, wanted);
  EXPECT_EQ(parse_variable_file("vars", "A=1\nB C=2\n", {}).error().to_string(),
            "vars:2: the name `B C` has blanks in it");
  EXPECT_EQ(parse_variable_file("vars", "=1\n", {}).error().to_string(), "vars:1: a name is missing before `=`");
  EXPECT_FALSE(parse_variable_file("vars", "A=\xff\n", {}));
}

TEST(PsFilter, TakesAnyOfAKeyAndAllOfTheKeys) {
  engine::ContainerState state;
  state.id = ContainerId(std::string(64, 'a'));
  state.name = "shop-web-1";
  state.phase = engine::Phase::Exited;
  state.exit_code = 3;
  state.spec.labels = {{"a", "1"}, {"b", ""}};
  const auto matches = [&](const std::vector<std::string>& given) {
    return PsFilter::parse(given)->matches(state, {});
  };
  EXPECT_TRUE(matches({}));
  EXPECT_TRUE(matches({"name=web"}));
  EXPECT_TRUE(matches({"name=^shop-web-1$"}));
  EXPECT_TRUE(matches({"name=^/shop"}));
  EXPECT_FALSE(matches({"name=^web"}));
  EXPECT_TRUE(matches({"status=running", "status=exited"}));
  EXPECT_FALSE(matches({"status=exited", "name=db"}));
  EXPECT_TRUE(matches({"label=a=1", "label=b"}));
  EXPECT_FALSE(matches({"label=a=1", "label=c"}));
  EXPECT_TRUE(matches({"exited=3", "id=aaaa"}));
  EXPECT_FALSE(PsFilter::parse({"status=asleep"}));
  EXPECT_FALSE(PsFilter::parse({"color=red"}));
  EXPECT_FALSE(PsFilter::parse({"name"}));
}

TEST(DockerListing, LooksAsDockers) {
  const Listing listing{{{"ID", "CONTAINER ID"}, {"Names", "NAMES"}, {"State", "STATE", false}}, "ID"};
  const std::vector<bj::object> rows{{{"ID", "1"}, {"Names", "a"}, {"State", "running"}}};
  EXPECT_EQ(*format_listing("table", listing, rows), "CONTAINER ID   NAMES\n1              a\n");
  EXPECT_EQ(*format_listing("table {{.Names}}\\t{{.State}}", listing, rows), "NAMES     STATE\na         running\n");
  EXPECT_EQ(*format_listing("{{.Names}}: {{json .}}", listing, rows),
            "a: {\"ID\":\"1\",\"Names\":\"a\",\"State\":\"running\"}\n");
  EXPECT_EQ(*format_listing("json", listing, rows), "{\"ID\":\"1\",\"Names\":\"a\",\"State\":\"running\"}\n");
  EXPECT_EQ(*format_inspection("", {bj::object{{"A", bj::array{1}}, {"B", bj::object()}}}),
            "[\n    {\n        \"A\": [\n            1\n        ],\n        \"B\": {}\n    }\n]\n");
  EXPECT_EQ(*format_inspection("{{.A}}", {bj::object{{"A", 1}}, bj::object{{"A", 2}}}), "1\n2\n");
}

}  // namespace
}  // namespace berth::cli::docker
