// Network namespaces: made, entered for a moment, kept alive under a path.
//
// A namespace lives as long as a descriptor, a bind mount or a process holds it. Closing the last one queues its
// cleanup in the kernel (3 us for us; veth pairs go with it): never delete links one by one at teardown (14 ms each).
// One thread: the calling thread is inside another namespace while a NetnsScope lives, nothing else of the process is.
#pragma once

#include <string>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::sys {

Result<UniqueFd> current_netns();
Result<UniqueFd> open_netns(const std::string& path);
Result<UniqueFd> open_netns_of(int pid);
// A new, empty namespace (lo down). The calling thread is back in its own when this returns.
Result<UniqueFd> create_netns();

// Inside from enter() to destruction. Coming back cannot be allowed to fail: the destructor aborts the process rather
// than let it go on in a container's namespace.
class NetnsScope {
 public:
  static Result<NetnsScope> enter(int netns);
  NetnsScope(NetnsScope&&) noexcept = default;
  NetnsScope& operator=(NetnsScope&&) = delete;
  ~NetnsScope();

 private:
  explicit NetnsScope(UniqueFd home) : home_(std::move(home)) {}
  UniqueFd home_;
};

// Bind-mounts the namespace on `path` (created), so that it outlives every process. Idempotent for the same namespace.
Result<void> pin_netns(int netns, const std::string& path);
// Unmounts and removes the file; a path that is not there is success.
Result<void> unpin_netns(const std::string& path);

}  // namespace berth::sys
