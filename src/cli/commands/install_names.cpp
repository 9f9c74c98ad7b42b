// `install-names`: berth under the names `docker-compose`, `docker` and as the docker client's plug-in.
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "berth/sys/file.hpp"
#include "berth/text/suggest.hpp"
#include "commands.hpp"
#include "docker_names.hpp"

namespace berth::cli {
namespace {

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> directories;
  while (!path.empty()) {
    const auto colon = path.find(':');
    std::string_view directory = path.substr(0, colon);
    while (directory.size() > 1 && directory.ends_with('/')) directory.remove_suffix(1);
    if (directory.starts_with('/')) directories.emplace_back(directory);
    path.remove_prefix(colon == std::string_view::npos ? path.size() : colon + 1);
  }
  return directories;
}

// Where sudo looks: nothing where it is not installed or its files cannot be read.
std::string secure_path() {
  std::string found;
  std::vector<std::string> files{"/etc/sudoers"};
  if (const auto more = sys::list_directory("/etc/sudoers.d"))
    for (const auto& name : *more)
      if (name.find('.') == std::string::npos && !name.ends_with('~')) files.push_back("/etc/sudoers.d/" + name);
  for (const auto& file : files)
    if (const auto text = sys::read_file(file, 1u << 20))
      if (const auto path = secure_path_of(*text)) found = *path;
  return found;
}

NamePlaces find_places(const App& app) {
  NamePlaces places;
  std::error_code failed;
  places.program = std::filesystem::read_symlink("/proc/self/exe", failed).string();
  if (failed || !sys::exists(places.program))
    throw Failure(Error::make(ErrorKind::NotFound, "the file of this program is gone: names would lead nowhere")
                      .with_hint("install berth again, then run `berth install-names`"));
  places.prefix = std::filesystem::absolute(app.line.options.text("prefix")).lexically_normal().string();
  while (places.prefix.size() > 1 && places.prefix.ends_with('/')) places.prefix.pop_back();
  places.search = split_path(app.variable("PATH"));
  for (const std::string& more :
       {secure_path(), std::string("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin")})
    for (auto& directory : split_path(more))
      if (std::find(places.search.begin(), places.search.end(), directory) == places.search.end())
        places.search.push_back(std::move(directory));
  for (const auto& home : {app.variable("DOCKER_CONFIG"), app.variable("HOME") + "/.docker"})
    if (home.starts_with('/')) places.plugin_search.push_back(home + "/cli-plugins");
  for (const char* directory : {"/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec"})
    places.plugin_search.push_back(std::string(directory) + "/docker/cli-plugins");
  return places;
}

std::vector<std::string> wanted_names(const App& app) {
  for (const auto& name : app.line.operands) {
    const auto& all = DockerNames::all();
    if (std::find(all.begin(), all.end(), name) != all.end()) continue;
    auto error = Error::make(ErrorKind::Invalid, "`" + name + "` is no name to install");
    const auto near = text::nearest(name, all);
    throw Failure(std::move(error).with_hint(near ? "did you mean `" + *near + "`?"
                                                  : "there are `docker-compose`, `docker` and `plugin`"));
  }
  return app.line.operands.empty() ? DockerNames::all() : app.line.operands;
}

// What sudo does not see is of no use to `sudo docker-compose`.
void warn_of_sudo(const NamePlaces& places) {
  const auto seen = split_path(secure_path());
  const std::string bin = places.prefix + "/bin";
  if (!seen.empty() && std::find(seen.begin(), seen.end(), bin) == seen.end())
    print_warning("sudo does not look in `" + bin + "` (secure_path in /etc/sudoers)");
}

}  // namespace

int run_install_names(const App& app) {
  const OptionValues& given = app.line.options;
  const auto run = app.line.globals.flag("dry-run") ? DockerNames::Run::Dry : DockerNames::Run::Real;
  if (given.flag("undo") && given.flag("force"))
    throw Failure(Error::make(ErrorKind::Invalid, "--undo and --force exclude each other"));
  const NamePlaces places = find_places(app);
  DockerNames names(places);
  const auto force = given.flag("force") ? DockerNames::Force::Yes : DockerNames::Force::No;
  auto report = given.flag("undo") ? names.undo(wanted_names(app), run) : names.install(wanted_names(app), force, run);
  if (!report) {
    Error error = report.error();
    if (error.kind() == ErrorKind::Permission && geteuid() != 0)
      error =
          std::move(error).with_hint("`sudo " + app.program + " install-names`, or --prefix with a directory of yours");
    throw Failure(std::move(error));
  }
  for (const auto& line : report->done) print((run == DockerNames::Run::Dry ? "would be: " : "") + line + "\n");
  for (const auto& warning : report->warnings) print_warning(warning);
  for (const auto& error : report->refused) print_error(error);
  if (given.flag("undo")) {
    if (report->done.empty() && report->warnings.empty()) print("no name of berth's below " + places.prefix + "\n");
    return kOk;
  }
  warn_of_sudo(places);
  return report->refused.empty() ? kOk : kFailed;
}

}  // namespace berth::cli
