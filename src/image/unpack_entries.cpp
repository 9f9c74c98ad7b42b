#include "unpack_entries.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "berth/sys/file.hpp"

namespace berth::image {
namespace {

// "./usr//bin/" -> "usr/bin". A leading slash means the root, as for tar; `..` is refused: no honest archive needs it.
Result<std::string> clean_path(const std::string& path) {
  std::string clean;
  std::size_t at = 0;
  if (path.size() > 4095) return Error::make(ErrorKind::Invalid, "the archive holds a path of more than 4095 bytes");
  while (at < path.size()) {
    const auto slash = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, slash - at);
    at = slash + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") return Error::make(ErrorKind::Invalid, "the archive holds a path that leaves it: `" + path + "`");
    clean += (clean.empty() ? "" : "/") + part;
  }
  return clean;
}

// trusted.* belongs to the kernel's overlay, selinux labels to the machine the archive was made on.
bool keeps_xattr(const std::string& name) {
  return name == "security.capability" || name.compare(0, 5, "user.") == 0 ||
         name.compare(0, 17, "system.posix_acl_") == 0;
}

bool all_zero(const char* bytes, std::size_t length) {
  return length > 0 && bytes[0] == 0 && std::memcmp(bytes, bytes + 1, length - 1) == 0;
}

// Order matters: chown clears set-user-id bits and capabilities, so mode and xattrs come after it; times come last.
Result<void> apply_metadata(const TarEntry& entry, int parent, const std::string& name) {
  const std::string& shown = entry.path;
  if (::fchownat(parent, name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) < 0)
    return Error::system(errno, "change owner of", shown);
  if (entry.type != TarType::SymbolicLink) {
    if (::fchmodat(parent, name.c_str(), entry.mode, 0) < 0) return Error::system(errno, "change mode of", shown);
    for (const auto& [key, value] : entry.xattrs) {
      if (!keeps_xattr(key)) continue;
      auto file = sys::open_at(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      if (!file) return file.error();
      if (::fsetxattr(file->get(), key.c_str(), value.data(), value.size(), 0) < 0 && errno != EOPNOTSUPP)
        return Error::system(errno, "set " + key + " of", shown);
    }
  }
  const timespec times[2] = {{entry.mtime, entry.mtime_nanoseconds}, {entry.mtime, entry.mtime_nanoseconds}};
  if (::utimensat(parent, name.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0)
    return Error::system(errno, "set times of", shown);
  return {};
}

// What stands where an entry is to go gives way, but a directory only to nothing (directories merge before).
Result<void> clear_name(int parent, const std::string& name, const std::string& shown) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno == EISDIR && ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) return {};
  return Error::system(errno, "replace", shown);
}

}  // namespace

Result<int> EntryWriter::parent(const std::string& path) {
  if (parent_ && path == parent_path_) return parent_.get();
  constexpr int kFlags = O_PATH | O_DIRECTORY;
  auto opened = sys::open_in_root(root_, path.empty() ? "." : path, kFlags);
  if (!opened && opened.error().kind() == ErrorKind::NotFound) {
    // Parents that the archive does not mention: 0755, root.
    const auto slash = path.rfind('/');
    const auto above = parent(slash == std::string::npos ? "" : path.substr(0, slash));
    if (!above) return above.error();
    const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
    if (::mkdirat(*above, name.c_str(), 0755) < 0) return Error::system(errno, "create directory", path);
    if (::fchmodat(*above, name.c_str(), 0755, 0) < 0) return Error::system(errno, "change mode of", path);
    opened = sys::open_in_root(root_, path, kFlags);
  }
  if (!opened) return opened.error();
  parent_ = std::move(*opened);
  parent_path_ = path;
  return parent_.get();
}

Result<bool> EntryWriter::whiteout(int parent, const std::string& directory, const std::string& name) {
  constexpr std::string_view kPrefix = ".wh.";
  if (name.compare(0, kPrefix.size(), kPrefix) != 0) return false;
  if (options_.whiteouts == Whiteouts::Refuse)
    return Error::make(ErrorKind::Invalid,
                       "`" + name + "` marks a deleted file: the archive is a layer, not a root file system");
  if (name == ".wh..wh..opq") {
    opaque_.push_back(directory);
    return true;
  }
  if (name.compare(0, 8, ".wh..wh.") == 0) return true;  // aufs bookkeeping
  const std::string hidden = name.substr(kPrefix.size());
  if (hidden.empty() || hidden == "." || hidden == "..")
    return Error::make(ErrorKind::Invalid, "bad whiteout `" + name + "`");
  BERTH_TRY(clear_name(parent, hidden, directory + "/" + hidden));
  if (::mknodat(parent, hidden.c_str(), S_IFCHR, 0) < 0) return Error::system(errno, "create whiteout", hidden);
  return true;
}

