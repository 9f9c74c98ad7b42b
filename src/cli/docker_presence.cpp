#include "docker_presence.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "berth/model/docker_socket.hpp"
#include "berth/sys/file.hpp"
#include "berth/volume/store.hpp"
#include "docker_settings.hpp"

namespace berth::cli {
namespace {

constexpr std::size_t kMostSettings = 16u << 20;

std::string variable_of(const std::map<std::string, std::string>& environment, const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

// As the docker client looks for it: a directory for each context, named after a digest of its name.
std::optional<DockerContext> find_context(const std::string& config, const std::string& name) {
  const std::string metas = config + "/contexts/meta";
  const auto directories = sys::list_directory(metas);
  if (!directories) return std::nullopt;
  for (const auto& directory : *directories) {
    const auto text = sys::read_file(metas + "/" + directory + "/meta.json", kMostSettings);
    if (!text) continue;
    const auto context = context_of(*text);
    if (context && context->name == name) return *context;
  }
  return std::nullopt;
}

[[noreturn]] void refuse_daemon(const std::string& what, const std::string& host, const std::string& way_out) {
  throw Failure(Error::make(ErrorKind::Unsupported,
                            what + " names a daemon at `" + host + "`, and berth runs containers of this machine only")
                    .with_hint(way_out + " to mean this machine; to run it there, call berth there, by ssh"));
}

struct DockerRoot {
  std::string path;
  bool shifted = false;
};

// With userns-remap the store of the ids that begin at UID and GID is ROOT/UID.GID.
bool is_remapped_store(const std::string& name) {
  const auto dot = name.find('.');
  const auto digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  return dot != std::string::npos && digits(std::string_view(name).substr(0, dot)) && digits(name.substr(dot + 1));
}

std::vector<DockerRoot> docker_roots(const App& app) {
  std::vector<std::string> roots{"/var/lib/docker", "/var/snap/docker/common/var-lib-docker"};
  const auto settings = sys::read_file("/etc/docker/daemon.json", kMostSettings);
  if (settings) {
    const auto root = data_root_of(*settings);
    if (!root)
      print_warning("/etc/docker/daemon.json: " + root.error().to_string() + ", looking for Docker's store in " +
                    roots[0]);
    else if (!root->empty())
      roots.insert(roots.begin(), *root);
  } else if (settings.error().kind() != ErrorKind::NotFound) {
    print_warning(settings.error().to_string() + ", looking for Docker's store in " + roots[0]);
  }
  std::vector<DockerRoot> all;
  for (const auto& root : roots) {
    all.push_back({root});
    if (const auto names = sys::list_directory(root))
      for (const auto& name : *names)
        if (is_remapped_store(name)) all.push_back({root + "/" + name, true});
  }
  // Of somebody who called us by sudo.
  if (const std::string user = app.variable("SUDO_USER"); !user.empty() && user.find('/') == std::string::npos)
    all.push_back({"/home/" + user + "/.local/share/docker", true});
  return all;
}

std::optional<DockerVolume> find_in(const std::vector<DockerRoot>& roots, const std::string& name) {
  for (const auto& root : roots) {
    const std::string data = root.path + "/volumes/" + name + "/_data";
    struct stat status {};
    if (::lstat(data.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return DockerVolume{data, root.shifted};
  }
  return std::nullopt;
}

bool is_empty_directory(const std::string& path) {
  const auto entries = sys::list_directory(path);
  return !entries || entries->empty();
}

}  // namespace

// The client's order: DOCKER_HOST, DOCKER_CONTEXT, the context in use. (--host and --context stand for the variables.)
void require_local_daemon(const std::map<std::string, std::string>& environment) {
  if (const auto host = variable_of(environment, "DOCKER_HOST"); !host.empty()) {
    if (!is_local_daemon(host)) refuse_daemon("DOCKER_HOST", host, "unset DOCKER_HOST");
    return;
  }
  const auto given = variable_of(environment, "DOCKER_CONFIG");
  const std::string config = given.empty() ? variable_of(environment, "HOME") + "/.docker" : given;
  std::string name = variable_of(environment, "DOCKER_CONTEXT");
  const bool by_variable = !name.empty();
  if (!by_variable)
    if (const auto text = sys::read_file(config + "/config.json", kMostSettings)) {
      const auto current = current_context_of(*text);
      if (!current) return;  // who needs the file for more says that it is damaged
      name = *current;
    }
  if (name.empty() || name == "default") return;
  const auto context = find_context(config, name);
  const std::string what = "the docker context `" + name + "`";
  if (!context)
    throw Failure(Error::make(ErrorKind::NotFound, what + " is not known in " + config)
                      .with_hint(by_variable ? "unset DOCKER_CONTEXT"
                                             : "`docker context use default`, or remove `currentContext`"));
  if (!is_local_daemon(context->host))
    refuse_daemon(what, context->host, by_variable ? "unset DOCKER_CONTEXT" : "`docker context use default`");
}

std::optional<DockerVolume> docker_volume(const App& app, const std::string& name) {
  return find_in(docker_roots(app), name);
}

void require_no_docker_volumes(const App& app, const model::Project& project, bool dry) {
  if (project.volumes.empty()) return;
  const volume::VolumeStore store(app.paths.root);
  const auto roots = docker_roots(app);
  std::string names, shown;
  for (const auto& [key, volume] : project.volumes) {
    if (!volume.driver_opts.empty() || store.inspect(volume.name)) continue;
    const auto found = find_in(roots, volume.name);
    const bool on_the_way = store.is_adoption_unfinished(volume.name);
    if (!on_the_way && (!found || is_empty_directory(found->data))) continue;
    names += " " + volume.name;
    shown += (shown.empty() ? "" : ", ") + std::string("`") + volume.name + "` (" +
             (on_the_way ? "its adoption was cut short" : found->data) + ")";
  }
  if (names.empty()) return;
  const std::string what = "Docker's store holds data of volumes that would be made empty here: " + shown;
  if (dry) return print_warning(what);
  // `docker run` has docker's flags only.
  const bool as_docker = app.program == "docker";
  throw Failure(
      Error::make(ErrorKind::AlreadyExists, what)
          .with_hint("`" + (as_docker ? "berth" : app.program) + " volume adopt" + names + "` takes the data over; " +
                     (as_docker ? "`docker volume create" + names + "`" : "--fresh-volumes") + " begins without them"));
}

void require_docker_sockets(const model::Project& project) {
  for (const auto& [name, service] : project.services)
    for (const auto& mount : service.volumes) {
      struct stat status {};
      if (mount.type != model::MountType::Bind || !model::is_docker_socket(mount.source)) continue;
      if (::stat(mount.source.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) continue;
      throw Failure(Error::make(ErrorKind::NotFound, "service `" + name + "` binds `" + mount.source +
                                                         "`: there is no daemon, so there is no such socket")
                        .with_hint("remove the mount: a program that asks Docker's API would find nobody to ask"));
    }
}

}  // namespace berth::cli
