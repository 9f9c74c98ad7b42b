// A container's root file system seen from the host, for copying into and out of it. What lies in it was written by
// programs that nobody trusts: every path goes through openat2(RESOLVE_IN_ROOT) below the descriptor.
#pragma once

#include "berth/base/error.hpp"
#include "berth/state/paths.hpp"
#include "berth/state/records.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::local {

enum class RootView {
  Read,   // with its volumes
  Write,  // the same, to be written to
  Image,  // without anything that is mounted into it, read-only: what `export` and `commit` take
};

// Of a running container the root that its processes see. Of one that does not run, layers and volumes are mounted in a
// mount namespace of this process, which gets one for it: they go with the process.
Result<sys::UniqueFd> open_container_root(const state::Paths& paths, const state::StoredContainer& container,
                                          RootView view);

}  // namespace berth::local