Result<void> EntryWriter::write_file(TarReader& reader, const TarEntry& entry, int parent, const std::string& name) {
  auto file = sys::open_at(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!file) return file.error();
  bool hole_at_end = false;
  for (;;) {
    // Whole blocks of zeros become holes.
    std::size_t filled = 0;
    while (filled < buffer_.size()) {
      const auto n = reader.read(buffer_.data() + filled, buffer_.size() - filled);
      if (!n) return n.error();
      if (*n == 0) break;
      filled += *n;
    }
    if (filled == 0) break;
    done_.bytes.bytes += static_cast<std::int64_t>(filled);
    if (options_.max_bytes > 0 && done_.bytes.bytes > options_.max_bytes)
      return Error::make(ErrorKind::NoSpace,
                         "the archive holds more than " + std::to_string(options_.max_bytes) + " bytes");
    hole_at_end = filled % 4096 == 0 && all_zero(buffer_.data(), filled);
    if (hole_at_end) {
      if (::lseek(file->get(), static_cast<off_t>(filled), SEEK_CUR) < 0)
        return Error::system(errno, "seek in", entry.path);
    } else {
      BERTH_TRY(sys::write_all(file->get(), {buffer_.data(), filled}, entry.path));
    }
  }
  if (hole_at_end && ::ftruncate(file->get(), entry.size) < 0) return Error::system(errno, "set size of", entry.path);
  return {};
}

Result<void> EntryWriter::make_node(const TarEntry& entry, int parent, const std::string& name) {
  mode_t kind = S_IFIFO;
  dev_t device = 0;
  if (entry.type != TarType::Fifo) {
    if (!options_.device_nodes)
      return Error::make(ErrorKind::Invalid, "the archive holds a device node: `" + entry.path + "`");
    kind = entry.type == TarType::CharDevice ? S_IFCHR : S_IFBLK;
    device = makedev(entry.device_major, entry.device_minor);
    // On overlay this very device hides what lies below; only whiteouts may make it.
    if (kind == S_IFCHR && device == 0)
      return Error::make(ErrorKind::Invalid, "the archive holds the device 0:0: `" + entry.path + "`");
  }
  if (::mknodat(parent, name.c_str(), kind | 0600, device) < 0) return Error::system(errno, "create node", entry.path);
  return {};
}

Result<void> EntryWriter::make(TarReader& reader, const TarEntry& entry, int parent, const std::string& path,
                               const std::string& name) {
  if (entry.type == TarType::Directory) {
    struct stat info;
    const bool there = ::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && !S_ISDIR(info.st_mode)) BERTH_TRY(clear_name(parent, name, path));
    if (!(there && S_ISDIR(info.st_mode)) && ::mkdirat(parent, name.c_str(), 0700) < 0)
      return Error::system(errno, "create directory", path);
    times_.push_back({path, entry.mtime, entry.mtime_nanoseconds});
    return apply_metadata(entry, parent, name);
  }
  BERTH_TRY(clear_name(parent, name, path));
  if (entry.type == TarType::HardLink) {
    const auto target = clean_path(entry.link);
    if (!target) return target.error();
    const auto slash = target->rfind('/');
    auto directory =
        sys::open_in_root(root_, slash == std::string::npos ? "." : target->substr(0, slash), O_PATH | O_DIRECTORY);
    if (!directory) return directory.error().while_doing("link `" + path + "`");
    const std::string last = slash == std::string::npos ? *target : target->substr(slash + 1);
    if (::linkat(directory->get(), last.c_str(), parent, name.c_str(), 0) < 0)
      return Error::system(errno, "link `" + path + "` to", *target);
    return {};
  }
  if (entry.type == TarType::SymbolicLink) {
    if (::symlinkat(entry.link.c_str(), parent, name.c_str()) < 0)
      return Error::system(errno, "create symbolic link", path);
  } else if (entry.type == TarType::File) {
    BERTH_TRY(write_file(reader, entry, parent, name));
  } else {
    BERTH_TRY(make_node(entry, parent, name));
  }
  return apply_metadata(entry, parent, name);
}

Result<void> EntryWriter::write(TarReader& reader, const TarEntry& entry) {
  if (++done_.entries > options_.max_entries)
    return Error::make(ErrorKind::Invalid,
                       "the archive holds more than " + std::to_string(options_.max_entries) + " entries");
  if (entry.type == TarType::File && options_.max_bytes > 0 && entry.size > options_.max_bytes - done_.bytes.bytes)
    return Error::make(ErrorKind::NoSpace,
                       "`" + entry.path + "` and what came before it are larger than the space that is free");
  const auto path = clean_path(entry.path);
  if (!path) return path.error();
  if (path->empty()) {  // the root itself
    if (entry.type != TarType::Directory)
      return Error::make(ErrorKind::Invalid, "the archive's root is not a directory");
    times_.push_back({".", entry.mtime, entry.mtime_nanoseconds});
    return apply_metadata(entry, root_, ".");
  }
  const auto slash = path->rfind('/');
  const std::string directory = slash == std::string::npos ? "" : path->substr(0, slash);
  const std::string name = slash == std::string::npos ? *path : path->substr(slash + 1);
  const auto above = parent(directory);
  if (!above) return above.error();
  const auto hidden = whiteout(*above, directory, name);
  if (!hidden) return hidden.error();
  if (*hidden) return {};
  // A cached parent may be what this entry replaces.
  if (entry.type != TarType::File && !parent_path_.empty() && parent_path_.compare(0, path->size(), *path) == 0)
    parent_path_.assign(1, '\0');
  return make(reader, entry, *above, *path, name);
}

Result<void> EntryWriter::finish() {
  for (auto time = times_.rbegin(); time != times_.rend(); ++time) {
    auto directory = sys::open_in_root(root_, time->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!directory) continue;  // replaced by a later entry
    const timespec times[2] = {{time->seconds, time->nanoseconds}, {time->seconds, time->nanoseconds}};
    if (::futimens(directory->get(), times) < 0) return Error::system(errno, "set times of", time->path);
  }
  return {};
}

}  // namespace berth::image
