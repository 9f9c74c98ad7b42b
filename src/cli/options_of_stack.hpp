// Flags of what changes a stack: up, down, stop and the like.
#pragma once

#include "options_shared.hpp"

namespace berth::cli {

inline constexpr std::string_view kGroupImages = "Images";
inline constexpr std::string_view kGroupWhat = "What is created and started";
inline constexpr std::string_view kGroupReturn = "When it returns";
inline constexpr std::string_view kGroupLines = "Lines of an attached up";

inline constexpr Option kDetach{
    .name = "detach", .short_name = 'd', .help = "Return when everything has started", .group = kGroupReturn};
inline constexpr Option kBuildFirst{.name = "build", .help = "Build images before the start", .group = kGroupImages};
inline constexpr Option kNoBuild{.name = "no-build", .help = "Never build", .group = kGroupImages};
inline constexpr Option kPull{.name = "pull",
                              .value = kText,
                              .value_name = "POLICY",
                              .help = "When images are pulled: always, missing, never; build: they are built",
                              .choices = "always|missing|never|build|policy",
                              .group = kGroupImages};
inline constexpr Option kQuietBuild{.name = "quiet-build", .help = "Print no build output", .group = kGroupImages};
inline constexpr Option kQuietPull{.name = "quiet-pull", .help = "Print no pull progress", .group = kGroupImages};
inline constexpr Option kForceRecreate{
    .name = "force-recreate", .help = "Recreate containers even where nothing changed", .group = kGroupWhat};
inline constexpr Option kNoRecreate{
    .name = "no-recreate", .help = "Keep existing containers as they are", .group = kGroupWhat};
inline constexpr Option kNoDeps{
    .name = "no-deps", .help = "Leave out what the named services depend on", .group = kGroupWhat};
inline constexpr Option kScale{.name = "scale",
                               .value = kText,
                               .value_name = "SERVICE=N",
                               .help = "Number of containers of a service",
                               .repeatable = true,
                               .group = kGroupWhat};
inline constexpr Option kOrphansGrouped{.name = "remove-orphans", .help = kRemoveOrphans.help, .group = kGroupWhat};
inline constexpr Option kYes{.name = "yes",
                             .short_name = 'y',
                             .help = "Do not ask",
                             .hidden = true,
                             .effect = Effect::None,
                             .why = "it asks nothing"};

inline constexpr Option kUp[] = {
    kDetach,
    {.name = "wait", .help = "Wait until everything runs or is healthy; implies -d", .group = kGroupReturn},
    {.name = "wait-timeout",
     .value = ValueKind::Seconds,
     .value_name = "SECONDS",
     .help = "How long --wait waits",
     .group = kGroupReturn},
    {.name = "abort-on-container-exit", .help = "Stop everything when a container ends", .group = kGroupReturn},
    {.name = "abort-on-container-failure",
     .help = "Stop everything when a container ends with another code than 0",
     .group = kGroupReturn},
    {.name = "exit-code-from",
     .value = kText,
     .value_name = "SERVICE",
     .help = "Stop everything when this service ends (or any fails); exit with its code",
     .group = kGroupReturn},
    {.name = "timeout",
     .short_name = 't',
     .value = ValueKind::Seconds,
     .value_name = "SECONDS",
     .help = kTimeout.help,
     .group = kGroupReturn},
    kBuildFirst,
    kNoBuild,
    kPull,
    kQuietBuild,
    kQuietPull,
    {.name = "no-start", .help = "Create, but do not start", .group = kGroupWhat},
    kForceRecreate,
    kNoRecreate,
    {.name = "always-recreate-deps", .help = "Recreate dependencies, too", .group = kGroupWhat},
    kNoDeps,
    {.name = "renew-anon-volumes",
     .short_name = 'V',
     .help = "New anonymous volumes instead of those of the old containers",
     .group = kGroupWhat},
    {.name = kFreshVolumes.name, .help = kFreshVolumes.help, .group = kGroupWhat},
    kScale,
    kOrphansGrouped,
    {.name = "attach",
     .value = kText,
     .value_name = "SERVICE",
     .help = "Show only the lines of these services",
     .repeatable = true,
     .group = kGroupLines},
    {.name = "no-attach",
     .value = kText,
     .value_name = "SERVICE",
     .help = "Do not show the lines of these services",
     .repeatable = true,
     .group = kGroupLines},
    {.name = "attach-dependencies", .help = "Show the lines of dependencies, too", .group = kGroupLines},
    {.name = "timestamps", .help = "With times", .group = kGroupLines},
    {.name = "no-color", .help = "No colours", .group = kGroupLines},
    {.name = "no-log-prefix", .help = "No container names before the lines", .group = kGroupLines},
    {.name = "watch",
     .short_name = 'w',
     .help = "Watch sources",
     .hidden = true,
     .effect = Effect::Refused,
     .why = "`watch` does not exist in this version"},
    {.name = "menu", .help = "Menu of keys", .hidden = true, .effect = Effect::None, .why = "there is no menu"},
    kYes,
};

inline constexpr Option kCreate[] = {
    kBuildFirst, kNoBuild, kPull,           kQuietBuild, kQuietPull,    kForceRecreate,
    kNoRecreate, kScale,   kOrphansGrouped, kYes,        kFreshVolumes,
};

inline constexpr Option kScaleFlags[] = {kNoDeps, kTimeout, kFreshVolumes};

inline constexpr Option kPlan[] = {
    {.name = "format",
     .value = kText,
     .value_name = "FORMAT",
     .help = "text or json (schemas/plan.schema.json)",
     .fallback = "text",
     .choices = "text|json"},
    {.name = "detailed-exitcode", .help = "Exit with 2 where something would be done"},
    {.name = "build", .help = "As up --build"},
    {.name = "no-build", .help = "As up --no-build"},
    {.name = "no-start", .help = "As up --no-start"},
    {.name = "force-recreate", .help = "As up --force-recreate"},
    {.name = "no-recreate", .help = "As up --no-recreate"},
    {.name = "always-recreate-deps", .help = "As up --always-recreate-deps"},
    {.name = "no-deps", .help = "As up --no-deps"},
    {.name = "renew-anon-volumes", .short_name = 'V', .help = "As up --renew-anon-volumes"},
    {.name = "wait", .help = "As up --wait"},
    kRemoveOrphans,
    {.name = "scale",
     .value = kText,
     .value_name = "SERVICE=N",
     .help = "Number of containers of a service",
     .repeatable = true},
};

inline constexpr Option kDown[] = {
    kRemoveOrphans,
    {.name = "rmi",
     .value = kText,
     .value_name = "WHICH",
     .help = "Remove images: all of the services, or local ones without a name of their own",
     .choices = "all|local"},
    kTimeout,
    {.name = "volumes", .short_name = 'v', .help = "Remove named and anonymous volumes, too"},
};

inline constexpr Option kKill[] = {
    {.name = "remove-orphans",
     .help = kRemoveOrphans.help,
     .effect = Effect::Refused,
     .why = "`down --remove-orphans` does it"},
    {.name = "signal",
     .short_name = 's',
     .value = kText,
     .value_name = "SIGNAL",
     .help = "Signal to send",
     .fallback = "SIGKILL"},
};

inline constexpr Option kRestart[] = {{.name = "no-deps", .help = "Do not restart what depends on them"}, kTimeout};

inline constexpr Option kRm[] = {
    {.name = "force", .short_name = 'f', .help = "Do not ask"},
    {.name = "stop", .short_name = 's', .help = "Stop them first"},
    {.name = "volumes", .short_name = 'v', .help = "Remove their anonymous volumes"},
    {.name = "all",
     .short_name = 'a',
     .help = "Same as without",
     .hidden = true,
     .effect = Effect::None,
     .why = "as with docker compose"},
};

inline constexpr Option kStart[] = {
    {.name = "wait", .help = "Wait until everything runs or is healthy"},
    {.name = "wait-timeout", .value = ValueKind::Seconds, .value_name = "SECONDS", .help = "How long --wait waits"},
};

inline constexpr Option kStop[] = {kTimeout};

}  // namespace berth::cli
