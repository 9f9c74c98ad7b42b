// Volumes that are mounted from elsewhere: `driver_opts` of type, o and device.
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>

#include "berth/sys/file.hpp"
#include "berth/sys/mount.hpp"
#include "berth/volume/store.hpp"
#include "mount_options.hpp"

namespace berth::volume {

namespace {

std::string option_of(const engine::VolumeState& state, const char* key) {
  const auto found = state.spec.volume.driver_opts.find(key);
  return found == state.spec.volume.driver_opts.end() ? std::string() : found->second;
}

Error cannot_mount(const Error& error, const std::string& name, const std::string& type) {
  Error named = error.while_doing("mounting volume `" + name + "`");
  if (error.errno_value() == ENODEV)
    return std::move(named).with_hint("the kernel here does not know the file system `" + type + "`");
  return named;
}

}  // namespace

Result<VolumeSource> VolumeStore::mount(const std::string& name) {
  const auto state = inspect(name);
  if (!state) return state.error();
  if (state->spec.volume.driver_opts.empty()) return VolumeSource{state->path, false};
  const std::string type = option_of(*state, "type"), device = option_of(*state, "device");
  const auto options = parse_mount_options(option_of(*state, "o"));
  if (!options) return options.error().while_doing("mounting volume `" + name + "`");
  const bool read_only = (options->flags & MS_RDONLY) != 0;
  if (device.empty())
    return Error::make(ErrorKind::Invalid, "volume `" + name + "` has driver options, but no `device`");
  if (options->bind) {
    if (sys::exists(device)) return VolumeSource{device, read_only};
    return Error::make(ErrorKind::NotFound, "`" + device + "`, which volume `" + name + "` binds, does not exist");
  }
  if (type.empty())
    return Error::make(ErrorKind::Invalid, "volume `" + name + "` has driver options, but no `type`")
        .with_hint("to bind a directory: type: none, o: bind");
  const auto lock = sys::lock_file(directory(name) + "/lock", sys::LockMode::Exclusive);
  if (!lock) return lock.error();
  if (!sys::is_mount_point(state->path))
    if (auto mounted = sys::mount(device, state->path, type, options->flags, options->data); !mounted)
      return cannot_mount(mounted.error(), name, type);
  return VolumeSource{state->path, read_only};
}

Result<void> VolumeStore::unmount(const std::string& name) {
  const std::string path = directory(name) + "/_data";
  if (!sys::is_mount_point(path)) return {};
  const auto lock = sys::lock_file(directory(name) + "/lock", sys::LockMode::Exclusive);
  if (!lock) return lock.error();
  return sys::unmount(path);
}

bool VolumeStore::is_mounted(const std::string& name) const { return sys::is_mount_point(directory(name) + "/_data"); }

}  // namespace berth::volume
