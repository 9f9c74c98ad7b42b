#include "berth/sys/tree_copy.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

#include "berth/sys/file.hpp"

namespace berth::sys {
namespace {

std::string magic_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

Error copy_error(const std::string& operation, const std::string& path) {
  return Error::system(errno, operation, path);
}

Result<void> make_merge_directory(int directory, const std::string& name, const std::string& shown) {
  if (::mkdirat(directory, name.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return copy_error("create directory", shown);
}

// trusted.* belongs to the overlay below, selinux labels to the place they were made in.
bool copies_xattr(const char* name, const CopyOptions& options) {
  if (options.exact) return true;
  if (std::strcmp(name, "trusted.overlay.opaque") == 0) return options.overlay_marks;
  if (std::strcmp(name, "security.capability") == 0 && options.from_container) return false;
  return std::strcmp(name, "security.capability") == 0 || std::strncmp(name, "user.", 5) == 0 ||
         std::strncmp(name, "system.posix_acl_", 17) == 0;
}

Result<void> copy_xattrs(int from, int to, const std::string& shown, const CopyOptions& options) {
  char names[65536];
  const ssize_t length = ::flistxattr(from, names, sizeof names);
  if (length < 0) return errno == EOPNOTSUPP ? Result<void>() : copy_error("list attributes of", shown);
  for (const char* name = names; name < names + length; name += std::strlen(name) + 1) {
    if (!copies_xattr(name, options)) continue;
    char value[65536];
    const ssize_t size = ::fgetxattr(from, name, value, sizeof value);
    if (size < 0) return copy_error(std::string("read ") + name + " of", shown);
    if (::fsetxattr(to, name, value, static_cast<std::size_t>(size), 0) < 0 && errno != EOPNOTSUPP)
      return copy_error(std::string("set ") + name + " of", shown);
  }
  return {};
}

Result<void> copy_range(int from, int to, off_t at, off_t end, const std::string& shown) {
  bool in_kernel = true;
  std::vector<char> buffer;
  while (at < end) {
    ssize_t n = -1;
    if (in_kernel) {
      off_t in = at, out = at;
      n = ::copy_file_range(from, &in, to, &out, static_cast<std::size_t>(end - at), 0);
      if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS))
        in_kernel = false;
      else if (n < 0 && errno != EINTR)
        return copy_error("copy", shown);
      else if (n == 0)
        in_kernel = false;  // some file systems give nothing; read() knows whether it is the end
    }
    if (!in_kernel) {
      buffer.resize(256 * 1024);
      n = ::pread(from, buffer.data(), std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(end - at)), at);
      if (n < 0 && errno != EINTR) return copy_error("read", shown);
      if (n == 0) return {};  // the file shrank meanwhile
      if (n > 0 && (n = ::pwrite(to, buffer.data(), static_cast<std::size_t>(n), at)) < 0 && errno != EINTR)
        return copy_error("write", shown);
    }
    if (n > 0) at += n;
  }
  return {};
}

Result<void> copy_content(int from, int to, const struct stat& info, const std::string& shown) {
  if (info.st_blocks * 512 >= info.st_size) return copy_range(from, to, 0, info.st_size, shown);
  if (::ftruncate(to, info.st_size) < 0) return copy_error("set size of", shown);
  for (off_t at = 0; at < info.st_size;) {
    const off_t data = ::lseek(from, at, SEEK_DATA);
    if (data < 0) return errno == ENXIO ? Result<void>() : copy_error("seek in", shown);
    const off_t hole = ::lseek(from, data, SEEK_HOLE);
    if (hole < 0) return copy_error("seek in", shown);
    BERTH_TRY(copy_range(from, to, data, hole, shown));
    at = hole;
  }
  return {};
}

class TreeCopier {
 public:
  explicit TreeCopier(const CopyOptions& options, int destination = -1)
      : options_(options), destination_(options.exact ? destination : -1) {}

  Result<void> entry(int from, const std::string& name, int to, const std::string& to_name, const std::string& path);
  Result<void> content(int from, int to, const std::string& path);
  Result<void> finish_directory(const struct stat& info, int from, int to, const std::string& shown);
  const CopyStats& stats() const { return stats_; }

