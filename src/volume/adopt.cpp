// Taking over what another store holds. The record of a rename is the directory .adopt-NAME: it is there from before
// the data are taken until the volume has its name, so that whoever is cut short can go on, and nobody makes an empty
// volume meanwhile.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "berth/sys/file.hpp"
#include "berth/sys/tree_copy.hpp"
#include "berth/text/json_codec.hpp"
#include "berth/volume/store.hpp"

namespace berth::volume {
namespace {

Result<void> sync_file_system(int file, const std::string& path) {
  return ::syncfs(file) < 0 ? Error::system(errno, "write to disk", path) : Result<void>();
}

}  // namespace

bool VolumeStore::is_adoption_unfinished(const std::string& name) const {
  return sys::exists(adopting(name) + "/_data");
}

std::optional<std::string> VolumeStore::origin(const std::string& name) const {
  for (const auto& place : {directory(name), adopting(name)})
    if (auto text = sys::read_file(place + "/origin", 1u << 16)) return std::move(*text);
  return std::nullopt;
}

Result<void> VolumeStore::adopt_by_rename(const engine::VolumeSpec& spec, const std::string& source) {
  const std::string& name = spec.volume.name;
  const std::string aside = adopting(name);
  if (!is_adoption_unfinished(name)) {
    BERTH_TRY(sys::make_directories(aside));
    BERTH_TRY(write_records(aside, spec, source));
    if (::rename(source.c_str(), (aside + "/_data").c_str()) < 0) {
      const Error failed = Error::system(errno, "move", source);
      // The records only: whatever else may be there is somebody's data.
      for (const char* record : {"/origin", "/meta.json"}) ::unlink((aside + record).c_str());
      ::rmdir(aside.c_str());
      return failed;
    }
  }
  if (::rename(aside.c_str(), directory(name).c_str()) < 0) return Error::system(errno, "create volume", name);
  const auto made = sys::open(directory(name), O_RDONLY | O_DIRECTORY);
  if (!made) return made.error();
  return sync_file_system(made->get(), directory(name));
}

Result<void> VolumeStore::adopt_by_copy(const engine::VolumeSpec& spec, const std::string& source) {
  const auto from = sys::open(source, O_RDONLY | O_DIRECTORY);
  if (!from) return from.error();
  const auto made = make_filled(
      spec,
      [&](int data) -> Result<void> {
        sys::CopyOptions options;
        options.keep_root_metadata = false;
        options.exact = true;
        const auto copied = sys::copy_tree(from->get(), ".", data, ".", options);
        if (!copied) return copied.error().while_doing("copying `" + source + "`");
        return sync_file_system(data, source);
      },
      source);
  return made ? Result<void>() : made.error();
}

Result<VolumeStore::Adoption> VolumeStore::adopt(const engine::VolumeSpec& spec, const std::string& source, Take how) {
  const std::string& name = spec.volume.name;
  BERTH_TRY(sys::make_directories(root_ + "/global"));
  const auto one_at_a_time = sys::lock_file(root_ + "/global/adopt.lock", sys::LockMode::Exclusive);
  if (!one_at_a_time) return one_at_a_time.error();
  if (const auto there = inspect(name)) {
    if (origin(name) != source)
      return Error::make(ErrorKind::AlreadyExists, "volume `" + name + "` is in berth's store already");
    // A move that was cut short after its copy.
    if (how == Take::Move) BERTH_TRY(sys::remove_tree(source));
    return Adoption::DoneBefore;
  } else if (there.error().kind() != ErrorKind::NotFound) {
    return there.error();
  }
  if (how == Take::Move || is_adoption_unfinished(name)) {
    const auto moved = adopt_by_rename(spec, source);
    if (moved) return Adoption::Done;
    if (moved.error().errno_value() != EXDEV) return moved.error();
  }
  BERTH_TRY(adopt_by_copy(spec, source));
  if (how == Take::Move) BERTH_TRY(sys::remove_tree(source));
  return Adoption::Done;
}

}  // namespace berth::volume
