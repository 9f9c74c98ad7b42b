// Files and directories by system call; every descriptor is O_CLOEXEC. Errors name the operation and the path.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::sys {

// openat with O_CLOEXEC added; `directory` -100 (AT_FDCWD) for paths of the process.
Result<UniqueFd> open(const std::string& path, int flags, mode_t mode = 0600);
Result<UniqueFd> open_at(int directory, const std::string& path, int flags, mode_t mode = 0600);
// openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS) (Linux 5.6): for any path that a container can influence.
Result<UniqueFd> open_in_root(int root, const std::string& path, int flags, mode_t mode = 0);

// The whole file; refuses more than `limit` bytes.
Result<std::string> read_file(const std::string& path, std::size_t limit = 64u << 20);
Result<std::string> read_file_at(int directory, const std::string& path, std::size_t limit = 64u << 20);
Result<std::string> read_all(int fd, const std::string& name, std::size_t limit = 64u << 20);
Result<void> write_all(int fd, std::string_view bytes, const std::string& name);
// One write to an existing file (cgroup and proc files): the kernel's verdict is the result.
Result<void> write_value(const std::string& path, std::string_view value);

// What a power cut leaves. Volatile: perhaps a torn file; Whole: the old one or the new one; Synced: the new one.
enum class Durability { Volatile, Whole, Synced };
// Temporary file beside the target, write, fsync (Whole, Synced), rename, fsync of the directory (Synced).
Result<void> write_file_atomic(const std::string& path, std::string_view bytes, Durability durability,
                               mode_t mode = 0600);

// Creates missing parents too; an existing directory is success. Others may make and remove them at the same time.
Result<void> make_directories(const std::string& path, mode_t mode = 0700);
// Removes the tree; does not follow symbolic links and does not cross mount points. A missing tree is success.
Result<void> remove_tree(const std::string& path);
Result<std::vector<std::string>> list_directory(const std::string& path);  // sorted, without . and ..
bool exists(const std::string& path);

// flock on a lock file (created 0600). Released when the descriptor closes, so also when the holder dies.
enum class LockMode { Shared, Exclusive };
Result<UniqueFd> lock_file(const std::string& path, LockMode mode);      // waits
Result<UniqueFd> try_lock_file(const std::string& path, LockMode mode);  // ErrorKind::Busy where held

// The boot id of the running kernel, read once: records that carry another are from before a reboot.
const std::string& boot_id();

}  // namespace berth::sys
