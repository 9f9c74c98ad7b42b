#include "berth/sys/directory_users.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <set>

#include "berth/sys/file.hpp"

namespace berth::sys {
namespace {

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

// What processes hold, by inode, on the directory's file system.
using Held = std::map<std::uint64_t, std::vector<DirectoryUser>>;

// Without asking a server, which may be gone: only what the kernel knows of the file.
bool look(const std::string& path, struct statx& found) {
  constexpr int kFlags = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
  return ::statx(AT_FDCWD, path.c_str(), kFlags, STATX_INO | STATX_TYPE, &found) == 0;
}

class HolderScan {
 public:
  explicit HolderScan(const struct statx& top) : top_(top) {}

  void process(pid_t pid) {
    const std::string base = "/proc/" + std::to_string(pid);
    each_of(pid, base + "/fd", "open");
    each_of(pid, base + "/map_files", "mapped");
    hold(pid, base + "/cwd", "its working directory");
    hold(pid, base + "/root", "its root directory");
    hold(pid, base + "/exe", "its program");
    char name[64];
    const ssize_t length = ::readlink((base + "/ns/mnt").c_str(), name, sizeof name);
    if (length > 0 && namespaces_.insert(std::string(name, static_cast<std::size_t>(length))).second) mounts(pid, base);
  }
  void pass_over_own_namespace() {
    char name[64];
    const ssize_t length = ::readlink("/proc/self/ns/mnt", name, sizeof name);
    if (length > 0) namespaces_.insert(std::string(name, static_cast<std::size_t>(length)));
  }
  const Held& held() const { return held_; }

 private:
  void each_of(pid_t pid, const std::string& links, const char* what) {
    const auto names = list_directory(links);  // gone meanwhile, or not ours to see
    if (!names) return;
    for (const auto& name : *names) hold(pid, links + "/" + name, what);
  }
  void hold(pid_t pid, const std::string& path, const std::string& what) {
    struct statx found;
    if (!look(path, found) || found.stx_dev_major != top_.stx_dev_major || found.stx_dev_minor != top_.stx_dev_minor)
      return;
    held_[found.stx_ino].push_back({pid, {}, what});
  }
  void mounts(pid_t pid, const std::string& base) {
    const auto text = read_file(base + "/mountinfo");
    if (!text) return;
    for (const auto& point : mount_points_of(*text)) hold(pid, base + "/root" + point, "mounted at " + point);
  }

  const struct statx& top_;
  Held held_;
  std::set<std::string> namespaces_;
};

// Inodes at and below the directory that somebody holds.
Result<void> collect(UniqueFd directory, const Held& held, std::set<std::uint64_t>& below) {
  Directory stream(::fdopendir(directory.get()), ::closedir);
  if (!stream) return Error::system(errno, "read directory");
  directory.release();
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (!entry) return errno ? Error::system(errno, "read directory") : Result<void>();
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (held.count(entry->d_ino)) below.insert(entry->d_ino);
    if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN) continue;
    auto inner = open_at(::dirfd(stream.get()), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!inner && (inner.error().errno_value() == ENOTDIR || inner.error().kind() == ErrorKind::NotFound)) continue;
    if (!inner) return inner.error();
    BERTH_TRY(collect(std::move(*inner), held, below));
  }
}

std::string command_of(pid_t pid) {
  auto name = read_file("/proc/" + std::to_string(pid) + "/comm", 4096);
  if (!name) return "?";
  while (!name->empty() && name->back() == '\n') name->pop_back();
  return *name;
}

// `\040` and the like.
std::string without_escapes(std::string_view text) {
  std::string out;
  const auto digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && digit(at + 1) && digit(at + 2) && digit(at + 3)) {
      out += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0'));
      at += 3;
    } else {
      out += text[at];
    }
  }
  return out;
}

}  // namespace

std::vector<std::string> mount_points_of(std::string_view mountinfo) {
  std::vector<std::string> points;
  while (!mountinfo.empty()) {
    const auto end = mountinfo.find('\n');
    std::string_view line = mountinfo.substr(0, end);
    mountinfo.remove_prefix(end == std::string_view::npos ? mountinfo.size() : end + 1);
    for (int field = 0; field < 4 && !line.empty(); ++field) {
      const auto space = line.find(' ');
      line.remove_prefix(space == std::string_view::npos ? line.size() : space + 1);
    }
    const std::string_view point = line.substr(0, line.find(' '));
    if (point.starts_with('/')) points.push_back(without_escapes(point));
  }
  return points;
}

Result<std::vector<DirectoryUser>> directory_users(const std::string& directory) {
  struct statx top;
  if (!look(directory, top)) return Error::system(errno, "stat", directory);
  HolderScan scan(top);
  scan.pass_over_own_namespace();
  const auto processes = list_directory("/proc");
  if (!processes) return processes.error();
  for (const auto& name : *processes) {
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const pid_t pid = static_cast<pid_t>(std::stol(name));
    if (pid != ::getpid()) scan.process(pid);
  }
  auto opened = open(directory, O_RDONLY | O_DIRECTORY);
  if (!opened) return opened.error();
  std::set<std::uint64_t> below{top.stx_ino};
  const auto collected = collect(std::move(*opened), scan.held(), below);
  if (!collected) return collected.error().while_doing("looking for users of `" + directory + "`");
  std::map<pid_t, DirectoryUser> users;
  for (const auto inode : below)
    if (const auto holders = scan.held().find(inode); holders != scan.held().end())
      for (const auto& holder : holders->second) users.emplace(holder.pid, holder);
  std::vector<DirectoryUser> out;
  for (auto& [pid, user] : users) {
    user.command = command_of(pid);
    out.push_back(std::move(user));
  }
  return out;
}

}  // namespace berth::sys
