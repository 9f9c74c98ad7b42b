#include "berth/sys/cgroup.hpp"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "berth/sys/file.hpp"
#include "berth/sys/pidfd.hpp"

namespace berth::sys {

namespace {

const char* const kAlwaysOnV1[] = {"memory", "pids", "freezer", "devices", "cpuacct"};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

// Mount points may hold spaces as \040; cgroup mounts never do in practice, and a path with a backslash is left out.
CgroupLayout read_layout() {
  CgroupLayout layout;
  auto mounts = read_file("/proc/self/mountinfo");
  if (!mounts) return layout;
  std::map<std::string, std::string> v1;
  for (const auto& line : split(*mounts, '\n')) {
    const auto dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const auto before = split(line.substr(0, dash), ' ');
    const auto after = split(line.substr(dash + 3), ' ');
    if (before.size() < 5 || after.size() < 3 || before[4].find('\\') != std::string::npos) continue;
    if (after[0] == "cgroup2" && layout.unified.empty()) layout.unified = before[4];
    if (after[0] != "cgroup") continue;
    for (const auto& option : split(after[2], ','))
      if (option != "rw" && option != "ro" && option.find('=') == std::string::npos) v1.emplace(option, before[4]);
  }
  if (!layout.unified.empty()) {
    auto available = read_file(layout.unified + "/cgroup.controllers");
    if (available)
      for (const auto& name : split(available->substr(0, available->find('\n')), ' '))
        layout.controllers[name] = layout.unified;
  }
  // Hybrid: v2 is mounted but v1 has the controllers.
  layout.version = v1.empty() ? CgroupVersion::V2 : CgroupVersion::V1;
  if (layout.version == CgroupVersion::V1) layout.controllers = v1;
  return layout;
}

Result<void> make_one(const std::string& path) {
  if (mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return {};
  return Error::system(errno, "make the control group", path);
}

// The parent's values, where the group has none yet: a v1 cpuset is born empty and takes no process.
Result<void> inherit_cpuset(const std::string& parent, const std::string& path) {
  for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
    auto own = read_file(path + file);
    if (!own) return own.error();
    if (own->find_first_not_of("\n ") != std::string::npos) continue;
    auto above = read_file(parent + file);
    if (!above) return above.error();
    BERTH_TRY(write_value(path + file, *above));
  }
  return {};
}

Result<void> make_v1(const std::string& controller, const std::string& mount_point, const std::string& name) {
  std::string path = mount_point;
  for (const auto& part : split(name, '/')) {
    const std::string parent = path;
    path += "/" + part;
    BERTH_TRY(make_one(path));
    if (controller == "cpuset") BERTH_TRY(inherit_cpuset(parent, path));
  }
  return {};
}

// Every parent must hand the controllers down before the child is made; a group that holds processes cannot (EBUSY),
// and the controller is then left out, which has() tells.
Result<void> make_v2(const std::string& root, const std::string& name, const std::vector<std::string>& controllers) {
  std::string path = root;
  for (const auto& part : split(name, '/')) {
    auto enabled = read_file(path + "/cgroup.subtree_control");
    if (!enabled) return enabled.error();
    const auto have = split(*enabled, ' ');
    for (const auto& controller : controllers) {
      const bool on = std::any_of(have.begin(), have.end(), [&](std::string h) {
        h.erase(h.find_last_not_of('\n') + 1);
        return h == controller;
      });
      if (on || !cgroup_layout().has(controller)) continue;
      if (auto done = write_value(path + "/cgroup.subtree_control", "+" + controller);
          !done && done.error().errno_value() != EBUSY && done.error().errno_value() != EINVAL &&
          done.error().errno_value() != ENOENT)
        return done.error();
    }
    path += "/" + part;
    BERTH_TRY(make_one(path));
  }
  return {};
}

// The last stack to go takes the parents along, also while another one is making its first group below them: then the
// parents are made again.
template <class Make>
Result<void> while_parents_vanish(const Make& make) {
  constexpr int kTries = 100;
  for (int left = kTries;; --left) {
    auto made = make();
    if (made || made.error().errno_value() != ENOENT || left == 0) return made;
  }
}

// Each before those below it.
std::vector<std::string> with_groups_below(const std::string& top) {
  std::vector<std::string> groups{top};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const std::string group = groups[i];
    DIR* directory = opendir(group.c_str());
    if (!directory) continue;
    while (const dirent* entry = readdir(directory))
      if (entry->d_type == DT_DIR && entry->d_name[0] != '.') groups.push_back(group + "/" + entry->d_name);
    closedir(directory);
  }
  return groups;
}

}  // namespace

