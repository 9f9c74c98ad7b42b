// An overlay that only its descriptor keeps alive: mounted nowhere, gone with the last descriptor into it. For looking
// at and copying into a root file system that is being built; paths go through openat2(RESOLVE_IN_ROOT) below it.
#pragma once

#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::sys {

// `lower` topmost first, at least one. An empty `upper` makes it read-only (one lower: simply that directory).
// Kernels before 6.5 have no `lowerdir+`: there the overlay is mounted on `work`/mnt for a moment and detached at once.
Result<UniqueFd> open_overlay(const std::vector<std::string>& lower, const std::string& upper, const std::string& work);

}  // namespace berth::sys
