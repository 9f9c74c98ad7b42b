// Flags of what concerns the machine and not a stack.
#pragma once

#include "options_shared.hpp"

namespace berth::cli {

inline constexpr Option kInstallNames[] = {
    {.name = "prefix",
     .value = kText,
     .value_name = "DIR",
     .help = "The names go to DIR/bin, the plug-in to DIR/lib/docker/cli-plugins",
     .fallback = "/usr/local"},
    {.name = "force", .help = "Also where a docker is here already; what is replaced is kept for --undo"},
    {.name = "undo", .help = "Remove the names that were made, and restore what they replaced"},
};

inline constexpr Option kVolumeFlags[] = {
    {.name = "move", .help = "adopt: rename instead of copying; Docker's store then has the volume no more"},
    {.name = "output", .short_name = 'o', .value = kText, .value_name = "FILE", .help = "export: write to a file"},
};

}  // namespace berth::cli
