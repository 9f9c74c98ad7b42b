// `volume adopt NAME...`, `volume import NAME FILE|-`, `volume export NAME`: data of volumes come from Docker's store
// or an archive, and go into one.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "berth/base/random.hpp"
#include "berth/image/tar_writer.hpp"
#include "berth/image/unpack.hpp"
#include "berth/model/json.hpp"
#include "berth/state/records.hpp"
#include "berth/sys/directory_users.hpp"
#include "berth/sys/file.hpp"
#include "berth/text/suggest.hpp"
#include "berth/volume/store.hpp"
#include "commands.hpp"
#include "compose_files.hpp"
#include "docker_presence.hpp"
#include "stack.hpp"

namespace berth::cli {
namespace {

using volume::VolumeStore;

void require_volume_operands(const App& app, std::size_t least, std::size_t most, const char* form) {
  const std::size_t count = app.line.operands.size() - 1;
  if (count < least || count > most)
    throw Failure(Error::make(ErrorKind::Invalid, "`volume " + app.line.operands[0] + "` takes " + form)
                      .with_hint("`" + app.program + " volume --help` shows all forms"));
}

// As an `up` here would make it, where the compose files declare it; else a volume of no project, which no `down -v`
// removes.
engine::VolumeSpec spec_of(const App& app, const std::string& name) {
  engine::VolumeSpec spec;
  spec.volume.name = name;
  auto options = load_options(app, {});
  options.no_env_resolution = options.all_resources = true;
  compose::DiskFiles disk;
  const auto outcome = compose::load(options, compose::Environment{app.environment}, disk);
  if (!outcome.loaded) return spec;
  const auto& project = outcome.loaded->project;
  for (const auto& [key, volume] : project.volumes)
    if (volume.name == name && !volume.external) spec = {project.name, key, volume, model::config_hash(volume)};
  return spec;
}

std::vector<std::string> containers_with(const App& app, const std::string& name) {
  std::vector<std::string> users;
  for (const auto& project : state::list_projects(app.paths))
    for (const auto& container : state::read_containers(app.paths, project).containers)
      for (const auto& mount : container.record.spec.mounts)
        if (mount.type == model::MountType::Volume && mount.source == name) users.push_back(container.record.name);
  return users;
}

// A volume without anything in it and without a container gives way to data.
void make_way(const App& app, VolumeStore& store, const std::string& name) {
  const auto there = store.inspect(name);
  if (!there) return;
  const auto entries = sys::list_directory(there->path);
  if (!entries || !entries->empty() || !there->spec.volume.driver_opts.empty()) return;
  must(store.remove(name, containers_with(app, name)));
}

void require_unused(const std::string& name, const std::string& data) {
  const auto users = must(sys::directory_users(data));
  if (users.empty()) return;
  std::string shown;
  constexpr std::size_t kShown = 3;
  for (std::size_t i = 0; i < std::min(users.size(), kShown); ++i)
    shown += (i ? ", " : "") + std::string("`") + users[i].command + "` (pid " + std::to_string(users[i].pid) + ", " +
             users[i].what + ")";
  if (users.size() > kShown) shown += " and " + std::to_string(users.size() - kShown) + " more";
  throw Failure(Error::make(ErrorKind::Busy, "volume `" + name + "` is in use: " + shown)
                    .with_hint("stop what uses it, for a container of Docker's `docker stop`, and try again"));
}

void adopt_one(const App& app, VolumeStore& store, const std::string& name) {
  const auto how = app.line.options.flag("move") ? VolumeStore::Take::Move : VolumeStore::Take::Copy;
  const auto found = docker_volume(app, name);
  const auto origin = store.origin(name);
  if (!found && !origin)
    throw Failure(Error::make(ErrorKind::NotFound, "Docker's store has no volume `" + name + "`")
                      .with_hint("its names are the directories of /var/lib/docker/volumes"));
  if (found && sys::exists(found->data + "/../opts.json"))
    throw Failure(
        Error::make(ErrorKind::Unsupported, "volume `" + name + "` is mounted from elsewhere by its options")
            .with_hint("declare it with the same `driver_opts` in the compose file: its data are where they were"));
  if (found && found->shifted)
    throw Failure(
        Error::make(ErrorKind::Unsupported, "the user ids in `" + found->data + "` are those of a user namespace")
            .with_hint("let Docker read them: `docker run --rm -v " + name + ":/v IMAGE tar -C /v -c . | " +
                       app.program + " volume import " + name + " -`"));
  if (found && found->data != origin) {
    require_unused(name, found->data);
    make_way(app, store, name);
  }
  const auto taken = store.adopt(spec_of(app, name), found ? found->data : *origin, how);
  if (!taken && taken.error().kind() == ErrorKind::AlreadyExists)
    throw Failure(Error(taken.error())
                      .with_hint("`" + app.program + " volume export " + name +
                                 "` saves what it holds; `down -v` of its project removes it"));
  must(taken);
  print(name + (*taken == VolumeStore::Adoption::DoneBefore ? " is adopted already\n"
                : how == VolumeStore::Take::Move            ? " moved here\n"
                                                            : " copied here\n"));
}

int adopt_volumes(const App& app, VolumeStore& store) {
  require_volume_operands(app, 1, SIZE_MAX, "at least one name");
  int code = kOk;
  for (std::size_t i = 1; i < app.line.operands.size(); ++i) try {
      adopt_one(app, store, app.line.operands[i]);
    } catch (const Failure& failure) {
      print_error(failure.error());
      code = kFailed;
    }
  return code;
}

int import_volume(const App& app, VolumeStore& store) {
  require_volume_operands(app, 2, 2, "a name and an archive, or `-` for stdin");
  const std::string &name = app.line.operands[1], &source = app.line.operands[2];
  sys::UniqueFd file;
  if (source != "-")
    file = must(sys::open(source, O_RDONLY));
  else if (::isatty(STDIN_FILENO))
    throw Failure(Error::make(ErrorKind::Invalid, "an archive is not read from a terminal")
                      .with_hint("name a file, or send it to the standard input"));
  make_way(app, store, name);
  const auto made = store.make_filled(spec_of(app, name), [&](int directory) -> Result<void> {
    const auto unpacked = image::unpack_archive(file ? file.get() : STDIN_FILENO, directory);
    if (!unpacked) return unpacked.error().while_doing("unpacking " + (file ? "`" + source + "`" : "stdin"));
    return ::syncfs(directory) < 0 ? Error::system(errno, "write to disk", name) : Result<void>();
  });
  if (!made && made.error().kind() == ErrorKind::AlreadyExists)
    throw Failure(
        Error(made.error()).with_hint("an import makes a new volume; give another name, or remove this one first"));
  must(made);
  print(name + "\n");
  return kOk;
}

int export_volume(const App& app, VolumeStore& store) {
  require_volume_operands(app, 1, 1, "one name");
  const std::string &name = app.line.operands[1], target = app.line.options.text("output");
  const auto state = must(store.inspect(name));
  if (!state.spec.volume.driver_opts.empty() && !store.is_mounted(name))
    throw Failure(
        Error::make(ErrorKind::Unsupported, "volume `" + name + "` is mounted from elsewhere while containers use it")
            .with_hint("export it while its stack is up"));
  const auto directory = must(sys::open(must(store.mount(name)).path, O_RDONLY | O_DIRECTORY));
  for (const auto& user : containers_with(app, name))
    print_warning("`" + user + "` has the volume: what it writes meanwhile may be in the archive in part");
  const bool to_stdout = target.empty() || target == "-";
  if (to_stdout && ::isatty(STDOUT_FILENO))
    throw Failure(Error::make(ErrorKind::Invalid, "an archive is not written to a terminal")
                      .with_hint("`-o FILE`, or send the output somewhere"));
  const std::string temporary = target + ".tmp-" + random_hex(4);
  sys::UniqueFd file;
  if (!to_stdout) file = must(sys::open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600));
  const int out = to_stdout ? STDOUT_FILENO : file.get();
  image::TarWriter tar(
      [&](std::string_view bytes) { return sys::write_all(out, bytes, to_stdout ? "stdout" : target); });
  auto written =
      image::archive_tree(directory.get(), ".", ".", tar);  // `.` has the owner and mode of the volume itself
  if (!to_stdout && written && ::fsync(out) < 0) written = Error::system(errno, "write to disk", target);
  if (!to_stdout && written && ::rename(temporary.c_str(), target.c_str()) != 0)
    written = Error::system(errno, "write", target);
  if (!to_stdout && !written) ::unlink(temporary.c_str());
  must(written);
  return kOk;
}

}  // namespace

int run_volume(const App& app) {
  refuse_flags(app.line.globals, {"dry-run"});
  const std::string& verb = app.line.operands[0];
  using Verb = int (*)(const App&, VolumeStore&);
  static const std::map<std::string, Verb> kVerbs{
      {"adopt", adopt_volumes}, {"import", import_volume}, {"export", export_volume}};
  const auto known = kVerbs.find(verb);
  if (known == kVerbs.end()) {
    auto error = Error::make(ErrorKind::Invalid, "unknown command `volume " + verb + "`");
    const auto near = text::nearest(verb, {"adopt", "import", "export"});
    throw Failure(std::move(error).with_hint(near ? "did you mean `volume " + *near + "`?"
                                                  : "there are adopt, import and export"));
  }
  for (const auto& [flag, verb_of_it] : {std::pair("move", "adopt"), std::pair("output", "export")})
    if (app.line.options.given(flag) && verb != verb_of_it)
      throw Failure(
          Error::make(ErrorKind::Invalid, "--" + std::string(flag) + " belongs to `volume " + verb_of_it + "`"));
  must(state::open_roots(app.paths));
  VolumeStore store(app.paths.root);
  return known->second(app, store);
}

}  // namespace berth::cli
