#include "berth/sys/mount.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace berth::sys {

Result<UniqueFd> clone_tree(int directory, const std::string& path, const TreeAttributes& attributes) {
  const std::string subject = path.empty() ? "descriptor " + std::to_string(directory) : path;
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if (attributes.recursive) flags |= AT_RECURSIVE;
  if (path.empty()) flags |= AT_EMPTY_PATH;
  const long fd = syscall(SYS_open_tree, directory, path.c_str(), flags);
  if (fd < 0) return Error::system(errno, "open the mount tree of", subject);
  UniqueFd tree(static_cast<int>(fd));
  mount_attr wanted{};
  if (attributes.read_only) wanted.attr_set |= MOUNT_ATTR_RDONLY;
  if (attributes.no_suid) wanted.attr_set |= MOUNT_ATTR_NOSUID;
  if (attributes.no_dev) wanted.attr_set |= MOUNT_ATTR_NODEV;
  if (attributes.no_exec) wanted.attr_set |= MOUNT_ATTR_NOEXEC;
  wanted.propagation = attributes.propagation == 0 ? __u64{MS_PRIVATE} : attributes.propagation;
  unsigned how = AT_EMPTY_PATH;
  if (attributes.recursive) how |= AT_RECURSIVE;
  if (syscall(SYS_mount_setattr, tree.get(), "", how, &wanted, sizeof wanted) != 0)
    return Error::system(errno, "set the mount options of", subject);
  return tree;
}

Result<void> attach_tree(int tree, const std::string& target) {
  if (syscall(SYS_move_mount, tree, "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0) return {};
  return Error::system(errno, "attach a mount to", target);
}

Result<void> attach_tree(int tree, int target) {
  if (syscall(SYS_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0) return {};
  return Error::system(errno, "attach a mount to", "descriptor " + std::to_string(target));
}

Result<void> mount(const std::string& source, const std::string& target, const std::string& type, unsigned long flags,
                   const std::string& data) {
  if (::mount(source.c_str(), target.c_str(), type.empty() ? nullptr : type.c_str(), flags,
              data.empty() ? nullptr : data.c_str()) == 0)
    return {};
  return Error::system(errno, "mount " + (type.empty() ? source : type) + " on", target);
}

Result<void> unmount(const std::string& target) {
  if (umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || errno == EINVAL || errno == ENOENT) return {};
  return Error::system(errno, "unmount", target);
}

bool is_mount_point(const std::string& path) {
  struct statx here {};
  if (statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, 0, &here) != 0) return false;
  return (here.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

std::uint64_t file_system_type(const std::string& path) {
  struct statfs info {};
  if (statfs(path.c_str(), &info) != 0) return 0;
  return static_cast<std::uint64_t>(info.f_type);
}

}  // namespace berth::sys
