// One blob into a file beside the store, resumed where an earlier attempt ended. Runs on a worker: values in, values
// out. A large blob comes by several connections at once, if the registry answers to ranges; the threads for that end
// before it does.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "berth/sys/unique_fd.hpp"
#include "manifest.hpp"
#include "session.hpp"

namespace berth::registry {

// One more connection beside the session's own, with what reserves it.
struct Beside {
  std::shared_ptr<void> ticket;
  std::unique_ptr<Transport> transport;  // none: there is no room for another
  Surroundings around;
};
inline constexpr int kConnectionsBeside = 3;

struct DownloadTask {
  std::string repository;  // path below the registry: "library/nginx"
  Descriptor blob;
  std::string part;  // path of the file
  int stop_fd = -1;
  // Both end when the descriptor becomes readable. Empty: one connection does it all.
  std::function<Beside(int stop_fd)> beside;
};

// Also called by the threads of ranges.
using ByteProgress = std::function<void(std::int64_t current)>;

// The whole file, verified, at its start, and locked against other processes for as long as it is open. Empty: another
// process was at it, and its work may be done: look, then ask again. The file stays where it fails, for the next
// attempt; but not where its bytes are wrong.
Result<sys::UniqueFd> download_blob(Session& session, const DownloadTask& task, const ByteProgress& progress);

}  // namespace berth::registry
