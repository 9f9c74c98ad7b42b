// Named and anonymous volumes: ROOT/volumes/<name>/{_data, meta.json}. Methods block; several processes may use one
// store at once (flock on ROOT/volumes/<name>/lock; the name itself is claimed by mkdir).
#pragma once

#include <functional>
#include <optional>
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

  // Makes it with what `fill` puts into its directory (0755, root's, empty, and nobody else's): it is there whole and
  // on the disk, or not at all. AlreadyExists where the store has one of the name. `origin`: where the data were
  // before.
  Result<engine::VolumeState> make_filled(const engine::VolumeSpec& spec,
                                          const std::function<Result<void>(int directory)>& fill,
                                          const std::string& origin = {});

  // Takes `source`, the directory that holds another store's volume, over as the volume of the spec. Copy keeps owners,
  // modes, attributes, hard links and holes, and leaves the source alone; Move renames, or copies and removes where the
  // two lie on different file systems. May be cut short at any point: called again it goes on. Done already is success.
  enum class Take { Copy, Move };
  enum class Adoption { Done, DoneBefore };
  Result<Adoption> adopt(const engine::VolumeSpec& spec, const std::string& source, Take how);
  // Where the data of an adopted volume were, or of one whose adoption is unfinished.
  std::optional<std::string> origin(const std::string& name) const;
  bool is_adoption_unfinished(const std::string& name) const;  // its data are on the way: no volume is to be made

 private:
  std::string directory(const std::string& name) const;
  std::string adopting(const std::string& name) const { return root_ + "/volumes/.adopt-" + name; }
  Result<void> write_records(const std::string& directory, const engine::VolumeSpec& spec,
                             const std::string& origin) const;
  Result<void> adopt_by_rename(const engine::VolumeSpec& spec, const std::string& source);
  Result<void> adopt_by_copy(const engine::VolumeSpec& spec, const std::string& source);
  std::string root_;
};

}  // namespace berth::volume
