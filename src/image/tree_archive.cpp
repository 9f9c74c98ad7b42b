// A tree as tar entries. Everything is opened by name below a directory's descriptor, never through a link: what runs
// in the container may change the tree meanwhile.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

#include "berth/image/tar_writer.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/tree_copy.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::image {
namespace {

bool is_archived_xattr(const char* name) {
  return std::strcmp(name, "security.capability") == 0 || std::strncmp(name, "user.", 5) == 0 ||
         std::strncmp(name, "system.posix_acl_", 17) == 0;
}

Result<void> read_xattrs(int file, TarEntry& entry) {
  char names[65536];
  const ssize_t length = ::flistxattr(file, names, sizeof names);
  if (length < 0) return errno == EOPNOTSUPP ? Result<void>() : Error::system(errno, "list attributes of", entry.path);
  for (const char* name = names; name < names + length; name += std::strlen(name) + 1) {
    if (!is_archived_xattr(name)) continue;
    char value[65536];
    const ssize_t size = ::fgetxattr(file, name, value, sizeof value);
    if (size >= 0) entry.xattrs[name].assign(value, static_cast<std::size_t>(size));
  }
  return {};
}

class TreeArchive {
 public:
  explicit TreeArchive(TarWriter& tar) : tar_(tar) {}
  Result<void> entry(int directory, const std::string& name, const std::string& shown);
  Result<void> below(int directory, const std::string& shown);

 private:
  Result<void> content(int file, TarEntry& entry);

  TarWriter& tar_;
  std::map<std::pair<dev_t, ino_t>, std::string> names_;  // of files with several of them
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
};

Result<void> TreeArchive::content(int file, TarEntry& entry) {
  BERTH_TRY(tar_.add(entry));
  for (std::int64_t left = entry.size; left > 0;) {  // where the file grows meanwhile, as long as it was
    const ssize_t n =
        ::read(file, buffer_.data(), std::min<std::size_t>(buffer_.size(), static_cast<std::size_t>(left)));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::system(errno, "read", entry.path);
    if (n == 0) break;
    BERTH_TRY(tar_.content({buffer_.data(), static_cast<std::size_t>(n)}));
    left -= n;
  }
  return {};
}

Result<void> TreeArchive::entry(int directory, const std::string& name, const std::string& shown) {
  struct stat info;
  if (::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0)
    return errno == ENOENT ? Result<void>() : Error::system(errno, "stat", shown);  // removed meanwhile
  TarEntry entry;
  entry.path = shown;
  entry.mode = info.st_mode & 07777;
  entry.uid = info.st_uid;
  entry.gid = info.st_gid;
  entry.mtime = info.st_mtim.tv_sec;  // Compat: whole seconds, which need no header of their own
  if (S_ISSOCK(info.st_mode)) return {};
  if (S_ISLNK(info.st_mode)) {
    char text[4096];
    const ssize_t length = ::readlinkat(directory, name.c_str(), text, sizeof text);
    if (length < 0) return Error::system(errno, "read link", shown);
    entry.type = TarType::SymbolicLink;
    entry.link.assign(text, static_cast<std::size_t>(length));
    return tar_.add(entry);
  }
  if (!S_ISDIR(info.st_mode) && info.st_nlink > 1) {
    const auto [first, fresh] = names_.try_emplace({info.st_dev, info.st_ino}, shown);
    if (!fresh) {
      entry.type = TarType::HardLink;
      entry.link = first->second;
      return tar_.add(entry);
    }
  }
  if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode)) {
    entry.type = S_ISCHR(info.st_mode)   ? TarType::CharDevice
                 : S_ISBLK(info.st_mode) ? TarType::BlockDevice
                                         : TarType::Fifo;
    entry.device_major = major(info.st_rdev);
    entry.device_minor = minor(info.st_rdev);
    return tar_.add(entry);
  }
  const int kind = S_ISDIR(info.st_mode) ? O_DIRECTORY : O_NONBLOCK;
  auto opened = sys::open_at(directory, name, O_RDONLY | O_NOFOLLOW | kind);
  if (!opened) return opened.error();
  BERTH_TRY(read_xattrs(opened->get(), entry));
  if (S_ISREG(info.st_mode)) {
    entry.size = info.st_size;
    return content(opened->get(), entry);
  }
  entry.type = TarType::Directory;
  if (!shown.empty()) BERTH_TRY(tar_.add(entry));
  return sys::is_kernel_file_system(opened->get()) ? Result<void>() : below(opened->get(), shown);
}

Result<void> TreeArchive::below(int directory, const std::string& shown) {
  auto names = sys::list_directory("/proc/self/fd/" + std::to_string(directory));
  if (!names) return names.error();
  for (const auto& name : *names) BERTH_TRY(entry(directory, name, shown.empty() ? name : shown + "/" + name));
  return {};
}

}  // namespace

Result<void> archive_tree(int root, const std::string& path, const std::string& name, TarWriter& tar) {
  TreeArchive archive(tar);
  const auto kind = sys::kind_in_root(root, path);
  if (!kind) return kind.error();
  if (*kind == sys::EntryKind::Directory) {
    auto directory = sys::open_in_root(root, path, O_RDONLY | O_DIRECTORY);
    if (!directory) return directory.error();
    BERTH_TRY(archive.entry(directory->get(), ".", name));
    return tar.finish();
  }
  const auto slash = path.find_last_of('/');
  const bool below = slash != std::string::npos;
  auto directory = sys::open_in_root(root, below ? path.substr(0, slash + 1) : ".", O_PATH | O_DIRECTORY);
  if (!directory) return directory.error();
  const std::string last = below ? path.substr(slash + 1) : path;
  BERTH_TRY(archive.entry(directory->get(), last, name.empty() ? last : name));
  return tar.finish();
}

}  // namespace berth::image
