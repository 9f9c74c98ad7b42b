// Named and anonymous volumes: ROOT/volumes/<name>/{_data, meta.json}. Methods block; several processes may use one
// store at once (flock on ROOT/volumes/<name>/lock; the name itself is claimed by mkdir).
#pragma once

#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/engine/observed.hpp"

namespace berth::volume {

// What a container binds to have the volume.
struct VolumeSource {
  std::string path;
  bool read_only = false;  // the volume itself is, by its options
};

class VolumeStore {
 public:
  explicit VolumeStore(std::string root);

  // Creates it unless it is there (its labels and options then stay as they are). External volumes must exist. Refused:
  // drivers other than local, options other than type, o, device, names that are no names.
  Result<engine::VolumeState> ensure(const engine::VolumeSpec& spec);
  Result<engine::VolumeState> inspect(const std::string& name) const;  // NotFound: no such volume
  Result<std::vector<engine::VolumeState>> list() const;
  // `users`: names of containers that use it; refused as Busy when there are any. Missing is success.
  Result<void> remove(const std::string& name, const std::vector<std::string>& users);
  // What a creation that was killed has left.
  Result<void> collect_garbage() const;
  static std::string anonymous_name();  // 64 hex digits

  // Its data: the _data directory, or the directory that `o: bind` names. One with another type (tmpfs, nfs, a block
  // device) is mounted on _data in this mount namespace, once for all containers; may block for as long as a server
  // does.
  Result<VolumeSource> mount(const std::string& name);
  // Its last user is gone. Lazy; what is not mounted is success.
  Result<void> unmount(const std::string& name);
  bool is_mounted(const std::string& name) const;

  // Docker's copy-up: where the volume is empty, it gets the content of `path` inside the image's mounted
  // root, and that directory's owner and mode. Filling that was cut short is done again. No such directory: nothing to
  // do.
  Result<void> fill_from_image(const std::string& name, int image_root, const std::string& path);

 private:
  std::string directory(const std::string& name) const;
  std::string root_;
};

}  // namespace berth::volume
