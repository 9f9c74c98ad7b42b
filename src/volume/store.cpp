#include "berth/volume/store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "berth/base/random.hpp"
#include "berth/base/rollback.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/tree_copy.hpp"
#include "berth/text/json_codec.hpp"

namespace berth::volume {
namespace {

// [a-zA-Z0-9][a-zA-Z0-9_.-]*, so never a path.
bool is_volume_name(const std::string& name) {
  constexpr const char* kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  return !name.empty() && name.size() <= 255 && name.find_first_not_of(kAllowed) == std::string::npos &&
         name.find_first_of("_.-") != 0;
}

Result<void> check_name(const std::string& name) {
  if (is_volume_name(name)) return {};
  return Error::make(ErrorKind::Invalid, "`" + name + "` is not a name for a volume");
}

Result<void> check_driver(const model::Volume& volume) {
  if (!volume.driver.empty() && volume.driver != "local")
    return Error::make(ErrorKind::Unsupported,
                       "volume `" + volume.name + "` wants driver `" + volume.driver + "`; there is only `local`");
  for (const auto& [key, value] : volume.driver_opts)
    if (key != "type" && key != "o" && key != "device")
      return Error::make(ErrorKind::Unsupported, "volume `" + volume.name + "` has the driver option `" + key +
                                                     "`; local knows type, o, device");
  return {};
}

std::string making_lock(const std::string& root) { return root + "/global/volumes.lock"; }

Error no_such_volume(const std::string& name) {
  return Error::make(ErrorKind::NotFound, "no such volume: `" + name + "`");
}

}  // namespace

VolumeStore::VolumeStore(std::string root) : root_(std::move(root)) {}

std::string VolumeStore::directory(const std::string& name) const { return root_ + "/volumes/" + name; }

std::string VolumeStore::anonymous_name() { return random_hex(32); }

Result<engine::VolumeState> VolumeStore::inspect(const std::string& name) const {
  BERTH_TRY(check_name(name));
  const auto text = sys::read_file(directory(name) + "/meta.json", 1u << 20);
  if (!text && text.error().kind() == ErrorKind::NotFound) return no_such_volume(name);
  if (!text) return text.error();
  auto spec = json::decode_text<engine::VolumeSpec>(*text);
  if (!spec) return spec.error().while_doing("read the record of volume `" + name + "`");
  engine::VolumeState state;
  state.spec = std::move(*spec);
  state.path = directory(name) + "/_data";
  return state;
}

Result<engine::VolumeState> VolumeStore::ensure(const engine::VolumeSpec& spec) {
  const std::string& name = spec.volume.name;
  auto existing = inspect(name);
  if (existing || existing.error().kind() != ErrorKind::NotFound) return existing;
  if (spec.volume.external)
    return Error::make(ErrorKind::NotFound, "external volume `" + name + "` not found")
        .with_hint("create it before, or remove `external: true`");
  BERTH_TRY(check_driver(spec.volume));
  auto made = make_filled(spec, [](int) { return Result<void>(); });
  if (!made && made.error().kind() == ErrorKind::AlreadyExists) return inspect(name);
  return made;
}

Result<void> VolumeStore::write_records(const std::string& directory, const engine::VolumeSpec& spec,
                                        const std::string& origin) const {
  if (!origin.empty()) BERTH_TRY(sys::write_file_atomic(directory + "/origin", origin, sys::Durability::Synced));
  return sys::write_file_atomic(directory + "/meta.json", json::encode_text(spec), sys::Durability::Synced);
}

// Made aside and renamed: a volume is there with its record, or it is not there. The lock says that somebody does.
Result<engine::VolumeState> VolumeStore::make_filled(const engine::VolumeSpec& spec,
                                                     const std::function<Result<void>(int directory)>& fill,
                                                     const std::string& origin) {
  const std::string& name = spec.volume.name;
  BERTH_TRY(check_name(name));
  BERTH_TRY(sys::make_directories(root_ + "/global"));
  const auto making = sys::lock_file(making_lock(root_), sys::LockMode::Shared);
  if (!making) return making.error();
  const std::string aside = root_ + "/volumes/.new-" + random_hex(8);
  BERTH_TRY(sys::make_directories(aside + "/_data"));
  Rollback rollback;
  rollback.push([&] { (void)sys::remove_tree(aside); });
  if (::chmod((aside + "/_data").c_str(), 0755) < 0) return Error::system(errno, "change mode of", aside);
  const auto data = sys::open(aside + "/_data", O_RDONLY | O_DIRECTORY);
  if (!data) return data.error();
  BERTH_TRY(fill(data->get()));
  BERTH_TRY(write_records(aside, spec, origin));
  if (::rename(aside.c_str(), directory(name).c_str()) < 0) {
    if (errno == EEXIST || errno == ENOTEMPTY)
      return Error::make(ErrorKind::AlreadyExists, "volume `" + name + "` is there already");
    return Error::system(errno, "create volume", name);
  }
  rollback.commit();
  return inspect(name);
}

Result<std::vector<engine::VolumeState>> VolumeStore::list() const {
  std::vector<engine::VolumeState> out;
  const auto names = sys::list_directory(root_ + "/volumes");
  if (!names && names.error().kind() == ErrorKind::NotFound) return out;
  if (!names) return names.error();
  for (const auto& name : *names) {
    if (!is_volume_name(name)) continue;
    auto state = inspect(name);
    if (state)
      out.push_back(std::move(*state));
    else if (state.error().kind() != ErrorKind::NotFound)
      return state.error();
  }
  return out;
}

Result<void> VolumeStore::remove(const std::string& name, const std::vector<std::string>& users) {
  BERTH_TRY(check_name(name));
  if (!users.empty()) {
    std::string who;
    for (const auto& user : users) who += (who.empty() ? "`" : ", `") + user + "`";
    return Error::make(ErrorKind::Busy, "volume `" + name + "` is in use by " + who)
        .with_hint("take down what uses it first");
  }
  // A mount below would be emptied with the rest.
  BERTH_TRY(unmount(name));
  if (is_mounted(name)) return Error::make(ErrorKind::Busy, "volume `" + name + "` is mounted more than once");
  BERTH_TRY(sys::make_directories(root_ + "/trash"));
  const std::string gone = root_ + "/trash/" + random_hex(8);
  if (::rename(directory(name).c_str(), gone.c_str()) < 0) {
    if (errno == ENOENT) return {};
    return Error::system(errno, "remove volume", name);
  }
  return sys::remove_tree(gone);
}

Result<void> VolumeStore::collect_garbage() const {
  const auto nobody_makes_one = sys::try_lock_file(making_lock(root_), sys::LockMode::Exclusive);
  if (!nobody_makes_one) return {};
  const auto names = sys::list_directory(root_ + "/volumes");
  if (!names) return names.error();
  for (const auto& name : *names)
    if (name.starts_with(".new-")) BERTH_TRY(sys::remove_tree(root_ + "/volumes/" + name));
  return {};
}

Result<void> VolumeStore::fill_from_image(const std::string& name, int image_root, const std::string& path) {
  const auto state = inspect(name);
  if (!state) return state.error();
  if (!state->spec.volume.driver_opts.empty()) return {};  // mounted from elsewhere: not ours to fill
  const std::string own = directory(name), filling = own + "/filling";
  const auto lock = sys::lock_file(own + "/lock", sys::LockMode::Exclusive);
  if (!lock) return lock.error();
  const auto entries = sys::list_directory(state->path);
  if (!entries) return entries.error();
  // The mark stands while a copy is under way: found here, its process died and what it copied is copied again.
  const bool cut_short = sys::exists(filling);
  if (!cut_short && !entries->empty()) return {};
  auto source = sys::open_in_root(image_root, path, O_PATH | O_DIRECTORY);
  if (!source) {
    const bool nothing_there = source.error().kind() == ErrorKind::NotFound || source.error().errno_value() == ENOTDIR;
    if (nothing_there) return {};
    return source.error();
  }
  auto mark = sys::open(filling, O_WRONLY | O_CREAT, 0600);
  if (!mark) return mark.error();
  auto target = sys::open(state->path, O_RDONLY | O_DIRECTORY);
  if (!target) return target.error();
  sys::CopyOptions options;
  options.keep_root_metadata = false;
  const auto copied = sys::copy_tree(image_root, path, target->get(), ".", options);
  if (!copied) return copied.error().while_doing("fill volume `" + name + "` from `" + path + "` of the image");
  if (::unlink(filling.c_str()) < 0) return Error::system(errno, "remove", filling);
  return {};
}

}  // namespace berth::volume
