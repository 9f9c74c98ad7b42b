// The one table. Order within a command is the order of its help.
#include <algorithm>

#include "berth/cli/options.hpp"

namespace berth::cli {
namespace {

constexpr ValueKind kText = ValueKind::Text;
constexpr std::string_view kRegistryLater = "there is no registry access in this version";

constexpr Option kGlobals[] = {
    {.name = "file", .short_name = 'f', .value = kText, .value_name = "FILE", .help = "Compose file; several are merged, `-` reads from stdin", .repeatable = true},
    {.name = "project-name", .short_name = 'p', .value = kText, .value_name = "NAME", .help = "Project name"},
    {.name = "profile", .value = kText, .value_name = "NAME", .help = "Profile to enable (`*`: all)", .repeatable = true},
    {.name = "env-file", .value = kText, .value_name = "FILE", .help = "File of variables instead of .env", .repeatable = true},
    {.name = "project-directory", .value = kText, .value_name = "DIR", .help = "Directory that relative paths start from"},
    {.name = "compatibility", .help = "Names with `_` instead of `-`, as docker-compose 1 made them"},
    {.name = "progress", .value = kText, .value_name = "TYPE", .help = "How progress is shown: auto, tty, plain, json, quiet", .fallback = "auto", .choices = "auto|tty|plain|json|quiet"},
    {.name = "ansi", .value = kText, .value_name = "WHEN", .help = "Colours and cursor movement: never, always, auto", .fallback = "auto", .choices = "never|always|auto"},
    {.name = "parallel", .value = ValueKind::Number, .value_name = "N", .help = "Limit of what is done at the same time", .fallback = "-1", .effect = Effect::None, .why = "one supervisor does the work; it needs no limit"},
    {.name = "dry-run", .help = "Show what would be done; change nothing"},
    {.name = "all-resources", .help = "Keep networks and volumes that no service uses"},
    {.name = "root", .value = kText, .value_name = "DIR", .help = "Where images, volumes and records live (BERTH_ROOT)"},
    {.name = "run-root", .value = kText, .value_name = "DIR", .help = "Where sockets and locks live (BERTH_RUN_ROOT)"},
    {.name = "version", .short_name = 'v', .help = "Show the version"},
    {.name = "verbose", .help = "Say more", .hidden = true, .effect = Effect::None, .why = "errors always say all there is"},
    {.name = "no-ansi", .help = "Same as --ansi never", .hidden = true},
    {.name = "workdir", .value = kText, .value_name = "DIR", .help = "Same as --project-directory", .hidden = true},
};

constexpr Option kBuild[] = {
    {.name = "build-arg", .value = kText, .value_name = "K=V", .help = "Build argument for all services", .repeatable = true},
    {.name = "check", .help = "Check the Dockerfiles; build nothing"},
    {.name = "no-cache", .help = "Do every step again"},
    {.name = "pull", .help = "Look for newer base images", .effect = Effect::Refused, .why = kRegistryLater},
    {.name = "push", .help = "Push what was built", .effect = Effect::Refused, .why = kRegistryLater},
    {.name = "quiet", .short_name = 'q', .help = "Print only errors"},
    {.name = "with-dependencies", .help = "Build dependencies of the named services, too"},
    {.name = "progress", .value = kText, .value_name = "TYPE", .help = "How progress is shown", .choices = "auto|tty|plain|json|quiet", .hidden = true},
    {.name = "builder", .value = kText, .value_name = "NAME", .help = "Builder", .hidden = true, .effect = Effect::Refused, .why = "berth builds by itself and has no other builders"},
    {.name = "ssh", .value = kText, .value_name = "KEYS", .help = "SSH agent for the build", .hidden = true, .effect = Effect::Refused, .why = "SSH agents are not forwarded to builds in this version"},
    {.name = "provenance", .value = kText, .value_name = "MODE", .help = "Provenance attestation", .hidden = true, .effect = Effect::Refused, .why = "images carry no attestations in this version"},
    {.name = "sbom", .value = kText, .value_name = "MODE", .help = "SBOM attestation", .hidden = true, .effect = Effect::Refused, .why = "images carry no attestations in this version"},
    {.name = "memory", .short_name = 'm', .value = kText, .value_name = "SIZE", .help = "Memory limit of the build", .hidden = true, .effect = Effect::None, .why = "as with docker compose and BuildKit"},
    {.name = "compress", .help = "Compress the context", .hidden = true, .effect = Effect::None, .why = "the context is read in place"},
    {.name = "force-rm", .help = "Remove intermediate containers", .hidden = true, .effect = Effect::None, .why = "nothing is left of a step"},
    {.name = "no-rm", .help = "Keep intermediate containers", .hidden = true, .effect = Effect::None, .why = "steps leave no containers"},
    {.name = "parallel", .help = "Build in parallel", .hidden = true, .effect = Effect::None, .why = "as with docker compose"},
};

constexpr Option kConfig[] = {
    {.name = "environment", .help = "Print the variables that interpolation saw"},
    {.name = "format", .value = kText, .value_name = "FORMAT", .help = "yaml or json", .fallback = "yaml", .choices = "yaml|json"},
    {.name = "hash", .value = kText, .value_name = "SERVICES", .help = "Print the configuration hash of services (`*`: all)"},
    {.name = "images", .help = "Print the image names"},
    {.name = "lock-image-digests", .help = "Pin images to digests", .effect = Effect::Refused, .why = kRegistryLater},
    {.name = "models", .help = "Print the model names"},
    {.name = "networks", .help = "Print the network names"},
    {.name = "no-consistency", .help = "Skip the consistency check"},
    {.name = "no-env-resolution", .help = "Keep env_file as it is"},
    {.name = "no-interpolate", .help = "Keep variables as they are"},
    {.name = "no-normalize", .help = "Skip normalisation"},
    {.name = "no-path-resolution", .help = "Keep relative paths"},
    {.name = "output", .short_name = 'o', .value = kText, .value_name = "FILE", .help = "Write to a file"},
    {.name = "profiles", .help = "Print the profile names"},
    {.name = "quiet", .short_name = 'q', .help = "Only check"},
    {.name = "resolve-image-digests", .help = "Pin images to digests", .effect = Effect::Refused, .why = kRegistryLater},
    {.name = "services", .help = "Print the service names"},
    {.name = "variables", .help = "Print the variables that the files use"},
    {.name = "volumes", .help = "Print the volume names"},
};

constexpr Option kTimeout{.name = "timeout", .short_name = 't', .value = ValueKind::Seconds, .value_name = "SECONDS", .help = "Grace period before a container is killed"};
constexpr Option kRemoveOrphans{.name = "remove-orphans", .help = "Remove containers of services that the files do not define"};

constexpr Option kDown[] = {
    kRemoveOrphans,
    {.name = "rmi", .value = kText, .value_name = "WHICH", .help = "Remove images: all of the services, or local ones without a name of their own", .choices = "all|local"},
    kTimeout,
    {.name = "volumes", .short_name = 'v', .help = "Remove named and anonymous volumes, too"},
};

constexpr Option kExec[] = {
    {.name = "detach", .short_name = 'd', .help = "Do not wait for the command"},
    {.name = "env", .short_name = 'e', .value = kText, .value_name = "K=V", .help = "Environment variable", .repeatable = true},
    {.name = "index", .value = ValueKind::Number, .value_name = "N", .help = "Which replica", .fallback = "0"},
    {.name = "no-tty", .short_name = 'T', .help = "No terminal, even where stdin and stdout are one"},
    {.name = "no-TTY", .help = "Same as --no-tty", .hidden = true},
    {.name = "privileged", .help = "With all capabilities"},
    {.name = "user", .short_name = 'u', .value = kText, .value_name = "USER", .help = "User[:group] to run as"},
    {.name = "workdir", .short_name = 'w', .value = kText, .value_name = "DIR", .help = "Working directory in the container"},
    {.name = "interactive", .short_name = 'i', .help = "Keep stdin open", .fallback = "true", .hidden = true},
    {.name = "tty", .short_name = 't', .help = "Terminal", .hidden = true},
};

constexpr Option kImages[] = {
    {.name = "format", .value = kText, .value_name = "FORMAT", .help = "table or json", .fallback = "table", .choices = "table|json"},
    {.name = "quiet", .short_name = 'q', .help = "Only image ids"},
};

constexpr Option kImage[] = {
    {.name = "change", .short_name = 'c', .value = kText, .value_name = "INSTRUCTION", .help = "import: an instruction of a Dockerfile that sets the config, as CMD [\"sh\"]", .repeatable = true},
    {.name = "format", .value = kText, .value_name = "FORMAT", .help = "ls: table or json", .fallback = "table", .choices = "table|json"},
    {.name = "quiet", .short_name = 'q', .help = "Only digests"},
};

constexpr Option kKill[] = {
    kRemoveOrphans,
    {.name = "signal", .short_name = 's', .value = kText, .value_name = "SIGNAL", .help = "Signal to send", .fallback = "SIGKILL"},
};

constexpr Option kLogs[] = {
    {.name = "follow", .short_name = 'f', .help = "Go on as lines come"},
    {.name = "index", .value = ValueKind::Number, .value_name = "N", .help = "Which replica", .fallback = "0"},
    {.name = "no-color", .help = "No colours"},
    {.name = "no-log-prefix", .help = "No container names before the lines"},
    {.name = "since", .value = kText, .value_name = "TIME", .help = "From a time (2026-01-02T13:23:37Z) or an age (42m)"},
    {.name = "tail", .short_name = 'n', .value = kText, .value_name = "N", .help = "Last N lines of each container", .fallback = "all"},
    {.name = "timestamps", .short_name = 't', .help = "With times"},
    {.name = "until", .value = kText, .value_name = "TIME", .help = "Up to a time or an age"},
};

constexpr Option kPlan[] = {
    {.name = "format", .value = kText, .value_name = "FORMAT", .help = "text or json", .fallback = "text", .choices = "text|json"},
    {.name = "detailed-exitcode", .help = "Exit with 2 where something would change"},
    {.name = "force-recreate", .help = "As up --force-recreate"},
    {.name = "no-recreate", .help = "As up --no-recreate"},
    {.name = "no-deps", .help = "As up --no-deps"},
    kRemoveOrphans,
    {.name = "scale", .value = kText, .value_name = "SERVICE=N", .help = "Number of containers", .repeatable = true},
};

constexpr Option kPs[] = {
    {.name = "all", .short_name = 'a', .help = "Stopped containers, too"},
    {.name = "filter", .value = kText, .value_name = "status=S", .help = "Only containers with this status", .repeatable = true},
    {.name = "format", .value = kText, .value_name = "FORMAT", .help = "table or json (one object a line)", .fallback = "table", .choices = "table|json"},
    {.name = "no-trunc", .help = "Do not shorten"},
    {.name = "orphans", .help = "Containers of services that the files do not define", .fallback = "true"},
    {.name = "quiet", .short_name = 'q', .help = "Only ids"},
    {.name = "services", .help = "Only service names"},
    {.name = "status", .value = kText, .value_name = "S", .help = "Only containers with this status", .repeatable = true, .choices = "paused|restarting|removing|running|dead|created|exited"},
};

constexpr Option kRestart[] = {{.name = "no-deps", .help = "Do not restart what depends on them"}, kTimeout};

constexpr Option kRm[] = {
    {.name = "force", .short_name = 'f', .help = "Do not ask"},
    {.name = "stop", .short_name = 's', .help = "Stop them first"},
    {.name = "volumes", .short_name = 'v', .help = "Remove their anonymous volumes"},
    {.name = "all", .short_name = 'a', .help = "Same as without", .hidden = true, .effect = Effect::None, .why = "as with docker compose"},
};

constexpr Option kRun[] = {
    {.name = "build", .help = "Build the image first"},
    {.name = "cap-add", .value = kText, .value_name = "CAP", .help = "Add a capability", .repeatable = true},
    {.name = "cap-drop", .value = kText, .value_name = "CAP", .help = "Drop a capability", .repeatable = true},
    {.name = "detach", .short_name = 'd', .help = "Run in the background; print the name"},
    {.name = "entrypoint", .value = kText, .value_name = "COMMAND", .help = "Entrypoint instead of the image's"},
    {.name = "env", .short_name = 'e', .value = kText, .value_name = "K=V", .help = "Environment variable", .repeatable = true},
    {.name = "interactive", .short_name = 'i', .help = "Keep stdin open", .fallback = "true"},
    {.name = "label", .short_name = 'l', .value = kText, .value_name = "K=V", .help = "Label", .repeatable = true},
    {.name = "name", .value = kText, .value_name = "NAME", .help = "Name of the container"},
    {.name = "no-tty", .short_name = 'T', .help = "No terminal"},
    {.name = "no-TTY", .help = "Same as --no-tty", .hidden = true},
    {.name = "no-deps", .help = "Do not start what it depends on"},
    {.name = "publish", .short_name = 'p', .value = kText, .value_name = "PORT", .help = "Publish a port", .repeatable = true},
    {.name = "quiet", .short_name = 'q', .help = "Print no progress"},
    {.name = "quiet-build", .help = "Print no build output"},
    {.name = "quiet-pull", .help = "Print no pull progress", .effect = Effect::None, .why = kRegistryLater},
    kRemoveOrphans,
    {.name = "rm", .help = "Remove the container when it ends"},
    {.name = "service-ports", .short_name = 'P', .help = "Publish the ports of the service"},
    {.name = "use-aliases", .help = "Answer to the service's names in its networks"},
    {.name = "user", .short_name = 'u', .value = kText, .value_name = "USER", .help = "User[:group] to run as"},
    {.name = "volume", .short_name = 'v', .value = kText, .value_name = "SPEC", .help = "Mount", .repeatable = true},
    {.name = "workdir", .short_name = 'w', .value = kText, .value_name = "DIR", .help = "Working directory in the container"},
    {.name = "tty", .short_name = 't', .help = "Terminal", .hidden = true},
};

constexpr Option kStop[] = {kTimeout};

constexpr Option kUp[] = {
    {.name = "abort-on-container-exit", .help = "Stop everything when a container ends"},
    {.name = "abort-on-container-failure", .help = "Stop everything when a container fails"},
    {.name = "always-recreate-deps", .help = "Recreate dependencies, too"},
    {.name = "attach", .value = kText, .value_name = "SERVICE", .help = "Show only the logs of these services", .repeatable = true},
    {.name = "attach-dependencies", .help = "Show the logs of dependencies, too"},
    {.name = "build", .help = "Build images before the start"},
    {.name = "detach", .short_name = 'd', .help = "Return when everything has started"},
    {.name = "exit-code-from", .value = kText, .value_name = "SERVICE", .help = "Exit with the code of this service; implies --abort-on-container-exit"},
    {.name = "force-recreate", .help = "Recreate containers even where nothing changed"},
    {.name = "no-attach", .value = kText, .value_name = "SERVICE", .help = "Do not show the logs of these services", .repeatable = true},
    {.name = "no-build", .help = "Never build"},
    {.name = "no-color", .help = "No colours in logs"},
    {.name = "no-deps", .help = "Do not start what the named services depend on"},
    {.name = "no-log-prefix", .help = "No container names before log lines"},
    {.name = "no-recreate", .help = "Keep existing containers as they are"},
    {.name = "no-start", .help = "Create, but do not start"},
    {.name = "pull", .value = kText, .value_name = "POLICY", .help = "always, missing or never", .choices = "always|missing|never|policy"},
    {.name = "quiet-build", .help = "Print no build output"},
    {.name = "quiet-pull", .help = "Print no pull progress", .effect = Effect::None, .why = kRegistryLater},
    kRemoveOrphans,
    {.name = "renew-anon-volumes", .short_name = 'V', .help = "New anonymous volumes instead of those of the old containers"},
    {.name = "scale", .value = kText, .value_name = "SERVICE=N", .help = "Number of containers", .repeatable = true},
    kTimeout,
    {.name = "timestamps", .help = "Log lines with times"},
    {.name = "wait", .help = "Wait until everything runs or is healthy; implies -d"},
    {.name = "wait-timeout", .value = ValueKind::Seconds, .value_name = "SECONDS", .help = "How long --wait waits"},
    {.name = "watch", .short_name = 'w', .help = "Watch sources", .hidden = true, .effect = Effect::Refused, .why = "`watch` does not exist in this version"},
    {.name = "menu", .help = "Menu of keys", .hidden = true, .effect = Effect::None, .why = "there is no menu"},
    {.name = "yes", .short_name = 'y', .help = "Do not ask", .hidden = true, .effect = Effect::None, .why = "`up` asks nothing"},
};

constexpr Option kVersion[] = {
    {.name = "format", .short_name = 'f', .value = kText, .value_name = "FORMAT", .help = "pretty or json", .fallback = "pretty", .choices = "pretty|json"},
    {.name = "short", .help = "Only the number"},
};

constexpr std::string_view kNotYet = "this version of berth does not have it";

constexpr Command kCommands[] = {
    {.name = "build", .operands = "[SERVICE...]", .summary = "Build the images of services", .options = kBuild, .needs_root = false},
    {.name = "config", .alias = "convert", .operands = "[SERVICE...]", .summary = "Check the compose files and print what they mean", .options = kConfig, .needs_root = false},
    {.name = "down", .operands = "[SERVICE...]", .summary = "Stop and remove containers and networks", .options = kDown},
    {.name = "exec", .operands = "SERVICE COMMAND [ARG...]", .summary = "Run a command in a running container", .options = kExec, .interspersed = false, .min_operands = 2},
    {.name = "help", .operands = "[COMMAND]", .summary = "Show help", .needs_root = false, .max_operands = 1},
    {.name = "image", .operands = "import FILE [NAME] | ls | rm NAME...", .summary = "Import, list and remove images of the store", .options = kImage, .min_operands = 1},
    {.name = "images", .operands = "[SERVICE...]", .summary = "List the images of the project's containers", .options = kImages},
    {.name = "kill", .operands = "[SERVICE...]", .summary = "Send a signal to containers", .options = kKill},
    {.name = "logs", .operands = "[SERVICE...]", .summary = "Show the output of containers", .options = kLogs},
    {.name = "pause", .operands = "[SERVICE...]", .summary = "Freeze containers"},
    {.name = "plan", .operands = "[SERVICE...]", .summary = "Show what `up` would do, and why", .options = kPlan, .needs_root = false},
    {.name = "ps", .operands = "[SERVICE...]", .summary = "List containers", .options = kPs},
    {.name = "restart", .operands = "[SERVICE...]", .summary = "Restart containers", .options = kRestart},
    {.name = "rm", .operands = "[SERVICE...]", .summary = "Remove stopped containers", .options = kRm},
    {.name = "run", .operands = "SERVICE [COMMAND] [ARG...]", .summary = "Run a one-off command for a service", .options = kRun, .interspersed = false, .min_operands = 1},
    {.name = "start", .operands = "[SERVICE...]", .summary = "Start containers that exist"},
    {.name = "stop", .operands = "[SERVICE...]", .summary = "Stop containers", .options = kStop},
    {.name = "unpause", .operands = "[SERVICE...]", .summary = "Thaw containers"},
    {.name = "up", .operands = "[SERVICE...]", .summary = "Build, create and start the stack", .options = kUp},
    {.name = "version", .summary = "Show the version", .options = kVersion, .needs_root = false, .max_operands = 0},
    {.name = "attach", .hidden = true, .refused = kNotYet},
    {.name = "commit", .hidden = true, .refused = kNotYet},
    {.name = "cp", .hidden = true, .refused = kNotYet},
    {.name = "create", .hidden = true, .refused = "use `up --no-start`"},
    {.name = "events", .hidden = true, .refused = kNotYet},
    {.name = "export", .hidden = true, .refused = kNotYet},
    {.name = "ls", .hidden = true, .refused = kNotYet},
    {.name = "port", .hidden = true, .refused = "use `ps`, whose PORTS column shows them"},
    {.name = "publish", .hidden = true, .refused = kRegistryLater},
    {.name = "pull", .hidden = true, .refused = kRegistryLater},
    {.name = "push", .hidden = true, .refused = kRegistryLater},
    {.name = "scale", .hidden = true, .refused = "use `up --scale SERVICE=N`"},
    {.name = "stats", .hidden = true, .refused = kNotYet},
    {.name = "top", .hidden = true, .refused = kNotYet},
    {.name = "volumes", .hidden = true, .refused = kNotYet},
    {.name = "wait", .hidden = true, .refused = kNotYet},
    {.name = "watch", .hidden = true, .refused = kNotYet},
};

}  // namespace

std::span<const Option> global_options() { return kGlobals; }
std::span<const Command> commands() { return kCommands; }

const Command* find_command(std::string_view name) {
  const auto found = std::find_if(std::begin(kCommands), std::end(kCommands), [&](const Command& command) {
    return command.name == name || (!command.alias.empty() && command.alias == name);
  });
  return found == std::end(kCommands) ? nullptr : found;
}

}  // namespace berth::cli
