#include "docker.hpp"

#include <cstdio>

#include "../front.hpp"
#include "../options_of_client.hpp"
#include "berth/cli/app.hpp"

namespace berth::cli {
namespace {

constexpr Option kDockerGlobals[] = {
    kClientConfig,
    kClientContext,
    kClientDebug,
    kClientHost,
    kClientLogLevel,
    kClientTls,
    kClientTlsCaCert,
    kClientTlsCert,
    kClientTlsKey,
    kClientTlsVerify,
    {.name = "version", .short_name = 'v', .help = "Show the version"},
};

constexpr Command refused(std::string_view name, std::string_view why) {
  return {.name = name, .hidden = true, .refused = why};
}
constexpr std::string_view kOnlyCompose = "of docker's commands this version of berth has only `docker compose`";
constexpr std::string_view kOneHost = "berth runs on one host, without a swarm";

constexpr Command kDockerCommands[] = {
    {.name = "compose",
     .operands = "COMMAND",
     .summary = "Build, run and look at the stack of a compose file",
     .needs_root = false,
     .group = "Commands"},
    refused("build", kOnlyCompose),
    refused("exec", kOnlyCompose),
    refused("images", kOnlyCompose),
    refused("info", kOnlyCompose),
    refused("inspect", kOnlyCompose),
    refused("load", kOnlyCompose),
    refused("login", kOnlyCompose),
    refused("logs", kOnlyCompose),
    refused("network", kOnlyCompose),
    refused("ps", kOnlyCompose),
    refused("pull", kOnlyCompose),
    refused("push", kOnlyCompose),
    refused("rm", kOnlyCompose),
    refused("run", kOnlyCompose),
    refused("stop", kOnlyCompose),
    refused("system", kOnlyCompose),
    refused("version", kOnlyCompose),
    refused("volume", kOnlyCompose),
    refused("node", kOneHost),
    refused("service", kOneHost),
    refused("stack", kOneHost),
    refused("swarm", kOneHost),
};

}  // namespace

Grammar docker_grammar() {
  return {.program = "docker",
          .globals = kDockerGlobals,
          .commands = kDockerCommands,
          .summary = "berth under docker's name. No daemon: stacks run by themselves."};
}

int run_docker(const std::vector<std::string>& arguments, std::map<std::string, std::string>) {
  const auto parsed = parse_command_line(arguments, docker_grammar());
  if (!parsed) {
    print_error(Error::make(ErrorKind::Invalid, parsed.error().message()).with_hint(parsed.error().hint()));
    return parsed.error().exit_code();
  }
  if (parsed->globals.flag("version") && !parsed->help) {
    print("Docker version " + std::string(kDockerLevel) + " (berth)\n");
    return kOk;
  }
  print(program_help(docker_grammar()));
  return kOk;
}

}  // namespace berth::cli
