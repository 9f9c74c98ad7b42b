// What a container's file system would have shown a program that could not be started.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "berth/base/error.hpp"

namespace berth::runtime {

struct SeenFiles {
  int root = -1;                                            // borrowed
  std::vector<std::pair<std::string, std::string>> mounts;  // target -> file or directory of the host
};

// Why execve of `program` failed: not found (where it was looked for), CRLF in the `#!` line, interpreter missing, not
// executable, a directory, wrong architecture. `path` is the container's PATH, `cwd` its working directory.
Error explain_exec_failure(const SeenFiles& files, const std::string& program, const std::string& path,
                           const std::string& cwd, int errno_value);

}  // namespace berth::runtime
