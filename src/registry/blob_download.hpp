// One blob into a file beside the store, resumed where an earlier attempt ended. Runs on a worker: values in, values
// out.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "berth/sys/unique_fd.hpp"
#include "manifest.hpp"
#include "session.hpp"

namespace berth::registry {

struct DownloadTask {
  std::string repository;  // path below the registry: "library/nginx"
  Descriptor blob;
  std::string part;  // path of the file
  int stop_fd = -1;
};

using ByteProgress = std::function<void(std::int64_t current)>;

// The whole file, verified, at its start, and locked against other processes for as long as it is open. Empty: another
// process was at it, and its work may be done: look, then ask again. The file stays where it fails, for the next
// attempt; but not where its bytes are wrong.
Result<sys::UniqueFd> download_blob(Session& session, const DownloadTask& task, const ByteProgress& progress);

}  // namespace berth::registry
