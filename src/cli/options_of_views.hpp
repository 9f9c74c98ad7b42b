// Flags of what only looks: ps, logs, events and the like.
#pragma once

#include "options_shared.hpp"

namespace berth::cli {

inline constexpr Option kTableOrJson{.name = "format",
                                     .value = kText,
                                     .value_name = "FORMAT",
                                     .help = "table or json",
                                     .fallback = "table",
                                     .choices = "table|json"};

inline constexpr Option kTableJsonOrTemplate{.name = "format",
                                             .value = kText,
                                             .value_name = "FORMAT",
                                             .help = "table, json (one object a line), or a template as '{{.Name}}'",
                                             .fallback = "table"};

inline constexpr Option kEvents[] = {
    {.name = "json", .help = "One JSON object a line"},
    {.name = "since",
     .value = kText,
     .value_name = "TIME",
     .help = "From a time or an age on; the last 256 of a stack are kept while it is up"},
    {.name = "until", .value = kText, .value_name = "TIME", .help = "Up to a time or an age; then it returns"},
};

inline constexpr Option kImages[] = {kTableOrJson, {.name = "quiet", .short_name = 'q', .help = "Only image ids"}};

inline constexpr Option kLogs[] = {
    {.name = "follow", .short_name = 'f', .help = "Go on as lines come"},
    {.name = "index", .value = ValueKind::Number, .value_name = "N", .help = "Which replica", .fallback = "0"},
    {.name = "no-color", .help = "No colours"},
    {.name = "no-log-prefix", .help = "No container names before the lines"},
    {.name = "since",
     .value = kText,
     .value_name = "TIME",
     .help = "From a time (2026-01-02T13:23:37Z) or an age (42m)"},
    {.name = "tail",
     .short_name = 'n',
     .value = kText,
     .value_name = "N",
     .help = "Last N lines of each container",
     .fallback = "all"},
    {.name = "timestamps", .short_name = 't', .help = "With times"},
    {.name = "until", .value = kText, .value_name = "TIME", .help = "Up to a time or an age"},
};

inline constexpr Option kLs[] = {
    {.name = "all", .short_name = 'a', .help = "Projects of which nothing runs, too"},
    {.name = "filter",
     .value = kText,
     .value_name = "name=TEXT",
     .help = "Only projects with this in their name",
     .repeatable = true},
    kTableOrJson,
    {.name = "quiet", .short_name = 'q', .help = "Only names"},
};

inline constexpr Option kPort[] = {
    {.name = "index", .value = ValueKind::Number, .value_name = "N", .help = "Which replica", .fallback = "0"},
    {.name = "protocol",
     .value = kText,
     .value_name = "PROTOCOL",
     .help = "tcp or udp",
     .fallback = "tcp",
     .choices = "tcp|udp"},
};

inline constexpr Option kPs[] = {
    {.name = "all", .short_name = 'a', .help = "Stopped containers and one-off ones, too"},
    {.name = "filter",
     .value = kText,
     .value_name = "status=S",
     .help = "Only containers with this status",
     .repeatable = true},
    {.name = "format",
     .value = kText,
     .value_name = "FORMAT",
     .help = "table, json (one object a line), or a template as '{{.Name}} {{.Status}}'",
     .fallback = "table"},
    {.name = "no-trunc", .help = "Do not shorten"},
    {.name = "orphans",
     .help = "Containers of services that the files do not define; --orphans=false leaves them out",
     .fallback = "true"},
    {.name = "quiet", .short_name = 'q', .help = "Only ids"},
    {.name = "services", .help = "Only service names"},
    {.name = "status",
     .value = kText,
     .value_name = "S",
     .help = "Only containers with this status",
     .repeatable = true,
     .choices = "paused|restarting|removing|running|dead|created|exited"},
};

inline constexpr Option kStats[] = {
    {.name = "all", .short_name = 'a', .help = "Stopped containers, too"},
    kTableJsonOrTemplate,
    {.name = "no-stream", .help = "Once, then return"},
    {.name = "no-trunc", .help = "Do not shorten"},
};

inline constexpr Option kVolumes[] = {kTableJsonOrTemplate, {.name = "quiet", .short_name = 'q', .help = "Only names"}};

inline constexpr Option kWait[] = {
    {.name = "down-project", .help = "Take the project down when the first container has ended"}};

}  // namespace berth::cli
