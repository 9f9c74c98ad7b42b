// Who works below a directory: before files are taken from somebody else's store. Reads /proc; needs root to see all.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"

namespace berth::sys {

struct DirectoryUser {
  pid_t pid = 0;
  std::string command;  // as ps shows it
  std::string what;     // "open", "mapped", "its working directory", "mounted at /data"
};

// Processes other than this one with something at or below `directory` open, mapped, as working or root directory, or
// mounted in a mount namespace of their own; each process once. What began after the look at it is not seen.
Result<std::vector<DirectoryUser>> directory_users(const std::string& directory);

// Mount points of a mountinfo, as paths of that namespace.
std::vector<std::string> mount_points_of(std::string_view mountinfo);

}  // namespace berth::sys
