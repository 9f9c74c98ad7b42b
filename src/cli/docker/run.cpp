// `docker run` and `docker create`: containers of the reserved project, each a service of its own
// (decisions/docker-front.md).
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "attached_client.hpp"
#include "berth/base/random.hpp"
#include "berth/compose/load.hpp"
#include "berth/sys/file.hpp"
#include "berth/volume/store.hpp"
#include "compose_files.hpp"
#include "docker/commands.hpp"
#include "docker/env_files.hpp"
#include "docker/find.hpp"
#include "docker/image_names.hpp"
#include "docker/images.hpp"
#include "docker/networks.hpp"
#include "docker/random_name.hpp"
#include "docker/run_document.hpp"
#include "docker_presence.hpp"
#include "stack.hpp"
#include "stack_client.hpp"
#include "start_stack.hpp"

namespace berth::cli::docker {
namespace {

constexpr int kRefusedByDocker = 125;
constexpr const char* kFlagsFile = "/<flags of run>";

// The flags stand where a compose file would; other files are the disk's.
class FlagsAsFile final : public compose::FileReader {
 public:
  explicit FlagsAsFile(std::string text) : text_(std::move(text)) {}
  Result<std::string> read(const std::string& path) override { return path == kFlagsFile ? text_ : disk_.read(path); }
  bool is_directory(const std::string& path) override { return disk_.is_directory(path); }
  bool exists(const std::string& path) override { return path == kFlagsFile || disk_.exists(path); }

