// `cp`: files and folders between the host and containers, running or not, by docker cp's rules for what goes where.
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "berth/image/tar_writer.hpp"
#include "berth/image/unpack.hpp"
#include "berth/local/container_root.hpp"
#include "berth/runtime/user.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/tree_copy.hpp"
#include "commands.hpp"
#include "container_work.hpp"
#include "stack.hpp"
#include "stored_container.hpp"

namespace berth::cli {
namespace {

// One end of a copy: a root, a path in it, and what it is called in messages.
struct CopyEnd {
  int root = -1;
  std::string path;  // absolute and clean; a `/` or `/.` at its end is kept
  std::string shown;
};

// Absolute, without `.` and `..` on the way. Links are left to the kernel: `a/..` is then not always where it was.
std::string clean_path(const std::string& path, const std::string& start) {
  std::string clean = (std::filesystem::path(start) / path).lexically_normal().string();
  const bool content = path == "." || path.ends_with("/.");
  if (content) clean += clean.ends_with('/') ? "." : "/.";
  return clean;
}

bool is_content(const std::string& path) { return path.ends_with("/."); }
bool ends_as_directory(const std::string& path) { return path.ends_with('/') || is_content(path); }

std::string without_end(std::string path) {
  if (is_content(path)) path.pop_back();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

std::string last_part(const std::string& path) {
  const std::string trimmed = without_end(path);
  return trimmed.substr(trimmed.rfind('/') + 1);
}

[[noreturn]] void fail_at(const CopyEnd& end, const std::string& what) {
  throw Failure(Error::make(ErrorKind::NotFound, what + ": `" + end.shown + "`"));
}

// What lies there, links at the end followed.
sys::EntryKind kind_behind_links(const CopyEnd& end) {
  const auto followed = sys::follow_links(end.root, without_end(end.path));
  return followed ? must(sys::kind_in_root(end.root, *followed)) : sys::EntryKind::Nothing;
}

sys::EntryKind source_kind(const CopyEnd& source, bool follow) {
  const auto kind = must(sys::kind_in_root(source.root, without_end(source.path)));
  const auto behind =
      kind == sys::EntryKind::Link && (follow || ends_as_directory(source.path)) ? kind_behind_links(source) : kind;
  if (behind == sys::EntryKind::Nothing) fail_at(source, "no such file or directory");
  if (ends_as_directory(source.path) && behind != sys::EntryKind::Directory) fail_at(source, "not a directory");
  return behind;
}

// Where the source goes: docker cp's table. Its folder must exist.
std::string target_path(const CopyEnd& source, sys::EntryKind kind, const CopyEnd& destination) {
  const bool directory = kind == sys::EntryKind::Directory;
  std::string given = without_end(destination.path);
  switch (kind_behind_links(destination)) {
    case sys::EntryKind::Directory: {
      std::string there = must(sys::follow_links(destination.root, given));
      if (is_content(source.path) || last_part(source.path).empty()) return there;
      return (there == "/" ? "" : there) + "/" + last_part(source.path);
    }
    case sys::EntryKind::Nothing: {
      if (!directory && ends_as_directory(destination.path)) fail_at(destination, "no such directory");
      CopyEnd parent = destination;
      parent.path = given.substr(0, given.rfind('/') + 1);
      if (kind_behind_links(parent) != sys::EntryKind::Directory) fail_at(destination, "no folder to copy into");
      return given;
    }
    default:
      if (directory || ends_as_directory(destination.path)) fail_at(destination, "not a directory");
      return must(sys::follow_links(destination.root, given));
  }
}

void copy_between(const CopyEnd& source, const CopyEnd& destination, bool follow, const sys::CopyOptions& options) {
  const auto kind = source_kind(source, follow);
  const std::string target = target_path(source, kind, destination);
  if (kind == sys::EntryKind::Directory) {
    const auto there = must(sys::kind_in_root(destination.root, target));
    if (there != sys::EntryKind::Nothing && there != sys::EntryKind::Directory && there != sys::EntryKind::Link)
      fail_at(destination, "there is something else than a directory in");
  }
  if (kind == sys::EntryKind::Link)
    must(sys::copy_link(source.root, without_end(source.path), destination.root, target, options.owner));
  else
    must(sys::copy_tree(source.root, without_end(source.path), destination.root, target, options));
}

void write_to_stdout(const CopyEnd& source, bool follow) {
  const auto kind = source_kind(source, follow);
  std::string path = without_end(source.path);
  const std::string name = is_content(source.path) || path == "/" ? "" : last_part(path);
  if (kind != sys::EntryKind::Link) path = must(sys::follow_links(source.root, path));
  image::TarWriter tar([](std::string_view bytes) { return sys::write_all(STDOUT_FILENO, bytes, "stdout"); });
  must(image::archive_tree(source.root, path, name, tar));
}

void read_from_stdin(const CopyEnd& destination) {
  if (kind_behind_links(destination) != sys::EntryKind::Directory)
    fail_at(destination, "what comes from stdin goes into a directory, and there is none");
  const auto directory = must(sys::open_in_root(destination.root, destination.path, O_RDONLY | O_DIRECTORY));
  must(image::unpack_archive_in_place(STDIN_FILENO, directory.get()));
}

class Copy {
 public:
  explicit Copy(const App& app)
      : app_(app),
        host_root_(must(sys::open("/", O_PATH | O_DIRECTORY))),
        follow_(app.line.options.flag("follow-link")) {
    std::error_code failed;
    here_ = std::filesystem::current_path(failed).string();
    if (failed) throw Failure(Error::system(failed.value(), "find the current directory"));
  }

  void out_of(const state::StoredContainer& container, const std::string& path, const std::string& to) {
    const auto root = must(local::open_container_root(app_.paths, container, local::RootView::Read));
    const CopyEnd source = end_in(container, root.get(), path);
    if (to == "-") return write_to_stdout(source, follow_);
    sys::CopyOptions options;
    options.from_container = true;
    options.owner = sys::CopyOwner{::geteuid(), ::getegid()};  // Compat: of whoever copies
    copy_between(source, end_on_host(to), follow_, options);
  }

  void into(const state::StoredContainer& container, const std::string& from, const std::string& path) {
    const auto root = must(local::open_container_root(app_.paths, container, local::RootView::Write));
    const CopyEnd destination = end_in(container, root.get(), path);
    if (from == "-") return read_from_stdin(destination);
    sys::CopyOptions options;
    if (app_.line.options.flag("archive")) {  // Compat: all of it belongs to the container's user
      const auto user = must(runtime::resolve_user(root.get(), container.record.spec.user)).user;
      options.owner = sys::CopyOwner{user.uid, user.gid};
    }
    copy_between(end_on_host(from), destination, follow_, options);
  }

 private:
  CopyEnd end_on_host(const std::string& path) const { return {host_root_.get(), clean_path(path, here_), path}; }
  static CopyEnd end_in(const state::StoredContainer& container, int root, const std::string& path) {
    return {root, clean_path(path.empty() ? "/" : path, "/"), container.record.name + ":" + path};
  }

  const App& app_;
  sys::UniqueFd host_root_;
  std::string here_;
  bool follow_;
};

}  // namespace

// Compat: what begins with `/` or `.` is a path of the host, whatever follows.
CopyPlace parse_copy_place(const std::string& text) {
  const auto colon = text.find(':');
  if (text.starts_with('/') || text.starts_with('.') || colon == std::string::npos) return {"", text};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

int copy_out_of(const App& app, const state::StoredContainer& container, const std::string& path,
                const std::string& to) {
  Copy(app).out_of(container, path, to);
  return kOk;
}

int copy_into(const App& app, std::vector<state::StoredContainer> containers, const std::string& from,
              const std::string& path) {
  if (from == "-") containers.resize(1);  // a stream is read once
  Copy copy(app);
  for (const auto& container : containers) copy.into(container, from, path);
  return kOk;
}

int run_cp(const App& app) {
  refuse_flags(app.line.globals, {"dry-run"});
  const CopyPlace from = parse_copy_place(app.line.operands[0]), to = parse_copy_place(app.line.operands[1]);
  if (!from.container.empty() && !to.container.empty())
    throw Failure(Error::make(ErrorKind::Unsupported, "copying between services is not possible")
                      .with_hint("`cp A:PATH - | ... cp - B:PATH` does it"));
  if (from.container.empty() && to.container.empty())
    throw Failure(Error::make(ErrorKind::Invalid, "neither of the two is in a service")
                      .with_hint("SERVICE:PATH names what is in one"));
  const ProjectName project = project_name(app);
  const long index = app.line.options.number("index").value_or(0);
  auto containers = containers_of_service(app, project, from.container.empty() ? to.container : from.container, index,
                                          app.line.options.flag("all"));
  return to.container.empty() ? copy_out_of(app, containers.front(), from.path, to.path)
                              : copy_into(app, std::move(containers), from.path, to.path);
}

}  // namespace berth::cli
