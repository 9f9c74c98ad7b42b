// Flags of docker's commands about containers that exist.
#pragma once

#include "options_shared.hpp"

namespace berth::cli::docker {

inline constexpr Option kFilter{.name = "filter",
                                .short_name = 'f',
                                .value = kText,
                                .value_name = "KEY=VALUE",
                                .help = "Only those that match",
                                .repeatable = true};
inline constexpr Option kFormat{.name = "format",
                                .value = kText,
                                .value_name = "FORMAT",
                                .help = "table, json, or a Go template",
                                .fallback = "table"};
inline constexpr Option kFormatOfOne{.name = "format",
                                     .short_name = 'f',
                                     .value = kText,
                                     .value_name = "FORMAT",
                                     .help = "json, or a Go template as '{{.Name}}'"};
inline constexpr Option kNoTrunc{.name = "no-trunc", .help = "Do not shorten anything"};
inline constexpr Option kQuietIds{.name = "quiet", .short_name = 'q', .help = "Print names or ids only"};
inline constexpr Option kForce{.name = "force", .short_name = 'f', .help = "Do not ask"};
inline constexpr Option kDetachKeys{.name = "detach-keys",
                                    .value = kText,
                                    .value_name = "KEYS",
                                    .help = "What leaves a terminal",
                                    .fallback = "ctrl-p,ctrl-q"};
inline constexpr Option kTime{.name = "time",
                              .short_name = 't',
                              .value = ValueKind::Seconds,
                              .value_name = "SECONDS",
                              .help = "Grace period before a container is killed"};
inline constexpr Option kTimeoutToo{
    .name = "timeout", .value = ValueKind::Seconds, .value_name = "SECONDS", .help = "Same as --time", .hidden = true};
inline constexpr Option kSignal{
    .name = "signal", .short_name = 's', .value = kText, .value_name = "SIGNAL", .help = "Name or number"};

constexpr Option kPsFlags[] = {
    {.name = "all", .short_name = 'a', .help = "Also those that do not run"},
    kFilter,
    kFormat,
    {.name = "last",
     .short_name = 'n',
     .value = ValueKind::Number,
     .value_name = "N",
     .help = "The N newest, of any state",
     .fallback = "-1"},
    {.name = "latest", .short_name = 'l', .help = "The newest, of any state"},
    kNoTrunc,
    kQuietIds,
    {.name = "size", .short_name = 's', .help = "How much each has written"},
};

constexpr Option kStopFlags[] = {kTime, kTimeoutToo, kSignal};
constexpr Option kStartFlags[] = {
    {.name = "attach", .short_name = 'a', .help = "Show its output and exit with its code"},
    {.name = "interactive", .short_name = 'i', .help = "Connect stdin"},
    kDetachKeys,
};
constexpr Option kKillFlags[] = {
    {.name = "signal",
     .short_name = 's',
     .value = kText,
     .value_name = "SIGNAL",
     .help = "Name or number",
     .fallback = "KILL"},
};
constexpr Option kRmFlags[] = {
    {.name = "force", .short_name = 'f', .help = "Also those that run: they are killed"},
    {.name = "volumes", .short_name = 'v', .help = "Anonymous volumes, too"},
    {.name = "link",
     .short_name = 'l',
     .help = "Remove a link",
     .hidden = true,
     .effect = Effect::Refused,
     .why = "links are names in networks here; remove the container"},
};

constexpr Option kExecFlags[] = {
    {.name = "detach", .short_name = 'd', .help = "Run in the background"},
    kDetachKeys,
    {.name = "env",
     .short_name = 'e',
     .value = kText,
     .value_name = "K=V",
     .help = "Environment variable",
     .repeatable = true},
    {.name = "env-file",
     .value = kText,
     .value_name = "FILE",
     .help = "Environment variables of a file",
     .repeatable = true},
    {.name = "interactive", .short_name = 'i', .help = "Connect stdin"},
    {.name = "privileged", .help = "With all capabilities"},
    {.name = "tty", .short_name = 't', .help = "Terminal"},
    {.name = "user", .short_name = 'u', .value = kText, .value_name = "USER", .help = "User[:group] to run as"},
    {.name = "workdir",
     .short_name = 'w',
     .value = kText,
     .value_name = "DIR",
     .help = "Working directory in the container"},
};

constexpr Option kAttachFlags[] = {
    kDetachKeys,
    {.name = "no-stdin", .help = "Show output only"},
    {.name = "sig-proxy", .help = "Pass signals on; --sig-proxy=false does not", .fallback = "true"},
};

constexpr Option kLogsFlags[] = {
    {.name = "details",
     .help = "Show attributes of the log driver",
     .effect = Effect::Refused,
     .why = "logs hold no attributes here"},
    {.name = "follow", .short_name = 'f', .help = "Go on until the container has ended"},
    {.name = "since", .value = kText, .value_name = "TIME", .help = "Lines from then on: a time, or as 10m"},
    {.name = "until", .value = kText, .value_name = "TIME", .help = "Lines before then"},
    {.name = "tail",
     .short_name = 'n',
     .value = kText,
     .value_name = "N",
     .help = "The last N lines",
     .fallback = "all"},
    {.name = "timestamps", .short_name = 't', .help = "With the time of each line"},
};

constexpr Option kInspectFlags[] = {
    kFormatOfOne,
    {.name = "size", .short_name = 's', .help = "With the sizes of a container's files"},
    {.name = "type",
     .value = kText,
     .value_name = "TYPE",
     .help = "container, image, volume, network",
     .choices = "container|image|volume|network"},
};
constexpr Option kInspectOneKind[] = {
    kFormatOfOne, {.name = "size", .short_name = 's', .help = "With the sizes of a container's files"}};

constexpr Option kDockerStats[] = {
    {.name = "all", .short_name = 'a', .help = "Also those that do not run"},
    kFormat,
    {.name = "no-stream", .help = "Once"},
    kNoTrunc,
};

constexpr Option kDockerCp[] = {
    {.name = "archive", .short_name = 'a', .help = "What is copied in belongs to the container's user"},
    {.name = "follow-link", .short_name = 'L', .help = "Copy what SRC links to, not the link"},
    {.name = "quiet", .short_name = 'q', .help = "Print no progress", .effect = Effect::None, .why = "none is printed"},
};

constexpr Option kDockerCommit[] = {
    {.name = "author", .short_name = 'a', .value = kText, .value_name = "NAME", .help = "Author, as the image says"},
    {.name = "change",
     .short_name = 'c',
     .value = kText,
     .value_name = "INSTRUCTION",
     .help = "An instruction of a Dockerfile that sets the config",
     .repeatable = true},
    {.name = "message", .short_name = 'm', .value = kText, .value_name = "TEXT", .help = "Comment in the history"},
    {.name = "pause",
     .short_name = 'p',
     .help = "Pause the container meanwhile; --pause=false does not",
     .fallback = "true"},
};

constexpr Option kDockerExport[] = {
    {.name = "output", .short_name = 'o', .value = kText, .value_name = "FILE", .help = "Write to a file"},
};

constexpr Option kPruneFlags[] = {
    kForce,
    {.name = "filter", .value = kText, .value_name = "KEY=VALUE", .help = "label=..., until=...", .repeatable = true}};

}  // namespace berth::cli::docker