 private:
  std::string text_;
  compose::DiskFiles disk_;
};

std::string here() {
  std::error_code failed;
  std::string path = std::filesystem::current_path(failed).string();
  if (failed) throw Failure(Error::system(failed.value(), "find the current directory"));
  return path;
}

void check_flags(const OptionValues& given) {
  const auto exclude = [&](bool both, const char* what) {
    if (both) throw Failure(Error::make(ErrorKind::Invalid, std::string(what) + " exclude each other"));
  };
  const std::string restart = given.text("restart");
  exclude(given.flag("rm") && !restart.empty() && restart != "no", "--rm and --restart");
  exclude(given.flag("detach") && given.given("attach"), "--detach and --attach");
  if (given.given("name")) require_container_name(given.text("name"));
  const std::string cidfile = given.text("cidfile");
  if (!cidfile.empty() && sys::exists(cidfile))
    throw Failure(Error::make(ErrorKind::AlreadyExists, "the file of --cidfile is there already: `" + cidfile + "`")
                      .with_hint("remove it, if the container is not of use any more"));
  for (const auto& stream : given.all("attach"))
    if (stream != "stdin" && stream != "stdout" && stream != "stderr")
      throw Failure(Error::make(ErrorKind::Invalid, "invalid value `" + stream + "` for --attach")
                        .with_hint("stdin, stdout or stderr"));
}

// A mode that names another container holds its id, so that it may be renamed.
OptionValues with_ids(const App& app, const std::vector<Found>& all) {
  OptionValues given = app.line.options;
  for (const char* flag : {"network", "net", "pid", "ipc"}) {
    const auto values = given.all(flag);
    if (values.size() != 1 || !values[0].starts_with("container:")) continue;
    const Option option{.name = flag, .value = ValueKind::Text};
    given.replace(option, "container:" + must(find_container(all, values[0].substr(10))).state.id.value);
  }
  return given;
}

// --volumes-from: CONTAINER[:ro], by whatever it is called.
std::vector<std::string> volume_owners(const App& app, const std::vector<Found>& all) {
  std::vector<std::string> owners;
  for (const auto& text : app.line.options.all("volumes-from")) {
    const bool has_mode = text.ends_with(":ro") || text.ends_with(":rw");
    const auto end = has_mode ? text.size() - 3 : text.size();
    owners.push_back("container:" + must(find_container(all, text.substr(0, end))).state.name + text.substr(end));
  }
  return owners;
}

// A service's name is one container's; a container that was renamed has kept its own.
std::string free_service_name(const std::string& name, const std::vector<Found>& all) {
  const bool taken = std::any_of(all.begin(), all.end(), [&](const Found& one) {
    return one.project() == kReserved && one.state.spec.service.value == name;
  });
  return taken ? name + "-" + random_hex(4) : name;
}

RunWishes wishes_of(const App& app, const std::vector<Found>& all) {
  const OptionValues& given = app.line.options;
  RunWishes wishes;
  wishes.name = given.given("name") ? given.text("name") : random_name(all);
  wishes.service = free_service_name(wishes.name, all);
  wishes.image = app.line.operands.at(0);
  wishes.command = {app.line.operands.begin() + 1, app.line.operands.end()};
  wishes.variables = variables_of(app, given.all("env-file"), given.all("env"));
  wishes.labels = labels_of(given.all("label-file"), given.all("label"));
  wishes.volumes_from = volume_owners(app, all);
  for (const auto& [name, record] : all_networks(app)) wishes.known_networks.insert(name);
  for (const auto& volume : must(volume::VolumeStore(app.paths.root).list()))
    wishes.known_volumes.insert(volume.spec.volume.name);
  return wishes;
}

model::Project project_of(const App& app, const RunWishes& wishes, const OptionValues& given) {
  compose::LoadOptions options;
  options.working_dir = options.project_directory = here();
  options.files = {kFlagsFile};
  options.project_name = "docker";
  options.purpose = compose::Purpose::Run;
  FlagsAsFile files(must(run_document(wishes, given)));
  compose::Environment environment{app.environment};
  std::erase_if(environment.variables, [](const auto& variable) { return variable.first.starts_with("COMPOSE_"); });
  environment.variables["COMPOSE_DISABLE_ENV_FILE"] = "1";
  auto outcome = compose::load(options, environment, files);
  for (const auto& one : outcome.diagnostics.all())  // their places are in a file that nobody has written
    if (one.severity == text::Severity::Error)
      print_error(Error::make(ErrorKind::Invalid, one.message).with_hint(one.hint));
    else
      print_warning(one.message);
  if (!outcome.loaded) throw LoadFailed{kRefusedByDocker};
  outcome.loaded->project.name = kReserved;
  return std::move(outcome.loaded->project);
}

void warn_of_host_ports(const OptionValues& given) {
  if (given.text("network") == "host" && (given.given("publish") || given.flag("publish-all")))
    print_warning("published ports are discarded when using host network mode");
}

control::Run request_of(const App& app, const std::vector<Found>& all) {
  const OptionValues given = with_ids(app, all);
  RunWishes wishes = wishes_of(app, all);
  ensure_image(app, wishes.image, given.text("pull"));
  const ImageNames images(app);
  if (const auto digest = images.find(wishes.image))
    for (const auto& port : images.exposed_ports(ImageDigest(*digest))) wishes.exposed_ports.push_back(port);
  warn_of_host_ports(given);
  control::Run run;
  run.project = project_of(app, wishes, given);
  require_docker_sockets(run.project);
  require_no_docker_volumes(app, run.project, false);
  run.service = wishes.service;
  run.name = wishes.name;
  run.images = image_facts(app, run.project);
  run.no_dependencies = run.service_ports = run.use_aliases = run.standalone = true;
  run.remove = given.flag("rm");
  return run;
}

void write_id(const App& app, const std::string& name) {
  const std::string path = app.line.options.text("cidfile");
  if (path.empty()) return;
  must(sys::write_file_atomic(path, require_container(app, name).state.id.value, sys::Durability::Volatile, 0644));
}

Manner manner_of_run(const App& app) {
  const OptionValues& given = app.line.options;
  Manner manner;
  manner.terminal = given.flag("tty");
  const auto streams = given.all("attach");
  const auto wants = [&](const char* stream) {
    return streams.empty() || std::find(streams.begin(), streams.end(), stream) != streams.end();
  };
  manner.interactive = given.flag("interactive") && wants("stdin");
  manner.out = wants("stdout");
  manner.err = wants("stderr");
  manner.signals = given.text("sig-proxy") != "false";
  manner.detach_keys = given.text("detach-keys");
  if (manner.terminal && manner.interactive && !::isatty(STDIN_FILENO))
    throw Failure(Error::make(ErrorKind::Invalid, "the input device is not a TTY").with_hint("leave out -t"));
  return manner;
}

int run_attached(const App& app, control::Run run) {
  Manner manner = manner_of_run(app);
  bool started = false;
  const std::string name = run.name;
  manner.started = [&] {
    started = true;
    write_id(app, name);
  };
  const int code = attach_to_run(app, kReserved, std::move(run), manner);
  return !started && code == kFailed ? kRefusedByDocker : code;
}

int run_in_background(const App& app, const control::Run& run) {
  const int code = request_of_stack(app, kReserved, run);
  if (code == kOk) write_id(app, run.name);
  return code == kFailed ? kRefusedByDocker : code;
}

// Compat: what docker itself refuses is 125; other codes are the program's.
int guarded(int (*run)(const App&), const App& app) {
  try {
    return run(app);
  } catch (const Failure& failure) {
    print_error(failure.error());
    return kRefusedByDocker;
  }
}

}  // namespace

int run_run(const App& app) {
  return guarded(
      [](const App& given) {
        check_flags(given.line.options);
        const bool detach = given.line.options.flag("detach");
        if (!detach) manner_of_run(given);  // refuses before anything is made
        must(state::open_roots(given.paths));
        auto run = request_of(given, all_containers(given));
        run.detach = detach;
        ensure_supervisor(given, kReserved);
        return detach ? run_in_background(given, run) : run_attached(given, std::move(run));
      },
      app);
}

int run_create(const App& app) {
  return guarded(
      [](const App& given) {
        check_flags(given.line.options);
        must(state::open_roots(given.paths));
        auto run = request_of(given, all_containers(given));
        run.detach = run.no_start = true;
        ensure_supervisor(given, kReserved);
        return run_in_background(given, run);
      },
      app);
}

}  // namespace berth::cli::docker
