// Mounts by descriptor: detached trees that are attached elsewhere, so that no path is resolved twice.
#pragma once

#include <cstdint>
#include <string>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::sys {

struct TreeAttributes {
  bool recursive = true;
  bool read_only = false;
  bool no_suid = false, no_dev = false, no_exec = false;
  std::uint64_t propagation = 0;  // MS_PRIVATE, MS_SLAVE, MS_SHARED; 0: MS_PRIVATE
};
// open_tree(OPEN_TREE_CLONE) of `path` (or of the descriptor itself where path is empty), then mount_setattr.
// Linux 5.12.
Result<UniqueFd> clone_tree(int directory, const std::string& path, const TreeAttributes& attributes);
// move_mount of a detached tree onto a path of this mount namespace.
Result<void> attach_tree(int tree, const std::string& target);
// The same onto what a descriptor of this mount namespace names.
Result<void> attach_tree(int tree, int target);

Result<void> mount(const std::string& source, const std::string& target, const std::string& type, unsigned long flags,
                   const std::string& data = {});
// Lazy; a path that is no mount point is success.
Result<void> unmount(const std::string& target);
bool is_mount_point(const std::string& path);
// f_type of the file system at path (statfs), 0 on error.
std::uint64_t file_system_type(const std::string& path);

}  // namespace berth::sys
