#include "berth/image/layer_tar.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>

#include "berth/sys/file.hpp"

namespace berth::image {
namespace {

constexpr const char* kOpaque = "trusted.overlay.opaque";

std::string magic_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

// Attributes that belong to the file and not to this machine: overlay's own and labels stay here.
bool travels(const std::string& name) {
  return name == "security.capability" || name.starts_with("user.") || name.starts_with("system.posix_acl_");
}

class LayerWalk {
 public:
  explicit LayerWalk(const TarWriter::Sink& sink) : tar_(sink) {}

  Result<void> layer(const std::string& diff) {
    auto root = sys::open(diff, O_RDONLY | O_DIRECTORY);
    if (!root) return root.error();
    struct stat info {};
    if (::fstat(root->get(), &info) < 0) return Error::system(errno, "stat", diff);
    // The root is taken along only where it is not what unpacking makes by itself.
    if ((info.st_mode & 07777) != 0755 || info.st_uid != 0 || info.st_gid != 0)
      BERTH_TRY(tar_.add(entry_of(info, TarType::Directory, "./")));
    BERTH_TRY(directory(root->get(), ""));
    return tar_.finish();
  }

 private:
  static TarEntry entry_of(const struct stat& info, TarType type, std::string path) {
    TarEntry entry;
    entry.type = type;
    entry.path = std::move(path);
    entry.mode = info.st_mode & 07777;
    entry.uid = info.st_uid;
    entry.gid = info.st_gid;
    entry.mtime = info.st_mtim.tv_sec;
    return entry;
  }

  Result<void> whiteout(const std::string& path) {
    TarEntry entry;
    entry.path = path;
    return tar_.add(entry);
  }

  Result<void> read_xattrs(int file, TarEntry& entry) {
    std::array<char, 65536> names;
    const ssize_t length = ::flistxattr(file, names.data(), names.size());
    if (length < 0)
      return errno == EOPNOTSUPP ? Result<void>() : Error::system(errno, "list attributes of", entry.path);
    for (const char* name = names.data(); name < names.data() + length; name += std::strlen(name) + 1) {
      if (!travels(name)) continue;
      std::array<char, 65536> value;
      const ssize_t size = ::fgetxattr(file, name, value.data(), value.size());
      if (size < 0) return Error::system(errno, std::string("read ") + name + " of", entry.path);
      entry.xattrs[name] = std::string(value.data(), static_cast<std::size_t>(size));
    }
    return {};
  }

  Result<void> directory(int fd, const std::string& prefix) {
    auto names = sys::list_directory(magic_path(fd));
    if (!names) return names.error();
    char opaque = 0;
    if (::fgetxattr(fd, kOpaque, &opaque, 1) == 1 && opaque == 'y') BERTH_TRY(whiteout(prefix + ".wh..wh..opq"));
    for (const auto& name : *names) BERTH_TRY(one(fd, name, prefix));
    return {};
  }

  Result<void> one(int parent, const std::string& name, const std::string& prefix) {
    const std::string path = prefix + name;
    struct stat info {};
    if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0) return Error::system(errno, "stat", path);
    if (S_ISCHR(info.st_mode) && info.st_rdev == 0) return whiteout(prefix + ".wh." + name);
    if (S_ISSOCK(info.st_mode)) return {};  // as every tar: it is of no use without its process
    if (!S_ISDIR(info.st_mode) && info.st_nlink > 1) {
      const auto [first, fresh] = links_.try_emplace({info.st_dev, info.st_ino}, path);
      if (!fresh) {
        TarEntry link = entry_of(info, TarType::HardLink, path);
        link.link = first->second;
        return tar_.add(link);
      }
    }
    if (S_ISDIR(info.st_mode)) {
      auto fd = sys::open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (!fd) return fd.error();
      TarEntry entry = entry_of(info, TarType::Directory, path + "/");
      BERTH_TRY(read_xattrs(fd->get(), entry));
      BERTH_TRY(tar_.add(entry));
      return directory(fd->get(), path + "/");
    }
    if (S_ISREG(info.st_mode)) return file(parent, name, info, path);
    return special(parent, name, info, path);
  }

  Result<void> file(int parent, const std::string& name, const struct stat& info, const std::string& path) {
    auto fd = sys::open_at(parent, name, O_RDONLY | O_NOFOLLOW);
    if (!fd) return fd.error();
    TarEntry entry = entry_of(info, TarType::File, path);
    entry.size = info.st_size;
    BERTH_TRY(read_xattrs(fd->get(), entry));
    BERTH_TRY(tar_.add(entry));
    for (;;) {
      const ssize_t n = ::read(fd->get(), buffer_.data(), buffer_.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Error::system(errno, "read", path);
      if (n == 0) return {};
      BERTH_TRY(tar_.content({buffer_.data(), static_cast<std::size_t>(n)}));
    }
  }

  Result<void> special(int parent, const std::string& name, const struct stat& info, const std::string& path) {
    TarEntry entry = entry_of(info, TarType::Fifo, path);
    if (S_ISLNK(info.st_mode)) {
      entry.type = TarType::SymbolicLink;
      entry.mode = 0777;
      std::array<char, 4096> target;
      const ssize_t length = ::readlinkat(parent, name.c_str(), target.data(), target.size());
      if (length < 0) return Error::system(errno, "read link", path);
      entry.link.assign(target.data(), static_cast<std::size_t>(length));
    } else if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode)) {
      entry.type = S_ISCHR(info.st_mode) ? TarType::CharDevice : TarType::BlockDevice;
      entry.device_major = major(info.st_rdev);
      entry.device_minor = minor(info.st_rdev);
    }
    return tar_.add(entry);
  }

  TarWriter tar_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;  // first name of each file with several
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
};

}  // namespace

Result<void> write_layer_tar(const std::string& diff, const TarWriter::Sink& sink) {
  return LayerWalk(sink).layer(diff);
}

}  // namespace berth::image