const CgroupLayout& cgroup_layout() {
  static const CgroupLayout layout = read_layout();
  return layout;
}

Result<CgroupSet> CgroupSet::create(const std::string& name, const std::vector<std::string>& controllers) {
  const auto& layout = cgroup_layout();
  CgroupSet set;
  set.name_ = name;
  if (layout.version == CgroupVersion::V2) {
    if (layout.unified.empty()) return Error::make(ErrorKind::Unsupported, "no control group file system is mounted");
    std::vector<std::string> all = controllers;
    for (const char* always : {"memory", "pids", "cpu", "io"}) all.push_back(always);
    BERTH_TRY(while_parents_vanish([&] { return make_v2(layout.unified, name, all); }));
    set.directories_[""] = layout.unified + "/" + name;
    return set;
  }
  std::vector<std::string> wanted = controllers;
  wanted.insert(wanted.end(), std::begin(kAlwaysOnV1), std::end(kAlwaysOnV1));
  std::map<std::string, std::string> made;  // mount point -> controller: cpu and cpuacct share one
  for (const auto& controller : wanted) {
    const auto at = layout.controllers.find(controller);
    if (at == layout.controllers.end() || set.directories_.count(controller)) continue;
    if (!made.count(at->second)) BERTH_TRY(while_parents_vanish([&] { return make_v1(controller, at->second, name); }));
    made[at->second] = controller;
    set.directories_[controller] = at->second + "/" + name;
  }
  return set;
}

CgroupSet CgroupSet::find(const std::string& name) {
  const auto& layout = cgroup_layout();
  CgroupSet set;
  set.name_ = name;
  if (layout.version == CgroupVersion::V2) {
    if (exists(layout.unified + "/" + name)) set.directories_[""] = layout.unified + "/" + name;
    return set;
  }
  for (const auto& [controller, mount_point] : layout.controllers)
    if (exists(mount_point + "/" + name)) set.directories_[controller] = mount_point + "/" + name;
  return set;
}

std::string CgroupSet::directory(const std::string& controller) const {
  auto at = directories_.find("");
  if (at == directories_.end()) at = directories_.find(controller);
  return at == directories_.end() ? std::string() : at->second;
}

bool CgroupSet::has(const std::string& controller) const {
  const std::string path = directory(controller);
  if (path.empty()) return false;
  if (cgroup_layout().version == CgroupVersion::V1) return true;
  auto enabled = read_file(path + "/cgroup.controllers");
  if (!enabled) return false;
  const auto names = split(enabled->substr(0, enabled->find('\n')), ' ');
  return std::find(names.begin(), names.end(), controller) != names.end();
}

Result<void> CgroupSet::write(const std::string& controller, const std::string& file, const std::string& value) const {
  const std::string path = directory(controller);
  if (path.empty())
    return Error::make(ErrorKind::Unsupported, "the kernel has no control group controller `" + controller + "`");
  return write_value(path + "/" + file, value);
}

Result<std::string> CgroupSet::read(const std::string& controller, const std::string& file) const {
  const std::string path = directory(controller);
  if (path.empty())
    return Error::make(ErrorKind::Unsupported, "the kernel has no control group controller `" + controller + "`");
  return read_file(path + "/" + file);
}

Result<std::vector<UniqueFd>> CgroupSet::open_procs() const {
  std::vector<UniqueFd> files;
  std::vector<std::string> seen;
  for (const auto& [controller, path] : directories_) {
    if (std::find(seen.begin(), seen.end(), path) != seen.end()) continue;
    seen.push_back(path);
    auto file = open(path + "/cgroup.procs", O_WRONLY);
    if (!file) return file.error();
    files.push_back(std::move(*file));
  }
  return files;
}

Result<void> CgroupSet::add(int pid) const {
  for (const auto& [controller, path] : directories_)
    BERTH_TRY(write_value(path + "/cgroup.procs", std::to_string(pid)));
  return {};
}