 private:
  Result<void> directory(int from, const std::string& name, const struct stat& info, int to, const std::string& to_name,
                         const std::string& path, bool lazily);
  Result<void> file(int from, const std::string& name, const struct stat& info, int to, const std::string& to_name,
                    const std::string& path);
  Result<void> special(int from, const std::string& name, const struct stat& info, int to, const std::string& to_name,
                       const std::string& path);
  CopyOwner owner_of(const struct stat& info) const {
    return options_.owner.value_or(CopyOwner{info.st_uid, info.st_gid});
  }
  mode_t mode_of(const struct stat& info) const {
    const mode_t mode = info.st_mode & (options_.from_container ? 01777 : 07777);
    return options_.change_mode ? options_.change_mode(mode, S_ISDIR(info.st_mode)) & 07777 : mode;
  }
  bool unchanged(const struct stat& info) const {
    const auto owner = owner_of(info);
    return owner.uid == info.st_uid && owner.gid == info.st_gid && mode_of(info) == (info.st_mode & 07777);
  }

  bool link_to_first(const struct stat& info, int to, const std::string& to_name) const;
  void remember_first(const struct stat& info, int to, const std::string& to_name, const std::string& path);

  const CopyOptions& options_;
  int destination_;  // an exact copy's, where `path` names the copy, too; else -1
  CopyStats stats_;
  // First copy of each file with several names: O_PATH, or in an exact copy its path.
  std::map<std::pair<dev_t, ino_t>, UniqueFd> links_;
  std::map<std::pair<dev_t, ino_t>, std::string> paths_;
};

// A directory stands in nobody's way here: whoever wants to put a file over one is told.
Result<void> clear_target(int to, const std::string& name, const std::string& shown) {
  if (::unlinkat(to, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno == EISDIR || errno == EPERM)
    return Error::make(ErrorKind::Invalid, "cannot replace directory `" + shown + "` with a file");
  return copy_error("replace", shown);
}

Result<void> TreeCopier::finish_directory(const struct stat& info, int from, int to, const std::string& shown) {
  const auto owner = owner_of(info);
  if (::fchown(to, owner.uid, owner.gid) < 0) return copy_error("change owner of", shown);
  if (::fchmod(to, mode_of(info)) < 0) return copy_error("change mode of", shown);
  BERTH_TRY(copy_xattrs(from, to, shown, options_));
  const timespec times[2] = {info.st_atim, info.st_mtim};
  return ::futimens(to, times) < 0 ? copy_error("set times of", shown) : Result<void>();
}

Result<void> TreeCopier::directory(int from, const std::string& name, const struct stat& info, int to,
                                   const std::string& to_name, const std::string& path, bool lazily) {
  auto source = open_at(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!source) return source.error();
  struct stat there;
  const bool existed = ::fstatat(to, to_name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0;
  if (existed && !S_ISDIR(there.st_mode))
    return Error::make(ErrorKind::Invalid, "cannot copy to non-directory: `" + path + "`");
  if (!existed) BERTH_TRY(make_merge_directory(to, to_name, path));
  auto target = open_at(to, to_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!target) return target.error();
  const auto before = stats_.entries;
  BERTH_TRY(content(source->get(), target->get(), path));
  if (lazily && stats_.entries == before) {  // nothing below it was taken
    if (!existed && ::unlinkat(to, to_name.c_str(), AT_REMOVEDIR) < 0) return copy_error("remove", path);
    return {};
  }
  ++stats_.entries;
  return finish_directory(info, source->get(), target->get(), path);
}

Result<void> TreeCopier::file(int from, const std::string& name, const struct stat& info, int to,
                              const std::string& to_name, const std::string& path) {
  if (options_.hard_link && unchanged(info) && ::linkat(from, name.c_str(), to, to_name.c_str(), 0) == 0) {
    ++stats_.linked;
    return {};
  }
  auto source = open_at(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!source) return source.error();
  auto target = open_at(to, to_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!target) return target.error();
  BERTH_TRY(copy_content(source->get(), target->get(), info, path));
  stats_.bytes += info.st_size;
  // chown clears set-user-id bits and capabilities, so mode and xattrs come after it; times come last.
  const auto owner = owner_of(info);
  if (::fchown(target->get(), owner.uid, owner.gid) < 0) return copy_error("change owner of", path);
  if (::fchmod(target->get(), mode_of(info)) < 0) return copy_error("change mode of", path);
  BERTH_TRY(copy_xattrs(source->get(), target->get(), path, options_));
  const timespec times[2] = {info.st_atim, info.st_mtim};
  return ::futimens(target->get(), times) < 0 ? copy_error("set times of", path) : Result<void>();
}

Result<void> TreeCopier::special(int from, const std::string& name, const struct stat& info, int to,
                                 const std::string& to_name, const std::string& path) {
  const auto owner = owner_of(info);
  if (S_ISLNK(info.st_mode)) {
    char text[4096];
    const ssize_t length = ::readlinkat(from, name.c_str(), text, sizeof text);
    if (length < 0) return copy_error("read link", path);
    if (::symlinkat(std::string(text, static_cast<std::size_t>(length)).c_str(), to, to_name.c_str()) < 0)
      return copy_error("create symbolic link", path);
  } else if (::mknodat(to, to_name.c_str(), (info.st_mode & S_IFMT) | 0600, info.st_rdev) < 0) {
    return copy_error("create node", path);
  }
  if (::fchownat(to, to_name.c_str(), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) < 0)
    return copy_error("change owner of", path);
  if (!S_ISLNK(info.st_mode) && ::fchmodat(to, to_name.c_str(), mode_of(info), 0) < 0)
    return copy_error("change mode of", path);
  const timespec times[2] = {info.st_atim, info.st_mtim};
  return ::utimensat(to, to_name.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0 ? copy_error("set times of", path)
                                                                          : Result<void>();
}

Result<void> TreeCopier::entry(int from, const std::string& name, int to, const std::string& to_name,
                               const std::string& path) {
  struct stat info;
  if (::fstatat(from, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0) return copy_error("stat", path);
  const bool is_directory = S_ISDIR(info.st_mode);
  const auto verdict = options_.filter ? options_.filter(path, is_directory) : CopyFilter::Take;
  if (verdict == CopyFilter::Skip || (verdict == CopyFilter::Descend && !is_directory)) return {};
  if (options_.from_container && (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode))) return {};
  if (is_directory) return directory(from, name, info, to, to_name, path, verdict == CopyFilter::Descend);
  BERTH_TRY(clear_target(to, to_name, path));
  ++stats_.entries;
  if (info.st_nlink > 1 && link_to_first(info, to, to_name)) return {};
  BERTH_TRY(S_ISREG(info.st_mode) ? file(from, name, info, to, to_name, path)
                                  : special(from, name, info, to, to_name, path));
  if (info.st_nlink > 1) remember_first(info, to, to_name, path);
  return {};
}

bool TreeCopier::link_to_first(const struct stat& info, int to, const std::string& to_name) const {
  const auto key = std::make_pair(info.st_dev, info.st_ino);
  if (const auto path = paths_.find(key); path != paths_.end())
    return ::linkat(destination_, path->second.c_str(), to, to_name.c_str(), 0) == 0;
  // AT_SYMLINK_FOLLOW through /proc names the file behind the O_PATH descriptor, also where it is a link itself.
  const auto first = links_.find(key);
  return first != links_.end() &&
         ::linkat(AT_FDCWD, magic_path(first->second.get()).c_str(), to, to_name.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

void TreeCopier::remember_first(const struct stat& info, int to, const std::string& to_name, const std::string& path) {
  constexpr std::size_t kMostOpenLinks = 512;  // beyond, further names become copies rather than open files run out
  const auto key = std::make_pair(info.st_dev, info.st_ino);
  if (destination_ >= 0) {
    paths_.emplace(key, path);
  } else if (S_ISREG(info.st_mode) && links_.size() < kMostOpenLinks) {
    if (auto copy = open_at(to, to_name, O_PATH | O_NOFOLLOW)) links_.emplace(key, std::move(*copy));
  }
}

Result<void> TreeCopier::content(int from, int to, const std::string& path) {
  if (options_.from_container && is_kernel_file_system(from)) return {};
  auto names = list_directory(magic_path(from));
  if (!names) return names.error();
  for (const auto& name : *names) BERTH_TRY(entry(from, name, to, name, path.empty() ? name : path + "/" + name));
  return {};
}

// Opens the directory, with missing parents made 0755; links on the way are followed inside the root, dangling ones
// refused.
Result<UniqueFd> open_or_make(int root, const std::string& path, const CopyOptions& options, bool& made) {
  auto found = open_in_root(root, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY);
  if (found) return std::move(*found);
  if (found.error().errno_value() == ENOTDIR)
    return Error::make(ErrorKind::Invalid, "cannot copy to non-directory: `" + path + "`");
  if (found.error().kind() != ErrorKind::NotFound) return found.error();
  const auto last = path.find_last_not_of('/');
  if (last == std::string::npos) return found.error();
  const std::string trimmed = path.substr(0, last + 1);
  const auto slash = trimmed.rfind('/');
  bool parent_made = false;
  auto parent = open_or_make(root, slash == std::string::npos ? "" : trimmed.substr(0, slash), options, parent_made);
  if (!parent) return parent.error();
  const std::string name = slash == std::string::npos ? trimmed : trimmed.substr(slash + 1);
  if (::mkdirat(parent->get(), name.c_str(), 0755) < 0) return copy_error("create directory", path);
  auto directory = open_at(parent->get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) return directory.error();
  const auto owner = options.owner.value_or(CopyOwner{});
  if (::fchown(directory->get(), owner.uid, owner.gid) < 0) return copy_error("change owner of", path);
  if (::fchmod(directory->get(), 0755) < 0) return copy_error("change mode of", path);
  made = true;
  return std::move(*directory);
}

std::pair<std::string, std::string> split_path(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::make_pair(std::string(), path)
                                    : std::make_pair(path.substr(0, slash), path.substr(slash + 1));
}

struct RealEntry {
  UniqueFd directory;
  std::string name;
};

// Where the entry itself lies once the links at its end are followed, all inside the root. The descriptor's own path
// cannot be asked for instead: for a detached mount (an overlay of layers) it counts from that mount's root.
Result<RealEntry> real_entry(int root, const std::string& path) {
  auto followed = follow_links(root, path);
  if (!followed) return followed.error();
  auto [directory_name, name] = split_path(*followed);
  auto directory = open_in_root(root, directory_name.empty() ? "." : directory_name, O_PATH | O_DIRECTORY);
  if (!directory) return directory.error();
  return RealEntry{std::move(*directory), name};
}

Result<std::string> read_link(int directory, const std::string& name, const std::string& path) {
  char text[4096];
  const ssize_t length = ::readlinkat(directory, name.c_str(), text, sizeof text);
  if (length < 0) return copy_error("read link", path);
  return std::string(text, static_cast<std::size_t>(length));
}

// The directory that the last part of a path lies in, and that part.
Result<RealEntry> entry_in_root(int root, const std::string& path) {
  auto [directory_name, name] = split_path(path);
  auto directory = open_in_root(root, directory_name.empty() ? "." : directory_name, O_PATH | O_DIRECTORY);
  if (!directory) return directory.error();
  return RealEntry{std::move(*directory), name.empty() || name == "/" ? "." : name};
}

Result<CopyStats> copy_directory(int source, int destination_root, const std::string& destination,
                                 const CopyOptions& options) {
  bool made = false;
  auto target = open_or_make(destination_root, destination, options, made);
  if (!target) return target.error();
  struct stat info;
  if (::fstat(source, &info) < 0) return copy_error("stat", "source");
  TreeCopier copier(options, target->get());
  BERTH_TRY(copier.content(source, target->get(), ""));
  if (made || !options.keep_root_metadata) BERTH_TRY(copier.finish_directory(info, source, target->get(), destination));
  return copier.stats();
}

}  // namespace

Result<CopyStats> copy_tree(int source_root, const std::string& source, int destination_root,
                            const std::string& destination, const CopyOptions& options) {
  auto start = open_in_root(source_root, source.empty() ? "." : source, O_PATH);
  if (!start) return start.error();
  struct stat info;
  if (::fstat(start->get(), &info) < 0) return copy_error("stat", source);
  if (S_ISDIR(info.st_mode)) {
    auto directory = open_at(start->get(), ".", O_RDONLY | O_DIRECTORY);
    if (!directory) return directory.error();
    return copy_directory(directory->get(), destination_root, destination, options);
  }
  auto [directory_name, name] = split_path(destination);
  bool made = false;
  auto existing = open_in_root(destination_root, destination.empty() ? "." : destination, O_PATH | O_DIRECTORY);
  if (existing || destination.empty() || destination.back() == '/') {
    directory_name = destination;
    name = split_path(source).second;
  }
  auto target = open_or_make(destination_root, directory_name, options, made);
  if (!target) return target.error();
  TreeCopier copier(options);
  auto real = real_entry(source_root, source);
  if (!real) return real.error();
  struct stat again;
  if (::fstatat(real->directory.get(), real->name.c_str(), &again, AT_SYMLINK_NOFOLLOW) < 0 ||
      again.st_ino != info.st_ino)
    return Error::make(ErrorKind::Busy, "`" + source + "` changed while it was copied");
  BERTH_TRY(copier.entry(real->directory.get(), real->name, target->get(), name, name));
  return copier.stats();
}

Result<std::string> follow_links(int root, std::string path) {
  constexpr int kMostLinks = 40;  // as the kernel's MAXSYMLINKS
  for (int links = 0; links <= kMostLinks; ++links) {
    auto [directory_name, name] = split_path(path);
    auto directory = open_in_root(root, directory_name.empty() ? "." : directory_name, O_PATH | O_DIRECTORY);
    if (!directory) return directory.error();
    const auto text = read_link(directory->get(), name, path);
    if (!text && (text.error().errno_value() == EINVAL || text.error().kind() == ErrorKind::NotFound)) return path;
    if (!text) return text.error();
    path = text->starts_with('/') ? *text : directory_name + "/" + *text;
  }
  return Error::system(ELOOP, "resolve", path);
}

Result<EntryKind> kind_in_root(int root, const std::string& path) {
  auto place = entry_in_root(root, path);
  if (!place && (place.error().kind() == ErrorKind::NotFound || place.error().errno_value() == ENOTDIR))
    return EntryKind::Nothing;
  if (!place) return place.error();
  struct stat info;
  if (::fstatat(place->directory.get(), place->name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT ? Result<EntryKind>(EntryKind::Nothing) : copy_error("stat", path);
  return S_ISREG(info.st_mode)   ? EntryKind::File
         : S_ISDIR(info.st_mode) ? EntryKind::Directory
         : S_ISLNK(info.st_mode) ? EntryKind::Link
                                 : EntryKind::Other;
}

Result<void> copy_link(int source_root, const std::string& source, int destination_root, const std::string& destination,
                       const std::optional<CopyOwner>& owner) {
  auto from = entry_in_root(source_root, source);
  if (!from) return from.error();
  const auto text = read_link(from->directory.get(), from->name, source);
  if (!text) return text.error();
  auto to = entry_in_root(destination_root, destination);
  if (!to) return to.error();
  BERTH_TRY(clear_target(to->directory.get(), to->name, destination));
  if (::symlinkat(text->c_str(), to->directory.get(), to->name.c_str()) < 0)
    return copy_error("create symbolic link", destination);
  if (owner && ::fchownat(to->directory.get(), to->name.c_str(), owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW) < 0)
    return copy_error("change owner of", destination);
  return {};
}

bool is_kernel_file_system(int directory) {
  struct statfs info;
  if (::fstatfs(directory, &info) < 0) return false;
  static constexpr long kTypes[] = {PROC_SUPER_MAGIC,   SYSFS_MAGIC,   CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC,
                                    DEVPTS_SUPER_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC,      SECURITYFS_MAGIC,
                                    BPF_FS_MAGIC,       NSFS_MAGIC,    0x19800202 /* mqueue */};
  for (const long type : kTypes)
    if (info.f_type == type) return true;
  return false;
}

}  // namespace berth::sys
