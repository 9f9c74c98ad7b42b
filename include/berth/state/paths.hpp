// Where everything lives on disk (design: src/decisions/state-layout.md). Strings only, no disk, but for open_roots.
//
//   ROOT/projects/<p>/{project.json, intent.json, containers/<id>/{config.json, state.json}}
//   ROOT/{networks, volumes, images, bin, tmp, trash}   ROOT/global/{lock, names.json, ipam.json, ports.json}
//   RUN/<p>/{lock, keeper.lock, control.sock, exits/, pins/, stage/, commit/, pipes/, containers/<id>.json}
#pragma once

#include <string>

#include "berth/base/error.hpp"
#include "berth/base/ids.hpp"

namespace berth::state {

struct Paths {
  std::string root;
  std::string run_root;

  std::string project(const ProjectName& p) const { return root + "/projects/" + p.value; }
  std::string project_file(const ProjectName& p) const { return project(p) + "/project.json"; }
  std::string intent_file(const ProjectName& p) const { return project(p) + "/intent.json"; }
  std::string containers(const ProjectName& p) const { return project(p) + "/containers"; }
  std::string container(const ProjectName& p, const ContainerId& id) const { return containers(p) + "/" + id.value; }
  std::string global(const std::string& file) const { return root + "/global/" + file; }
  std::string below_root(const std::string& name) const {
    return root + "/" + name;
  }  // bin, tmp, trash, volumes, images

  std::string run(const ProjectName& p) const { return run_root + "/" + p.value; }
  std::string lock(const ProjectName& p) const { return run(p) + "/lock"; }
  std::string keeper_lock(const ProjectName& p) const { return run(p) + "/keeper.lock"; }
  std::string control_socket(const ProjectName& p) const { return run(p) + "/control.sock"; }
  std::string run_records(const ProjectName& p) const { return run(p) + "/containers"; }
  std::string run_record(const ProjectName& p, const ContainerId& id) const {
    return run_records(p) + "/" + id.value + ".json";
  }
  std::string exit_record(const ProjectName& p, const ContainerId& id) const { return run(p) + "/exits/" + id.value; }
  std::string pins(const ProjectName& p) const { return run(p) + "/pins"; }
  std::string pin(const ProjectName& p, const ContainerId& id) const { return pins(p) + "/" + id.value; }

  bool operator==(const Paths&) const = default;
};

// Control groups, as sys::CgroupSet names them.
inline std::string stack_cgroup(const ProjectName& p) { return "berth/" + p.value; }
inline std::string keeper_cgroup(const ProjectName& p) { return stack_cgroup(p) + "/keeper"; }
inline std::string container_cgroup(const ProjectName& p, const ContainerId& id) {
  return stack_cgroup(p) + "/" + short_id(id);
}

// --root / BERTH_ROOT and --run-root / BERTH_RUN_ROOT, else /var/lib/berth and /run/berth. Empty arguments: not given.
Paths choose_paths(const std::string& root, const std::string& run_root);

// Creates both roots (0700) and what is common below them. Refuses a root that others can enter or that is not ours. A
// run root on anything but a tmpfs (not every /run is one) gets a size-limited tmpfs, under the global lock.
Result<void> open_roots(const Paths& paths);

// A project's directories, on disk and in the run root.
Result<void> make_project_directories(const Paths& paths, const ProjectName& project);

// Names become directory names: [a-z0-9][a-z0-9_-]*, or "_" for containers without a project.
bool is_project_name(const std::string& name);
bool is_container_id(const std::string& id);  // 64 lower-case hex digits

}  // namespace berth::state
