#include "docker_names.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "berth/sys/file.hpp"
#include "berth/text/json_codec.hpp"

namespace berth::cli {

namespace fs = std::filesystem;

BOOST_DESCRIBE_STRUCT(NameRecord, (), (name, target, replaced))
BOOST_DESCRIBE_STRUCT(NamesRecord, (), (names, directories))

namespace {

bool exists_itself(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

// The target of a symbolic link; empty where it is none.
std::string link_target(const std::string& path) {
  std::error_code failed;
  const auto target = fs::read_symlink(path, failed);
  return failed ? std::string() : target.string();
}

Error taken(const std::string& name, const std::string& by) {
  const std::string what = name == "plugin" ? "a plug-in `compose` of the docker client" : "`" + name + "`";
  std::string rest;
  for (const auto& other : DockerNames::all())
    if (other != name) rest += " " + other;
  return Error::make(ErrorKind::AlreadyExists, what + " is here already: `" + by + "` is not berth, and is left alone")
      .with_hint("--force puts berth's in its place; `berth install-names" + rest + "` leaves the name out");
}

}  // namespace

Result<NamesRecord> names_record_of(std::string_view text) { return json::decode_text<NamesRecord>(text); }

std::string to_json(const NamesRecord& record) { return json::encode_text(record) + "\n"; }

const std::vector<std::string>& DockerNames::all() {
  static const std::vector<std::string> names{"docker-compose", "docker", "plugin"};
  return names;
}

std::string DockerNames::path_of(const std::string& name) const {
  return places_.prefix + (name == "plugin" ? "/lib/docker/cli-plugins/docker-compose" : "/bin/" + name);
}

bool DockerNames::is_ours(const std::string& path) const {
  std::error_code failed;
  return fs::canonical(path, failed).string() == places_.program;
}

Result<NamesRecord> DockerNames::read_record() const {
  const auto text = sys::read_file(record_path(), 1u << 20);
  if (!text && text.error().kind() == ErrorKind::NotFound) return NamesRecord();
  if (!text) return text.error();
  auto record = names_record_of(*text);
  if (!record)
    return record.error().while_doing("reading `" + record_path() + "`").with_hint("remove the names by hand, then it");
  return record;
}

Result<void> DockerNames::write_record(const NamesRecord& record) const {
  return sys::write_file_atomic(record_path(), to_json(record), sys::Durability::Synced, 0644);
}

// Directories of a prefix are everybody's to read, whatever our umask is.
Result<void> DockerNames::make_parents(const std::string& path, NamesRecord& record) const {
  const fs::path parent = fs::path(path).parent_path();
  std::string so_far;
  for (const auto& part : parent) {
    so_far += so_far.empty() || so_far == "/" ? part.string() : "/" + part.string();
    if (::mkdir(so_far.c_str(), 0755) != 0) {
      if (errno == EEXIST) continue;
      return Error::system(errno, "make directory", so_far);
    }
    if (::chmod(so_far.c_str(), 0755) != 0) return Error::system(errno, "open to others", so_far);
    record.directories.push_back(so_far);
  }
  return {};
}

std::optional<std::string> DockerNames::other(const std::string& name) const {
  const std::string file = name == "plugin" ? "docker-compose" : name;
  for (const auto& directory : name == "plugin" ? places_.plugin_search : places_.search) {
    const std::string path = directory + "/" + file;
    if (path == path_of(name) || is_ours(path)) continue;
    if (::access(path.c_str(), X_OK) == 0 && !fs::is_directory(path)) return path;
  }
  return std::nullopt;
}

bool DockerNames::comes_first(const std::string& name, const std::string& found) const {
  const auto& search = name == "plugin" ? places_.plugin_search : places_.search;
  const auto at = [&](const std::string& path) {
    return std::find(search.begin(), search.end(), fs::path(path).parent_path().string());
  };
  return at(found) < at(path_of(name));
}

Result<void> DockerNames::install_one(const std::string& name, Force force, Run run, NamesRecord& record,
                                      Report& report) const {
  const std::string path = path_of(name);
  if (is_ours(path)) {
    report.done.push_back(path + " is berth already");
    return {};
  }
  auto entry = std::find_if(record.names.begin(), record.names.end(), [&](const auto& e) { return e.name == name; });
  // A link of ours to where berth was before.
  const bool moved = entry != record.names.end() && !entry->target.empty() && link_target(path) == entry->target;
  const bool occupied = !moved && exists_itself(path);
  const auto elsewhere = other(name);
  if (force == Force::No && (occupied || elsewhere)) {
    report.refused.push_back(taken(name, occupied ? path : *elsewhere));
    return {};
  }
  if (elsewhere && comes_first(name, *elsewhere))
    report.warnings.push_back("`" + *elsewhere + "` is found before `" + path + "`: it still answers");
  if (occupied && exists_itself(replaced_path(name))) {
    report.refused.push_back(Error::make(ErrorKind::AlreadyExists,
                                         "`" + replaced_path(name) + "` was replaced before and waits to be restored")
                                 .with_hint("`berth install-names --undo` first"));
    return {};
  }
  report.done.push_back(path + " -> " + places_.program + (occupied ? " (what stood there is kept)" : ""));
  if (run == Run::Dry) return {};
  BERTH_TRY(make_parents(path, record));
  if (occupied) BERTH_TRY(make_parents(replaced_path(name), record));
  if (entry == record.names.end()) entry = record.names.insert(entry, NameRecord{.name = name, .target = {}});
  entry->target = places_.program;
  entry->replaced = entry->replaced || occupied;
  // From here on an interruption is undone by the record.
  BERTH_TRY(write_record(record));
  if (moved && ::unlink(path.c_str()) != 0) return Error::system(errno, "remove", path);
  if (occupied && ::rename(path.c_str(), replaced_path(name).c_str()) != 0)
    return Error::system(errno, "move away", path);
  if (::symlink(places_.program.c_str(), path.c_str()) != 0) return Error::system(errno, "make link", path);
  return {};
}

Result<DockerNames::Report> DockerNames::install(const std::vector<std::string>& names, Force force, Run run) {
  Report report;
  NamesRecord record;
  sys::UniqueFd lock;
  if (run == Run::Real) {
    BERTH_TRY(make_parents(record_path(), record));
    auto locked = sys::lock_file(home() + "/names.lock", sys::LockMode::Exclusive);
    if (!locked) return locked.error();
    lock = std::move(*locked);
  }
  auto before = read_record();
  if (!before) return before.error();
  before->directories.insert(before->directories.end(), record.directories.begin(), record.directories.end());
  for (const auto& name : names) BERTH_TRY(install_one(name, force, run, *before, report));
  if (run == Run::Real) BERTH_TRY(write_record(*before));
  return report;
}

Result<void> DockerNames::undo_one(const NameRecord& entry, Run run, Report& report) const {
  const std::string path = path_of(entry.name);
  const bool ours = link_target(path) == entry.target;
  const bool restores = entry.replaced && exists_itself(replaced_path(entry.name));
  if (!ours && exists_itself(path)) {
    report.warnings.push_back("`" + path + "` is not the link that berth made any more, and stays" +
                              (restores ? "; what it replaced is `" + replaced_path(entry.name) + "`" : ""));
    return {};
  }
  if (ours || restores) report.done.push_back(path + (restores ? " is what it was" : " removed"));
  if (run == Run::Dry) return {};
  if (ours && ::unlink(path.c_str()) != 0) return Error::system(errno, "remove", path);
  if (restores && ::rename(replaced_path(entry.name).c_str(), path.c_str()) != 0)
    return Error::system(errno, "restore", path);
  return {};
}

Result<DockerNames::Report> DockerNames::undo(const std::vector<std::string>& names, Run run) {
  Report report;
  auto locked = sys::lock_file(home() + "/names.lock", sys::LockMode::Exclusive);
  if (!locked && locked.error().kind() == ErrorKind::NotFound) return report;  // nothing was ever made here
  if (!locked) return locked.error();
  auto record = read_record();
  if (!record) return record.error();
  NamesRecord rest{.names = {}, .directories = record->directories};
  for (const auto& entry : record->names) {
    const bool known = std::find(all().begin(), all().end(), entry.name) != all().end();
    const bool named = std::find(names.begin(), names.end(), entry.name) != names.end();
    if (!known || !named)
      rest.names.push_back(entry);
    else
      BERTH_TRY(undo_one(entry, run, report));
  }
  if (run == Run::Dry) return report;
  BERTH_TRY(write_record(rest));
  if (!rest.names.empty()) return report;
  ::rmdir((home() + "/replaced").c_str());
  for (const auto& file : {record_path(), home() + "/names.lock"})
    if (::unlink(file.c_str()) != 0) return Error::system(errno, "remove", file);
  // Those that hold something by now stay; so does what has nothing to do with this prefix.
  for (auto made = rest.directories.rbegin(); made != rest.directories.rend(); ++made)
    if ((*made + "/").starts_with(places_.prefix + "/") || places_.prefix.starts_with(*made + "/"))
      ::rmdir(made->c_str());
  return report;
}

}  // namespace berth::cli
