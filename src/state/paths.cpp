#include "berth/state/paths.hpp"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "berth/sys/file.hpp"
#include "berth/sys/mount.hpp"

namespace berth::state {
namespace {

Result<void> make_private_directory(const std::string& path) {
  BERTH_TRY(sys::make_directories(path, 0700));
  struct stat info;
  if (::lstat(path.c_str(), &info) < 0) return Error::system(errno, "stat", path);
  if (!S_ISDIR(info.st_mode)) return Error::make(ErrorKind::Invalid, "`" + path + "` is not a directory");
  if (info.st_uid != ::geteuid())
    return Error::make(ErrorKind::Permission, "`" + path + "` belongs to user " + std::to_string(info.st_uid));
  if (info.st_mode & 077)
    return Error::make(ErrorKind::Permission, "`" + path + "` is accessible to other users")
        .with_hint("make it private: chmod 700 " + path);
  return {};
}

Result<void> ensure_tmpfs(const Paths& paths) {
  if (sys::file_system_type(paths.run_root) == TMPFS_MAGIC) return {};
  auto lock = sys::lock_file(paths.global("lock"), sys::LockMode::Exclusive);
  if (!lock) return lock.error();
  if (sys::file_system_type(paths.run_root) == TMPFS_MAGIC) return {};  // another process was first
  return sys::mount("berth", paths.run_root, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700,size=256m");
}

}  // namespace

Paths choose_paths(const std::string& root, const std::string& run_root) {
  return {root.empty() ? "/var/lib/berth" : root, run_root.empty() ? "/run/berth" : run_root};
}

Result<void> open_roots(const Paths& paths) {
  BERTH_TRY(make_private_directory(paths.root));
  for (const char* name : {"global", "projects", "networks", "volumes", "images", "bin", "tmp", "trash"})
    BERTH_TRY(sys::make_directories(paths.below_root(name), 0700));
  BERTH_TRY(make_private_directory(paths.run_root));
  return ensure_tmpfs(paths);
}

Result<void> make_project_directories(const Paths& paths, const ProjectName& project) {
  if (!is_project_name(project.value))
    return Error::make(ErrorKind::Invalid, "`" + project.value + "` cannot be a project name");
  BERTH_TRY(sys::make_directories(paths.containers(project), 0700));
  for (const char* name : {"exits", "pins", "stage", "commit", "netns", "pipes", "containers"})
    BERTH_TRY(sys::make_directories(paths.run(project) + "/" + name, 0700));
  return {};
}

bool is_project_name(const std::string& name) {
  if (name == "_") return true;
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 200 && plain(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || c == '_' || c == '-'; });
}

bool is_container_id(const std::string& id) {
  return id.size() == 64 &&
         std::all_of(id.begin(), id.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace berth::state
