// Users and programs as the container's own files have them. Reads nothing outside of the root:
// openat2(RESOLVE_IN_ROOT), regular files only, at most 1 MiB, so that an image's /etc/passwd that is a fifo or a
// device cannot hang us.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/oci/runtime_spec.hpp"

namespace berth::runtime {

struct ResolvedUser {
  oci::User user;
  std::string home = "/";
};

// "", "name", "uid", "name:group", "uid:gid". Groups of the user from /etc/group unless a group is given (as docker
// does); `group_add` adds names or numbers. A name that is not there is an error that names the file; a number need not
// be there.
Result<ResolvedUser> resolve_user(int root_fd, std::string_view user, const std::vector<std::string>& group_add = {});
// The same over text, for tests and fuzzing.
Result<ResolvedUser> resolve_user_in(std::string_view passwd, std::string_view group, std::string_view user,
                                     const std::vector<std::string>& group_add = {});

}  // namespace berth::runtime
