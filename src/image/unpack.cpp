#include "berth/image/unpack.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "berth/image/sha256.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/mount.hpp"
#include "unpack_entries.hpp"

namespace berth::image {
namespace {

struct ArchiveClose {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
using ArchiveHandle = std::unique_ptr<archive, ArchiveClose>;

Error archive_error(archive* handle, const char* operation) {
  const char* text = archive_error_string(handle);
  return Error::make(ErrorKind::Protocol, std::string(operation) + ": " + (text ? text : "unknown error"));
}

// The decompressed bytes of `file`. Only the filters named here: "all" would include some that start external programs.
Result<ArchiveHandle> open_decompressed(int file) {
  ArchiveHandle handle(archive_read_new());
  archive_read_support_filter_gzip(handle.get());
  archive_read_support_filter_bzip2(handle.get());
  archive_read_support_filter_xz(handle.get());
  archive_read_support_filter_zstd(handle.get());
  archive_read_support_format_raw(handle.get());
  archive_read_support_format_empty(handle.get());
  if (archive_read_open_fd(handle.get(), file, 256 * 1024) != ARCHIVE_OK)
    return archive_error(handle.get(), "read archive");
  archive_entry* entry = nullptr;
  const int status = archive_read_next_header(handle.get(), &entry);
  if (status == ARCHIVE_EOF) return Error::make(ErrorKind::Protocol, "the archive is empty");
  if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return archive_error(handle.get(), "decompress archive");
  return handle;
}

// Before unshare: a descriptor stays in the mount namespace it was opened in (open_tree then says EINVAL), while the
// working directory goes along into the new one.
Result<void> enter(int directory) {
  auto tree = sys::clone_tree(directory, "", {.recursive = false, .no_suid = true, .no_dev = true, .no_exec = true});
  if (!tree) return tree.error();
  if (::fchdir(directory) < 0) return Error::system(errno, "enter", "the directory to unpack into");
  if (::unshare(CLONE_NEWNS) < 0) return Error::system(errno, "unshare", "mount namespace");
  BERTH_TRY(sys::mount("", "/", "", MS_REC | MS_PRIVATE));
  if (::syscall(SYS_move_mount, tree->get(), "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return Error::system(errno, "attach", "the directory to unpack into");
  if (::fchdir(tree->get()) < 0) return Error::system(errno, "enter", "the directory to unpack into");
  if (::syscall(SYS_pivot_root, ".", ".") < 0)
    return Error::system(errno, "pivot into", "the directory to unpack into");
  if (::umount2(".", MNT_DETACH) < 0) return Error::system(errno, "leave", "the old root");
  if (::chdir("/") < 0) return Error::system(errno, "enter", "/");
  return {};
}

Result<void> keep_capabilities() {
  constexpr std::uint32_t kKept = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER | 1u << CAP_FSETID |
                                  1u << CAP_MKNOD | 1u << CAP_SETFCAP;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {{kKept, kKept, 0}, {0, 0, 0}};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return Error::system(errno, "set", "no_new_privs");
  if (::syscall(SYS_capset, &header, data) < 0) return Error::system(errno, "drop", "capabilities");
  return {};
}

// `sum`: of all bytes, also of those behind the archive's end; none: nobody asks for it.
Result<void> write_all_entries(archive* handle, EntryWriter& writer, Sha256* sum) {
  const auto decompressed = [handle, sum](char* buffer, std::size_t length) -> Result<std::size_t> {
    const auto n = archive_read_data(handle, buffer, length);
    if (n < 0) return archive_error(handle, "decompress archive");
    if (sum) sum->add({buffer, static_cast<std::size_t>(n)});
    return static_cast<std::size_t>(n);
  };
  TarReader reader(decompressed);
  TarEntry entry;
  for (;;) {
    const auto more = reader.next(entry);
    if (!more) return more.error();
    if (!*more) break;
    BERTH_TRY(writer.write(reader, entry));
  }
  std::vector<char> rest(sum ? 64 * 1024 : 0);
  while (sum) {
    const auto n = decompressed(rest.data(), rest.size());
    if (!n) return n.error();
    if (*n == 0) break;
  }
  return writer.finish();
}

// Speaks to the parent in one text: "ok ENTRIES BYTES [SHA256]\0OPAQUE\0OPAQUE\0" or "KIND MESSAGE".
std::string run_child(int archive, int directory, const UnpackOptions& options, Sha256& sum) {
  const auto failed = [](const Error& error) {
    return std::to_string(static_cast<int>(error.kind())) + " " + error.to_string();
  };
  ::umask(0);
  if (auto entered = enter(directory); !entered) return failed(entered.error());
  if (auto dropped = keep_capabilities(); !dropped) return failed(dropped.error());
  const auto root = sys::open("/", O_RDONLY | O_DIRECTORY);
  if (!root) return failed(root.error());
  const auto handle = open_decompressed(archive);
  if (!handle) return failed(handle.error());
  EntryWriter writer(root->get(), options);
  if (auto written = write_all_entries(handle->get(), writer, options.digest ? &sum : nullptr); !written)
    return failed(written.error());
  std::string answer = "ok " + std::to_string(writer.done().entries) + " " + std::to_string(writer.done().bytes.bytes);
  if (options.digest) answer += " " + sum.hex();
  answer += '\0';
  for (const auto& path : writer.opaque()) answer += path + '\0';
  return answer;
}

[[noreturn]] void unpack_child(int archive, int directory, int answer, const UnpackOptions& options, Sha256& sum,
                               pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  // Everything else this process had open stays behind. The three are moved up first, so that none is overwritten.
  const int up[3] = {::fcntl(archive, F_DUPFD, 10), ::fcntl(directory, F_DUPFD, 10), ::fcntl(answer, F_DUPFD, 10)};
  for (int i = 0; i < 3; ++i)
    if (up[i] < 0 || ::dup2(up[i], 3 + i) < 0) ::_exit(1);
  ::syscall(SYS_close_range, 6u, ~0u, 0u);
  const std::string text = run_child(3, 4, options, sum);
  const auto sent = sys::write_all(5, text, "answer");
  ::_exit(sent ? 0 : 1);
}

// trusted.* needs CAP_SYS_ADMIN, which the child does not have; the paths hold no link (RESOLVE_IN_ROOT, O_NOFOLLOW).
Result<void> mark_opaque(int directory, const std::string& path) {
  auto target = sys::open_in_root(directory, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!target) return target.error();
  if (::fsetxattr(target->get(), "trusted.overlay.opaque", "y", 1, 0) < 0)
    return Error::system(errno, "mark opaque", path);
  return {};
}

Result<Unpacked> read_answer(const std::string& text, int directory) {
  if (text.compare(0, 3, "ok ") != 0) {
    std::size_t digits = 0;
    if (text.empty()) return Error::make(ErrorKind::Failed, "the process that unpacks the archive died");
    const int kind = std::stoi(text, &digits);
    return Error::make(static_cast<ErrorKind>(kind), text.substr(digits + 1)).while_doing("unpack the archive");
  }
  Unpacked out;
  std::size_t digits = 0;
  out.entries = std::stoull(text.substr(3), &digits);
  const std::size_t second = 3 + digits;
  out.bytes.bytes = std::stoll(text.substr(second), &digits);
  if (const std::string sum = text.c_str() + second + digits; sum.size() > 1) out.digest = "sha256:" + sum.substr(1);
  for (std::size_t at = text.find('\0') + 1; at < text.size();) {
    const std::string path = text.c_str() + at;
    BERTH_TRY(mark_opaque(directory, path));
    at += path.size() + 1;
  }
  return out;
}

// Until the child says something (it does so once, in the end) or dies.
Result<void> await_answer(int answer, int stop_fd) {
  for (;;) {
    pollfd both[2] = {{answer, POLLIN, 0}, {stop_fd, POLLIN, 0}};
    if (::poll(both, 2, -1) < 0 && errno != EINTR) return Error::system(errno, "wait for", "the process that unpacks");
    if (both[1].revents) return Error::make(ErrorKind::Cancelled, "interrupted").while_doing("unpack the archive");
    if (both[0].revents) return {};
  }
}

UnpackOptions with_limit(UnpackOptions options, int directory) {
  struct statvfs space;
  if (options.max_bytes == 0 && ::fstatvfs(directory, &space) == 0)
    options.max_bytes = static_cast<std::int64_t>(space.f_bavail) * static_cast<std::int64_t>(space.f_frsize);
  return options;
}

}  // namespace

Result<Unpacked> unpack_archive_in_place(int archive, int directory, const UnpackOptions& wanted) {
  const UnpackOptions options = with_limit(wanted, directory);
  const auto handle = open_decompressed(archive);
  if (!handle) return handle.error();
  EntryWriter writer(directory, options);
  BERTH_TRY(write_all_entries(handle->get(), writer, nullptr));
  return writer.done();
}

Result<Unpacked> unpack_archive(int archive, int directory, const UnpackOptions& wanted) {
  const UnpackOptions options = with_limit(wanted, directory);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return Error::system(errno, "create", "pipe");
  sys::UniqueFd reading(ends[0]), writing(ends[1]);
  const pid_t parent = ::getpid();
  Sha256 sum;  // here: other threads may hold the library's locks while the child is cloned
  const pid_t child = ::fork();
  if (child < 0) return Error::system(errno, "fork", "the process that unpacks");
  if (child == 0) unpack_child(archive, directory, writing.get(), options, sum, parent);
  writing.reset();
  const auto heard = await_answer(reading.get(), options.stop_fd);
  if (!heard) ::kill(child, SIGKILL);
  const auto answer =
      heard ? sys::read_all(reading.get(), "answer of the process that unpacks") : Result<std::string>(heard.error());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (!answer) return answer.error();
  return read_answer(*answer, directory);
}

Result<bool> looks_like_archive(int file) {
  auto own = sys::open("/proc/self/fd/" + std::to_string(file), O_RDONLY);
  if (!own) return own.error();
  const auto handle = open_decompressed(own->get());
  if (!handle) return false;
  TarReader reader([&](char* buffer, std::size_t length) -> Result<std::size_t> {
    const auto n = archive_read_data(handle->get(), buffer, length);
    if (n < 0) return archive_error(handle->get(), "decompress archive");
    return static_cast<std::size_t>(n);
  });
  TarEntry entry;
  const auto more = reader.next(entry);
  return more && *more;
}

}  // namespace berth::image
