// The container's root file system and everything mounted in it.
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <sstream>

#include "berth/sys/file.hpp"
#include "berth/sys/mount.hpp"
#include "plan_parts.hpp"

#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#endif
#ifndef MOVE_MOUNT_T_EMPTY_PATH
#define MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#endif

namespace berth::runtime {

namespace {

constexpr std::size_t kOptionLimit = 4000;  // mount(2) takes one page
constexpr int kLowerFdBase = 600;           // where lower directories are opened when their paths do not fit

std::string quoted(std::string_view text) { return "`" + std::string(text) + "`"; }

// overlayfs splits at ':' and ','.
std::string overlay_escaped(const std::string& path) {
  std::string escaped;
  for (char c : path) {
    if (c == ':' || c == ',' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string overlay_options(const oci::Overlay& overlay, const std::vector<std::string>& lower) {
  std::string options = "lowerdir=";
  for (std::size_t i = 0; i < lower.size(); ++i) options += (i ? ":" : "") + lower[i];
  if (!overlay.upper.empty())
    options += ",upperdir=" + overlay_escaped(overlay.upper) + ",workdir=" + overlay_escaped(overlay.work);
  return options;
}

void add_overlay(PlanBuilder& plan, const oci::Root& root) {
  const oci::Overlay& overlay = *root.overlay;
  std::vector<std::string> lower;
  for (const auto& path : overlay.lower) lower.push_back(overlay_escaped(path));
  std::string options = overlay_options(overlay, lower);
  if (options.size() > kOptionLimit) {
    // Short names for many layers: descriptors at numbers known beforehand.
    lower.clear();
    int number = kLowerFdBase;
    for (const auto& path : overlay.lower) {
      const int slot = plan.save(
          plan.op("open layer " + quoted(path), SYS_openat, {AT_FDCWD, plan.text(path), O_PATH | O_CLOEXEC, 0}));
      plan.op("open layer " + quoted(path), SYS_dup3, {Argument::slot(slot), number, O_CLOEXEC});
      plan.op("open layer " + quoted(path), SYS_close, {Argument::slot(slot)});
      lower.push_back("/proc/self/fd/" + std::to_string(number++));
    }
    options = overlay_options(overlay, lower);
  }
  plan.op("mount the root file system", SYS_mount,
          {plan.text("overlay"), plan.text(root.path), plan.text("overlay"), 0, plan.text(options)});
}

struct Sysctl {
  std::string name, value;
};

// On a /proc that is a moment old and that nobody else can reach: the path cannot have been replaced.
void add_sysctl(PlanBuilder& plan, const Sysctl& sysctl) {
  std::string path = "/proc/sys/" + sysctl.name;
  std::replace(path.begin(), path.end(), '.', '/');
  const std::string label = "set sysctl " + quoted(sysctl.name);
  open_how how{};
  how.flags = O_WRONLY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  const int slot = plan.save(plan.op(label, SYS_openat2, {AT_FDCWD, plan.text(path), plan.value(how), sizeof how}));
  plan.op(label, SYS_write, {Argument::slot(slot), plan.text(sysctl.value), sysctl.value.size()});
  plan.op(label, SYS_close, {Argument::slot(slot)});
}

void add_directories(PlanBuilder& plan, const std::string& path, bool last_too) {
  for (std::size_t at = 1; at != std::string::npos && at < path.size();) {
    const auto next = path.find('/', at);
    if (next == std::string::npos && !last_too) return;
    const std::string prefix = path.substr(0, next);
    plan.op("make the mount point " + quoted(path), SYS_mkdirat, {AT_FDCWD, plan.text(prefix), 0755}).tolerate[0] =
        EEXIST;
    at = next == std::string::npos ? next : next + 1;
  }
}

bool below(const std::string& path, std::string_view directory) {
  return path.size() > directory.size() && path.compare(0, directory.size(), directory) == 0 &&
         path[directory.size()] == '/';
}

// A bind, prepared in our own mount namespace as a detached tree; the child only attaches it. The target is resolved
// inside of the new root without magic links, then used by descriptor.
Result<void> add_bind(PlanBuilder& plan, const oci::Mount& mount) {
  const MountOptions options = parse_mount_options(mount.options);
  sys::TreeAttributes attributes;
  attributes.recursive = options.recursive;
  attributes.read_only = (options.flags & MS_RDONLY) != 0;
  attributes.no_suid = (options.flags & MS_NOSUID) != 0;
  attributes.no_dev = (options.flags & MS_NODEV) != 0;
  attributes.no_exec = (options.flags & MS_NOEXEC) != 0;
  attributes.propagation = options.propagation;
  struct stat info {};
  const int looked = mount.source_fd >= 0 ? fstat(mount.source_fd, &info) : stat(mount.source.c_str(), &info);
  const std::string what = mount.source.empty() ? mount.destination : mount.source;
  if (looked != 0)
    return Error::system(errno, "bind mount", what).while_doing("mounting it on `" + mount.destination + "`");
  auto tree = sys::clone_tree(mount.source_fd >= 0 ? mount.source_fd : AT_FDCWD,
                              mount.source_fd >= 0 ? "" : mount.source, attributes);
  if (!tree) return tree.error().while_doing("mounting it on `" + mount.destination + "`");
  const int source = plan.own(std::move(*tree));

  const std::string label = "mount " + quoted(what) + " on " + quoted(mount.destination);
  const bool directory = S_ISDIR(info.st_mode);
  if (!below(mount.destination, "/proc") && !below(mount.destination, "/sys")) {
    add_directories(plan, mount.destination, directory);
    if (!directory)
      plan.op(label, SYS_mknodat, {AT_FDCWD, plan.text(mount.destination), S_IFREG | 0644, 0}).tolerate[0] = EEXIST;
  }
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC | (directory ? O_DIRECTORY : 0);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const int root = plan.save(plan.op(label, SYS_openat, {AT_FDCWD, plan.text("/"), O_PATH | O_CLOEXEC, 0}));
  const int target = plan.save(
      plan.op(label, SYS_openat2, {Argument::slot(root), plan.text(mount.destination), plan.value(how), sizeof how}));
  if (directory) plan.hint(ENOTDIR, "the source is a directory, but the image has a file there");
  plan.op(label, SYS_move_mount,
          {Argument::slot(source), plan.text(""), Argument::slot(target), plan.text(""),
           MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH});
  if (!directory) plan.hint(EINVAL, "the source is a file, but the image has a directory there");
  plan.op(label, SYS_close, {Argument::slot(target)});
  plan.op(label, SYS_close, {Argument::slot(root)});
  return {};
}

// A detached tree, on a path of file systems that nobody else can touch yet.
void add_tree(PlanBuilder& plan, int tree, const std::string& path) {
  const std::string label = "mount the joined container's " + quoted(path);
  add_directories(plan, path, true);
  plan.op(label, SYS_move_mount,
          {Argument::slot(tree), plan.text(""), AT_FDCWD, plan.text(path), MOVE_MOUNT_F_EMPTY_PATH});
}

void add_file_system(PlanBuilder& plan, const oci::Mount& mount) {
  const MountOptions options = parse_mount_options(mount.options);
  const std::string label = "mount " + mount.type + " on " + quoted(mount.destination);
  add_directories(plan, mount.destination, true);
  const std::string source = mount.source.empty() ? mount.type : mount.source;
  plan.op(label, SYS_mount,
          {plan.text(source), plan.text(mount.destination), plan.text(mount.type), options.flags,
           options.data.empty() ? Argument(0) : plan.text(options.data)});
}

struct Node {
  const char* name;
  std::uint32_t major, minor;
};
constexpr Node kNodes[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
                           {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};
constexpr const char* kLinks[][2] = {{"/proc/self/fd", "/dev/fd"},       {"/proc/self/fd/0", "/dev/stdin"},
                                     {"/proc/self/fd/1", "/dev/stdout"}, {"/proc/self/fd/2", "/dev/stderr"},
                                     {"/proc/kcore", "/dev/core"},       {"pts/ptmx", "/dev/ptmx"}};

void add_nodes(PlanBuilder& plan, const oci::RuntimeSpec& spec) {
  plan.op("make devices", SYS_umask, {0});
  for (const Node& node : kNodes)
    plan.op("make the device `/dev/" + std::string(node.name) + "`", SYS_mknodat,
            {AT_FDCWD, plan.text("/dev/" + std::string(node.name)), S_IFCHR | 0666, makedev(node.major, node.minor)});
  for (const auto& device : spec.devices) {
    const std::string label = "make the device " + quoted(device.path);
    add_directories(plan, device.path, false);
    const mode_t type = device.type == 'b' ? S_IFBLK : device.type == 'p' ? S_IFIFO : S_IFCHR;
    plan.op(label, SYS_mknodat,
            {AT_FDCWD, plan.text(device.path), type | device.mode, makedev(device.major, device.minor)})
        .tolerate[0] = EEXIST;
    if (device.uid || device.gid)
      plan.op(label, SYS_fchownat, {AT_FDCWD, plan.text(device.path), device.uid, device.gid, AT_SYMLINK_NOFOLLOW});
  }
  plan.op("make devices", SYS_umask, {022});
  for (const auto& link : kLinks)
    plan.op("make the link " + quoted(link[1]), SYS_symlinkat, {plan.text(link[0]), AT_FDCWD, plan.text(link[1])})
        .tolerate[0] = EEXIST;
}

// Docker's masks. Which of the kernel's paths exist is the same in every /proc and /sys, so it is asked here; each op
// then must succeed. Files are covered by the /dev/null made a moment ago on a tmpfs that nobody else has; directories
// by one tmpfs.
void add_masks(PlanBuilder& plan, const std::vector<std::string>& paths) {
  std::string first_directory;
  for (const auto& path : paths) {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) continue;
    const std::string label = "mask " + quoted(path);
    if (!S_ISDIR(info.st_mode)) {
      plan.op(label, SYS_mount, {plan.text("/dev/null"), plan.text(path), 0, MS_BIND, 0});
    } else if (first_directory.empty()) {
      first_directory = path;
      plan.op(label, SYS_mount,
              {plan.text("tmpfs"), plan.text(path), plan.text("tmpfs"), MS_RDONLY, plan.text("size=0,nr_inodes=1")});
    } else {
      plan.op(label, SYS_mount, {plan.text(first_directory), plan.text(path), 0, MS_BIND, 0});
    }
  }
}

void add_readonly_paths(PlanBuilder& plan, const std::vector<std::string>& paths) {
  constexpr auto kKept = MS_NOSUID | MS_NODEV | MS_NOEXEC;  // a remount forgets what it does not name
  for (const auto& path : paths) {
    if (!sys::exists(path)) continue;
    const std::string label = "make " + quoted(path) + " read-only";
    plan.op(label, SYS_mount, {plan.text(path), plan.text(path), 0, MS_BIND | MS_REC, 0});
    plan.op(label, SYS_mount, {0, plan.text(path), 0, MS_BIND | MS_REMOUNT | MS_RDONLY | kKept, 0});
  }
}

// After the process has joined its groups and left their upper part (CLONE_NEWCGROUP): the mount shows the group as
// "/".
void add_cgroup_view(PlanBuilder& plan, const oci::Mount& mount, const sys::CgroupSet* cgroup) {
  const MountOptions options = parse_mount_options(mount.options);
  const auto& layout = sys::cgroup_layout();
  add_directories(plan, mount.destination, true);
  const std::string label = "mount the control groups";
  if (layout.version == sys::CgroupVersion::V2) {
    plan.op(label, SYS_mount,
            {plan.text("cgroup"), plan.text(mount.destination), plan.text("cgroup2"), options.flags, 0});
    return;
  }
  const auto writable = options.flags & ~static_cast<unsigned long>(MS_RDONLY);
  plan.op(label, SYS_mount,
          {plan.text("tmpfs"), plan.text(mount.destination), plan.text("tmpfs"), writable, plan.text("mode=755")});
  std::vector<std::string> seen;
  if (cgroup) {
    for (const auto& [controller, directory] : cgroup->directories()) {
      const std::string& point = layout.controllers.at(controller);
      if (std::find(seen.begin(), seen.end(), point) != seen.end()) continue;  // cpu,cpuacct are one hierarchy
      seen.push_back(point);
      // A hierarchy is mounted by all of its controllers; one of them only would be EBUSY.
      std::string together;
      for (const auto& [name, where] : layout.controllers)
        if (where == point) together += (together.empty() ? "" : ",") + name;
      const std::string path = mount.destination + point.substr(point.rfind('/'));
      plan.op(label, SYS_mkdirat, {AT_FDCWD, plan.text(path), 0755});
      plan.op(label, SYS_mount,
              {plan.text("cgroup"), plan.text(path), plan.text("cgroup"), options.flags, plan.text(together)});
    }
  }
  plan.op(label, SYS_mount, {0, plan.text(mount.destination), 0, MS_REMOUNT | MS_BIND | options.flags, 0});
}

bool is_default_kind(const oci::Mount& mount) {
  return mount.type != "bind" && mount.type != "cgroup" &&
         (mount.type != "tmpfs" || mount.destination == "/dev" || below(mount.destination, "/dev"));
}

}  // namespace

MountOptions parse_mount_options(const std::vector<std::string>& options) {
  struct Flag {
    const char* name;
    unsigned long set, clear;
  };
  static constexpr Flag kFlags[] = {{"ro", MS_RDONLY, 0},
                                    {"rw", 0, MS_RDONLY},
                                    {"nosuid", MS_NOSUID, 0},
                                    {"suid", 0, MS_NOSUID},
                                    {"nodev", MS_NODEV, 0},
                                    {"dev", 0, MS_NODEV},
                                    {"noexec", MS_NOEXEC, 0},
                                    {"exec", 0, MS_NOEXEC},
                                    {"sync", MS_SYNCHRONOUS, 0},
                                    {"async", 0, MS_SYNCHRONOUS},
                                    {"noatime", MS_NOATIME, 0},
                                    {"relatime", MS_RELATIME, 0},
                                    {"strictatime", MS_STRICTATIME, 0},
                                    {"nodiratime", MS_NODIRATIME, 0},
                                    {"dirsync", MS_DIRSYNC, 0},
                                    {"defaults", 0, 0}};
  MountOptions parsed;
  for (const auto& option : options) {
    const auto flag =
        std::find_if(std::begin(kFlags), std::end(kFlags), [&](const Flag& f) { return option == f.name; });
    if (flag != std::end(kFlags)) {
      parsed.flags = (parsed.flags & ~flag->clear) | flag->set;
    } else if (option == "private" || option == "rprivate") {
      parsed.propagation = MS_PRIVATE;
    } else if (option == "slave" || option == "rslave") {
      parsed.propagation = MS_SLAVE;
    } else if (option == "shared" || option == "rshared") {
      parsed.propagation = MS_SHARED;
    } else if (option == "bind" || option == "rbind") {
      parsed.recursive = option == "rbind";
    } else if (!option.empty() && option != "z" && option != "Z") {
      parsed.data += (parsed.data.empty() ? "" : ",") + option;
    }
  }
  return parsed;
}

Result<void> add_root(PlanBuilder& plan, const oci::RuntimeSpec& spec) {
  // Nothing we mount may show up on the host; what the host mounts later may be wanted by an rslave or rshared bind.
  const bool follow = std::any_of(spec.mounts.begin(), spec.mounts.end(), [](const oci::Mount& mount) {
    const auto propagation = parse_mount_options(mount.options).propagation;
    return propagation == MS_SLAVE || propagation == MS_SHARED;
  });
  plan.op("leave the host's mounts", SYS_mount, {0, plan.text("/"), 0, MS_REC | (follow ? MS_SLAVE : MS_PRIVATE), 0});
  const oci::Root& root = spec.root;
  if (root.path.empty() || root.path[0] != '/')
    return Error::make(ErrorKind::Invalid, "the root path must be absolute: `" + root.path + "`");
  if (root.overlay) {
    if (root.overlay->lower.empty()) return Error::make(ErrorKind::Invalid, "an overlay root needs a lower directory");
    add_overlay(plan, root);
  } else {
    plan.op("mount the root file system", SYS_mount,
            {plan.text(root.path), plan.text(root.path), 0, MS_BIND | MS_REC, 0});
  }
  plan.op("enter the root file system", SYS_chdir, {plan.text(root.path)});
  plan.op("enter the root file system", SYS_pivot_root, {plan.text("."), plan.text(".")});
  plan.op("leave the host's root", SYS_umount2, {plan.text("."), MNT_DETACH});
  plan.op("enter the root file system", SYS_chdir, {plan.text("/")});
  return {};
}

Result<void> add_mounts(PlanBuilder& plan, const oci::RuntimeSpec& spec, const sys::CgroupSet* cgroup,
                        const JoinedMounts& joined) {
  bool own_dev = false, own_proc = false;
  for (const auto& mount : spec.mounts) {
    own_dev |= mount.destination == "/dev" && mount.type == "tmpfs";
    own_proc |= mount.destination == "/proc" && mount.type == "proc";
    if (mount.destination.empty() || mount.destination[0] != '/')
      return Error::make(ErrorKind::Invalid, "a mount's target must be an absolute path: `" + mount.destination + "`");
    if (below(mount.destination, "/proc") && mount.type != "bind")
      return Error::make(ErrorKind::Invalid,
                         "cannot mount on `" + mount.destination + "`: /proc belongs to the kernel");
  }
  if (!spec.masked_paths.empty() && !(own_dev && own_proc))
    return Error::make(ErrorKind::Invalid, "masked paths need a new /proc and a tmpfs on /dev");
  // A symbolic link in the image must not send these somewhere else: openat2 says ELOOP.
  open_how plain{};
  plain.flags = O_PATH | O_CLOEXEC | O_DIRECTORY;
  plain.resolve = RESOLVE_NO_SYMLINKS;
  for (const char* path : {"/proc", "/sys", "/dev"}) {
    plan.op("make " + quoted(path), SYS_mkdirat, {AT_FDCWD, plan.text(path), 0755}).tolerate[0] = EEXIST;
    const std::string label = "check that " + quoted(path) + " is a directory";
    const int slot =
        plan.save(plan.op(label, SYS_openat2, {AT_FDCWD, plan.text(path), plan.value(plain), sizeof plain}));
    plan.op(label, SYS_close, {Argument::slot(slot)});
  }
  for (const auto& mount : spec.mounts)
    if (is_default_kind(mount)) {
      const int tree = mount.destination == "/proc" ? joined.proc : mount.destination == "/dev/shm" ? joined.shm : -1;
      if (tree >= 0)
        add_tree(plan, tree, mount.destination);
      else
        add_file_system(plan, mount);
    }
  if (own_dev) add_nodes(plan, spec);
  for (const auto& [name, value] : spec.sysctl) add_sysctl(plan, {name, value});
  add_masks(plan, spec.masked_paths);
  add_readonly_paths(plan, spec.readonly_paths);
  // As docker: by depth, so that /a is there before /a/b.
  std::vector<oci::Mount> users;
  for (const auto& mount : spec.mounts)
    if (!is_default_kind(mount) && mount.type != "cgroup") users.push_back(mount);
  std::stable_sort(users.begin(), users.end(), [](const oci::Mount& a, const oci::Mount& b) {
    const auto depth = [](const std::string& path) { return std::count(path.begin(), path.end(), '/'); };
    return depth(a.destination) < depth(b.destination);
  });
  for (const auto& mount : users) {
    if (mount.type == "bind")
      BERTH_TRY(add_bind(plan, mount));
    else
      add_file_system(plan, mount);
  }
  if (cgroup) {
    auto procs = cgroup->open_procs();
    if (!procs) return procs.error();
    for (auto& file : *procs) {
      const int slot = plan.own(std::move(file));
      plan.op("join the control group", SYS_write, {Argument::slot(slot), plan.text("0"), 1});
    }
  }
  // Only now: the new namespace takes the groups we are in as its root.
  if (spec.namespaces.cgroup.mode == oci::NamespaceMode::New)
    plan.op("make a cgroup namespace", SYS_unshare, {CLONE_NEWCGROUP});
  for (const auto& mount : spec.mounts)
    if (mount.type == "cgroup") add_cgroup_view(plan, mount, cgroup);
  if (spec.root.readonly)
    plan.op("make the root read-only", SYS_mount, {0, plan.text("/"), 0, MS_BIND | MS_REMOUNT | MS_RDONLY, 0});
  return {};
}

}  // namespace berth::runtime
