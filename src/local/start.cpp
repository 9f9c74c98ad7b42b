// A container's start: volumes mounted and filled (on a worker), network joined, cgroup and plan made, launched; then
// the answers come in.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "berth/base/rollback.hpp"
#include "berth/local/runtime_spec.hpp"
#include "berth/network/files.hpp"
#include "berth/runtime/default_spec.hpp"
#include "berth/runtime/explain.hpp"
#include "berth/runtime/launch_plan.hpp"
#include "berth/runtime/start_pair.hpp"
#include "berth/runtime/user.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/netns.hpp"
#include "berth/sys/overlay.hpp"
#include "berth/sys/pidfd.hpp"
#include "engine_state.hpp"

namespace berth::local {
namespace {

struct Fill {
  std::string volume, path;
  bool from_image = true;
};

std::string volume_name(const Unit& unit, const engine::ContainerMount& mount) {
  return mount.source.empty() ? unit.record.anonymous_volumes.at(mount.target) : mount.source;
}

Result<void> fill_all(const std::string& root, const std::vector<std::string>& lower, const std::vector<Fill>& fills) {
  auto view = sys::open_overlay(lower, "", "");
  if (!view) return view.error();
  volume::VolumeStore volumes(root);
  for (const auto& fill : fills) {
    if (auto mounted = volumes.mount(fill.volume); !mounted) return mounted.error();
    if (fill.from_image) BERTH_TRY(volumes.fill_from_image(fill.volume, view->get(), fill.path));
  }
  return {};
}

Result<void> write_etc(const std::string& path, const std::string& text) {
  // In place: nobody reads it yet, and the next start writes it anew.
  auto file = sys::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
  if (!file) return file.error();
  BERTH_TRY(sys::write_all(file->get(), text, path));
  if (::fchmod(file->get(), 0644) < 0) return Error::system(errno, "change mode of", path);  // whatever the umask
  return {};
}

}  // namespace

void LocalEngine::State::start(const ContainerId& id, engine::Done<> done) {
  const auto unit = unit_of(id);
  if (!unit) return done(no_container(id));
  if (unit->is_running() && !unit->launch && !unit->hooking) return done({});
  unit->starting.push_back(std::move(done));
  unit->launched_again = false;
  if (unit->launch || unit->filling || unit->hooking) return;  // somebody else's start is under way; it answers both
  if (unit->record.user_stopped) {
    unit->record.user_stopped = false;
    if (auto written = state::write_record(paths, unit->record); !written) return started(*unit, written);
  }
  fill_volumes(unit);
}

void LocalEngine::State::fill_volumes(const std::shared_ptr<Unit>& unit) {
  std::vector<Fill> fills;
  for (const auto& mount : unit->spec().mounts)
    if (mount.type == model::MountType::Volume)
      fills.push_back({volume_name(*unit, mount), mount.target, !mount.no_copy});
  unit->filling = true;
  const auto go_on = [this, id = unit->id()](Result<void> filled) {
    const auto self = unit_of(id);
    if (!self) return;
    if (filled) return line_up(id);
    self->filling = false;
    started(*self, filled);
  };
  if (fills.empty()) return go_on({});
  auto lower = images.lower_directories(unit->spec().image_digest);
  if (!lower) return go_on(lower.error());
  loop.on_worker<Result<void>>(
      [root = paths.root, lower = std::move(*lower), fills] { return fill_all(root, lower, fills); }, go_on);
}

// One launch a turn of the loop: in between, gates open and exits are heard, so that the containers' own work runs
// beside the making of the next ones.
void LocalEngine::State::line_up(const ContainerId& id) {
  line.push_back(id);
  if (line.size() == 1) loop.post([this] { launch_next(); });
}

void LocalEngine::State::launch_next() {
  const auto unit = unit_of(line.front());
  line.pop_front();
  if (!line.empty()) loop.post([this] { launch_next(); });
  if (!unit) return;
  unit->filling = false;
  auto launched = unit->removing ? Result<void>(no_container(unit->id())) : launch(*unit);
  if (!launched) started(*unit, launched);
}

Result<std::vector<MountSource>> LocalEngine::State::mount_sources(const Unit& unit) {
  std::vector<MountSource> sources;
  for (const auto& mount : unit.spec().mounts) {
    if (mount.type == model::MountType::Tmpfs) {
      sources.emplace_back();
    } else if (mount.type == model::MountType::Bind) {
      if (!sys::exists(mount.source)) {
        if (!mount.create_host_path)
          return Error::make(ErrorKind::NotFound, "bind source `" + mount.source + "` does not exist")
              .with_hint("create it, or set `create_host_path: true`")
              .with_key("volumes." + std::to_string(sources.size()));
        BERTH_TRY(sys::make_directories(mount.source, 0755));
      }
      sources.push_back({mount.source, false, {}});
    } else {
      const std::string name = volume_name(unit, mount);
      auto source = volumes.mount(name);  // it is mounted already where that could take its time
      if (!source) return source.error();
      MountSource found{source->path, source->read_only, {}};
      if (!mount.subpath.empty()) {
        // What lies in a volume was written by containers: a link there leads nowhere out of it.
        auto top = sys::open(found.path, O_PATH | O_DIRECTORY);
        if (!top) return top.error();
        auto below = sys::open_in_root(top->get(), mount.subpath, O_PATH);
        if (!below) return below.error().while_doing("looking for the subpath in volume `" + name + "`");
        found.path += "/" + mount.subpath;
        found.fd = std::move(*below);
      }
      sources.push_back(std::move(found));
    }
  }
  return sources;
}

// Contents of secrets and configs go into files of the container's run directory (tmpfs), with the mode and owner asked
// for.
Result<std::vector<std::string>> LocalEngine::State::file_sources(const Unit& unit) {
  std::vector<std::string> sources;
  const std::string directory = paths.run(project) + "/files/" + unit.id().value;
  for (std::size_t i = 0; i < unit.spec().files.size(); ++i) {
    const auto& file = unit.spec().files[i];
    if (!file.content && file.uid == 0 && file.gid == 0 && file.mode == 0444) {
      sources.push_back(file.host_path);
      continue;
    }
    std::string content;
    if (file.content)
      content = *file.content;
    else {
      auto text = sys::read_file(file.host_path, 1u << 20);
      if (!text) return text.error();
      content = std::move(*text);
    }
    BERTH_TRY(sys::make_directories(directory, 0700));
    const std::string path = directory + "/" + std::to_string(i);
    BERTH_TRY(sys::write_file_atomic(path, content, sys::Durability::Volatile));
    if (::chown(path.c_str(), file.uid, file.gid) < 0 || ::chmod(path.c_str(), file.mode) < 0)
      return Error::system(errno, "set owner and mode of", path);
    sources.push_back(path);
  }
  return sources;
}

Result<void> LocalEngine::State::write_etc_files(const Unit& unit) {
  const auto& spec = unit.spec();
  const std::string directory = paths.container(project, unit.id());
  const std::string hostname = hostname_of(spec, unit.id());
  BERTH_TRY(write_etc(directory + "/hostname", network::hostname_text(hostname)));
  if (spec.network_mode == "host") {
    // None is no failure: the host does without, too.
    const auto hosts = sys::read_file("/etc/hosts", 1u << 20), resolver = sys::read_file("/etc/resolv.conf", 1u << 16);
    BERTH_TRY(
        write_etc(directory + "/hosts", network::host_hosts_text(hosts ? *hosts : std::string(), spec.extra_hosts)));
    return write_etc(
        directory + "/resolv.conf",
        network::host_resolv_conf_text(resolver ? *resolver : std::string(), spec.dns, spec.dns_search, spec.dns_opt));
  }
  std::vector<std::string> addresses;
  for (const auto& address : unit.place.addresses) addresses.push_back(address.ipv4);
  if (unit.place.host_address.empty())
    for (const auto& [name, values] : spec.extra_hosts)
      if (std::find(values.begin(), values.end(), "host-gateway") != values.end())
        return Error::make(ErrorKind::Invalid, "extra host `" + name + "` of `" + spec.name +
                                                   "` is the host-gateway, but the container has no network");
  BERTH_TRY(write_etc(directory + "/hosts", network::hosts_text(addresses, hostname, spec.domainname, spec.extra_hosts,
                                                                unit.place.host_address)));
  return write_etc(directory + "/resolv.conf",
                   addresses.empty()
                       ? std::string()
                       : network::resolv_conf_text(network->host_resolver(), spec.dns_search, spec.dns_opt));
}

Result<void> LocalEngine::State::launch(Unit& unit) {
  const auto& spec = unit.spec();
  const std::string id = unit.id().value, directory = paths.container(project, unit.id());
  Rollback undo;
  undo.push([&] { release(unit); });
  ContainerPlace place;
  place.id = unit.id();
  auto lower = images.lower_directories(spec.image_digest);
  if (!lower) return lower.error();
  place.lower = *lower;
  place.upper = directory + "/upper";
  place.work = directory + "/work";
  place.mount_point = directory + "/root";
  place.bin_dir = paths.below_root("bin");

  sys::UniqueFd joined_network;
  std::optional<Joined> joined;
  static const std::string kContainer = "container:";
  if (spec.network_mode.starts_with(kContainer)) {
    auto other = find_joined(spec.network_mode.substr(kContainer.size()), spec.name);
    if (!other) return other.error();
    joined = std::move(*other);
    auto netns = open_namespace(*joined, "net");
    if (!netns) return netns.error();
    joined_network = std::move(*netns);
    place.network_namespace = joined_network.get();
  } else if (spec.network_mode != "host") {
    BERTH_TRY(network->join(spec, unit.id(), unit.record.name, unit.place));
    place.network_namespace = unit.place.netns.get();
  }
  unit.run.addresses = unit.place.addresses;
  unit.run.publications.clear();
  for (const auto& port : unit.place.ports) unit.run.publications.push_back(port.publication);
  if (!joined) BERTH_TRY(write_etc_files(unit));
  // With another's network come its names.
  const std::string names = joined ? joined->directory : directory;
  place.hostname = joined ? joined->hostname : hostname_of(spec, unit.id());
  place.hosts_file = names + "/hosts";
  place.resolv_file = names + "/resolv.conf";
  place.hostname_file = names + "/hostname";
  std::vector<sys::UniqueFd> namespaces;  // open until the plan is built
  const auto join = [&](const std::string& mode, const char* what, int& space, int& mounts) -> Result<void> {
    if (!mode.starts_with(kContainer)) return {};
    auto other = find_joined(mode.substr(kContainer.size()), spec.name);
    if (!other) return other.error();
    auto own = open_namespace(*other, what), mount = open_namespace(*other, "mnt");
    if (!own) return own.error();
    if (!mount) return mount.error();
    space = own->get();
    mounts = mount->get();
    namespaces.push_back(std::move(*own));
    namespaces.push_back(std::move(*mount));
    return {};
  };
  BERTH_TRY(join(spec.confinement.pid, "pid", place.pid_namespace, place.pid_mounts));
  BERTH_TRY(join(spec.confinement.ipc, "ipc", place.ipc_namespace, place.ipc_mounts));

  auto sources = mount_sources(unit);
  if (!sources) return sources.error();
  place.mount_sources = std::move(*sources);
  auto files = file_sources(unit);
  if (!files) return files.error();
  place.file_sources = std::move(*files);
  auto view = sys::open_overlay(place.lower, "", "");
  if (!view) return view.error();
  auto user = runtime::resolve_user(view->get(), spec.user, spec.confinement.group_add);
  if (!user) return user.error();
  place.user = std::move(*user);

  auto runtime_spec = runtime_spec_of(spec, place);
  if (!runtime_spec) return runtime_spec.error();
  std::vector<std::string> warnings;
  auto cgroup = runtime::create_cgroup(cgroup_name(unit.id()), runtime_spec->resources, &warnings);
  if (!cgroup) return cgroup.error();
  for (auto& note : runtime::lower_to_allowed(runtime_spec->process)) warnings.push_back(std::move(note));
  if (spec.network_mode == "host" && !spec.ports.empty())
    warnings.push_back("its ports are not published: in the host's network they are there already");
  for (const auto& warning : warnings) warn("service `" + spec.service.value + "`: " + warning);

  runtime::remove_exit_record(paths.run(project), id);
  runtime::LaunchRequest request;
  request.name = id;
  request.spec = std::move(*runtime_spec);
  std::vector<sys::UniqueFd> stdio;
  BERTH_TRY(prepare_stdio(unit, request, stdio));
  request.cgroup = &*cgroup;
  auto plan = runtime::build_launch_plan(request);
  if (!plan) return plan.error();
  auto launched = launcher.launch(std::move(*plan));
  if (!launched) return launched.error();
  unit.pump->start();
  unit.ended_early.reset();
  unit.launch = std::move(*launched);
  unit.status = loop.on_readable(unit.launch->status_fd(), [this, key = unit.id()] { on_status(key); });
  watch();
  undo.commit();
  return {};
}

void LocalEngine::State::on_status(const ContainerId& id) {
  const auto unit = unit_of(id);
  if (!unit || !unit->launch) return;
  const auto outcome = unit->launch->on_status();
  if (auto master = unit->launch->take_terminal()) {
    auto adopted = keeper.park("tty:" + id.value, {master.get()});
    if (adopted) adopted = adopt_terminal(*unit, std::move(master));
    if (!adopted) warn(adopted.error().to_string());
  }
  // The second process (it joined a pid namespace) may have become known by this, or the terminal have arrived.
  if (!outcome) return on_known({unit->launch});
  unit->status.cancel();
  unit->pidfd = unit->launch->take_pidfd();
  const auto launch = std::move(unit->launch);
  if (outcome->running) {
    unit->run.phase = engine::Phase::Running;
    unit->run.exit_code = 0;
    unit->run.error.clear();
    unit->run.oom_killed = false;
    unit->run.started_at = wall_clock();
    unit->run.health = unit->spec().health ? engine::Health::Starting : engine::Health::None;
    unit->run.health_log = {};
    show(*unit);
    started(*unit, state::write_start(paths, project, id, unit->run));
    if (auto pinned = state::pin_process(paths, project, id, unit->pidfd.get()); !pinned)
      warn(pinned.error().while_doing("keeping the exit status of " + unit->record.name).to_string());
    if (unit->ended_early) ended(*unit, *std::exchange(unit->ended_early, std::nullopt));
    return;
  }
  // The zygote died before it had cloned this one.
  if (outcome->error.errno_value() == ECHILD && !std::exchange(unit->launched_again, true)) {
    drop_stdio(*unit);
    if (auto again = this->launch(*unit); !again) started(*unit, again);
    return;
  }
  Error error = outcome->error;
  if (outcome->exit_code == 126 || outcome->exit_code == 127) error = why_not_executed(*unit, outcome->error);
  unit->run.exit_code = outcome->exit_code;
  unit->run.error = error.to_string();
  started(*unit, error);
}

// From the files as the container would have seen them; where they cannot be looked at, `failed` as it is.
Error LocalEngine::State::why_not_executed(const Unit& unit, const Error& failed) {
  const auto& spec = unit.spec();
  auto layers = images.lower_directories(spec.image_digest);
  if (!layers) return failed;
  layers->insert(layers->begin(), paths.container(project, unit.id()) + "/upper");
  auto root = sys::open_overlay(*layers, "", "");
  auto sources = mount_sources(unit);
  if (!root || !sources) return failed;
  runtime::SeenFiles files{root->get(), {}};
  for (std::size_t i = 0; i < sources->size(); ++i) {
    const auto& source = (*sources)[i];
    const std::string path = source.fd ? "/proc/self/fd/" + std::to_string(source.fd.get()) : source.path;
    if (!path.empty()) files.mounts.emplace_back(spec.mounts[i].target, path);
  }
  const auto path = spec.environment.find("PATH");
  const auto& argv = spec.entrypoint.empty() ? spec.command : spec.entrypoint;
  return runtime::explain_exec_failure(files, argv.front(),
                                       path == spec.environment.end()
                                           ? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
                                           : path->second,
                                       spec.working_dir, failed.errno_value())
      .with_key(spec.entrypoint.empty() ? "command" : "entrypoint");
}

// A failed start leaves an ended container and nothing running; a failed hook leaves it running.
void LocalEngine::State::started(Unit& unit, Result<void> result) {
  if (!result) {
    if (unit.pump)
      (void)unit.pump->finish();  // what it printed before is in the log; an error of the log was warned about
    release(unit);
    unit.run.phase = engine::Phase::Exited;
    unit.run.finished_at = wall_clock();
    if (unit.run.exit_code == 0) unit.run.exit_code = 125;
    if (unit.run.error.empty()) unit.run.error = result.error().to_string();
    if (auto saved = save(unit); !saved) warn(saved.error().to_string());
    const std::string key = result.error().key();
    result = result.error()
                 .while_doing("starting " + unit.record.name)
                 .with_key(unit.spec().service.value + (key.empty() ? "" : "." + key));
  } else if (observer.on_start) {
    observer.on_start(unit.shown);
  }
  const bool by_policy = std::exchange(unit.by_policy, false);
  if (!result || by_policy || unit.spec().one_off || unit.spec().post_start.empty()) return answer_start(unit, result);
  unit.hooking = true;
  run_hooks(unit, "post_start", unit.spec().post_start, [this, id = unit.id()](Result<void> ran) {
    const auto late = unit_of(id);
    if (!late) return;
    late->hooking = false;
    answer_start(*late, ran);
  });
}

// All who asked for it.
void LocalEngine::State::answer_start(Unit& unit, const Result<void>& result) {
  const auto starting = std::exchange(unit.starting, {});
  for (const auto& done : starting) done(result);
  tell_waiters(unit);
}

}  // namespace berth::local