Result<CgroupSet> CgroupSet::with_subgroup(const std::string& child) const {
  CgroupSet set = *this;
  for (const char* controller : {"", "pids", "freezer"}) {
    const auto at = set.directories_.find(controller);
    if (at == set.directories_.end()) continue;
    at->second += "/" + child;
    BERTH_TRY(make_one(at->second));
    return set;
  }
  return Error::make(ErrorKind::Unsupported,
                     "the kernel has neither of the control group controllers pids and freezer");
}

std::vector<int> CgroupSet::processes() const {
  std::vector<int> pids;
  for (const auto& [controller, path] : directories_)
    for (const auto& group : with_groups_below(path)) {
      auto text = read_file(group + "/cgroup.procs");
      if (!text) continue;
      for (const auto& line : split(*text, '\n')) pids.push_back(std::atoi(line.c_str()));
    }
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

Result<void> CgroupSet::freeze() const {
  return cgroup_layout().version == CgroupVersion::V2 ? write("", "cgroup.freeze", "1")
                                                      : write("freezer", "freezer.state", "FROZEN");
}

Result<void> CgroupSet::thaw() const {
  return cgroup_layout().version == CgroupVersion::V2 ? write("", "cgroup.freeze", "0")
                                                      : write("freezer", "freezer.state", "THAWED");
}

bool CgroupSet::is_frozen() const {
  if (cgroup_layout().version == CgroupVersion::V2) {
    auto events = read("", "cgroup.events");
    return events && events->find("frozen 1") != std::string::npos;
  }
  auto state = read("freezer", "freezer.state");
  return state && state->rfind("FROZEN", 0) == 0;
}

Result<void> CgroupSet::kill() const {
  if (cgroup_layout().version == CgroupVersion::V2 && write("", "cgroup.kill", "1")) return {};
  // A process may fork while we read the list: until a reading finds nobody that is not a zombie of ours.
  for (int round = 0; round < 16; ++round) {
    const auto pids = processes();
    if (pids.empty()) return {};
    for (int pid : pids)
      if (::kill(pid, SIGKILL) != 0 && errno != ESRCH) return Error::system(errno, "kill process", std::to_string(pid));
  }
  return {};
}

Result<void> CgroupSet::remove_if_empty() const {
  for (const auto& [controller, path] : directories_)
    if (rmdir(path.c_str()) != 0 && errno != ENOENT) return Error::system(errno, "remove the control group", path);
  return {};
}

bool CgroupSet::await_end(std::chrono::milliseconds limit) const {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (const int pid : processes()) {
    const auto process = open_pidfd(pid);
    if (!process) continue;  // it has ended
    pollfd ended = {process->get(), POLLIN, 0};
    int ready;
    do {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      ready = ::poll(&ended, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
    } while (ready < 0 && errno == EINTR);
    if (ready <= 0) return false;
  }
  return true;
}

Result<void> CgroupSet::remove() const {
  Result<void> verdict;
  for (const auto& [controller, path] : directories_) {
    const auto groups = with_groups_below(path);
    for (auto group = groups.rbegin(); group != groups.rend(); ++group)
      if (rmdir(group->c_str()) != 0 && errno != ENOENT && verdict)
        verdict = Error::system(errno, "remove the control group", *group);
  }
  return verdict;
}

void leave_callers_cgroups(int pid, const std::string& name) {
  const auto& layout = cgroup_layout();
  if (layout.version == CgroupVersion::V2) {
    if (layout.unified.empty() || !make_v2(layout.unified, name, {})) return;
    (void)write_value(layout.unified + "/" + name + "/cgroup.procs", std::to_string(pid));
    return;
  }
  // The named hierarchy of systemd is not in `controllers`; its mount point is beside theirs.
  std::vector<std::string> roots;
  for (const auto& [controller, mount_point] : layout.controllers) roots.push_back(mount_point);
  if (exists("/sys/fs/cgroup/systemd/cgroup.procs")) roots.push_back("/sys/fs/cgroup/systemd");
  if (!layout.unified.empty()) roots.push_back(layout.unified);
  // A move waits for RCU (13 ms), even from the root to the root.
  const auto at_root = read_file("/proc/" + std::to_string(pid) + "/cgroup");
  const bool inside = !at_root || std::ranges::any_of(split(*at_root, '\n'), [](const std::string& line) {
    return !line.empty() && !line.ends_with(":/");
  });
  if (!inside) return;
  for (const auto& root : roots) (void)write_value(root + "/cgroup.procs", std::to_string(pid));
}

}  // namespace berth::sys
