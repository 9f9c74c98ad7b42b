#include "berth/local/container_root.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>

#include "berth/image/store.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/mount.hpp"
#include "berth/sys/overlay.hpp"
#include "berth/volume/store.hpp"

namespace berth::local {
namespace {

// Nothing that is mounted from here on is seen by others.
Result<void> leave_mount_namespace() {
  if (::unshare(CLONE_NEWNS) < 0) return Error::system(errno, "unshare", "mount namespace");
  return sys::mount("", "/", "", MS_REC | MS_PRIVATE);
}

Result<sys::UniqueFd> open_layers(const state::Paths& paths, const state::ContainerRecord& record, bool writable) {
  auto images = image::ImageStore::open(paths.root);
  if (!images) return images.error();
  auto lower = images->lower_directories(record.spec.image_digest);
  if (!lower) return lower.error();
  const std::string directory = paths.container(record.spec.project, record.id);
  if (writable) return sys::open_overlay(*lower, directory + "/upper", directory + "/work");
  lower->insert(lower->begin(), directory + "/upper");
  return sys::open_overlay(*lower, "", directory + "/view");
}

// Host paths of what is mounted into it; empty: nothing that is there without the container.
Result<std::string> mount_source(volume::VolumeStore& volumes, const state::ContainerRecord& record,
                                 const engine::ContainerMount& mount) {
  if (mount.type == model::MountType::Bind) return mount.source;
  if (mount.type != model::MountType::Volume) return std::string();
  std::string name = mount.source;
  if (const auto anonymous = record.anonymous_volumes.find(mount.target);
      name.empty() && anonymous != record.anonymous_volumes.end())
    name = anonymous->second;
  auto source = volumes.mount(name);
  if (!source) return source.error();
  return source->path;
}

// A source or target that is not there is passed over: the container has not run yet.
Result<void> attach_mounts(const state::Paths& paths, const state::ContainerRecord& record, int root) {
  volume::VolumeStore volumes(paths.root);
  for (const auto& mount : record.spec.mounts) {
    const auto source = mount_source(volumes, record, mount);
    if (!source) return source.error();
    if (source->empty()) continue;
    auto from = sys::open(*source, O_PATH);
    if (from && !mount.subpath.empty()) from = sys::open_in_root(from->get(), mount.subpath, O_PATH);
    auto target = sys::open_in_root(root, mount.target, O_PATH);
    const bool missing = (!from && from.error().kind() == ErrorKind::NotFound) ||
                         (!target && target.error().kind() == ErrorKind::NotFound);
    if (missing) continue;
    if (!from) return from.error();
    if (!target) return target.error();
    auto tree = sys::clone_tree(from->get(), "", {.read_only = mount.read_only});
    if (!tree) return tree.error();
    BERTH_TRY(sys::attach_tree(tree->get(), target->get()));
  }
  return {};
}

}  // namespace

Result<sys::UniqueFd> open_container_root(const state::Paths& paths, const state::StoredContainer& container,
                                          RootView view) {
  const auto& record = container.record;
  if (view == RootView::Image) return open_layers(paths, record, false);
  const int pid = state::current_state(paths, container).pid;
  if (pid > 0) return sys::open("/proc/" + std::to_string(pid) + "/root", O_PATH | O_DIRECTORY);
  BERTH_TRY(leave_mount_namespace());
  const bool writable = view == RootView::Write && !record.spec.confinement.read_only;
  auto layers = open_layers(paths, record, writable);
  if (!layers) return layers.error();
  const std::string place = paths.container(record.spec.project, record.id) + "/root";
  BERTH_TRY(sys::attach_tree(layers->get(), place));
  auto root = sys::open(place, O_PATH | O_DIRECTORY);
  if (!root) return root.error();
  BERTH_TRY(attach_mounts(paths, record, root->get()));
  return root;
}

}  // namespace berth::local
