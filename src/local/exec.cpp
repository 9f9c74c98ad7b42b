// Programs in running containers. The keeper forks them (they join a pid namespace), so it reaps them and records their
// end.
#include <fcntl.h>

#include "berth/local/runtime_spec.hpp"
#include "berth/runtime/default_spec.hpp"
#include "berth/runtime/user.hpp"
#include "berth/sys/caps.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/pidfd.hpp"
#include "engine_state.hpp"

namespace berth::local {
namespace {

std::vector<std::string> exec_environment(const Unit& unit, const ExecSpec& spec, const std::string& home) {
  std::map<std::string, std::string> all = unit.spec().environment;
  if (spec.terminal) all.try_emplace("TERM", "xterm");
  all.try_emplace("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  all.try_emplace("HOSTNAME", hostname_of(unit.spec(), unit.id()));
  all.try_emplace("HOME", home);
  for (const auto& entry : spec.environment) {
    const auto equals = entry.find('=');
    if (equals != std::string::npos) all[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  std::vector<std::string> list;
  for (const auto& [name, value] : all) list.push_back(name + "=" + value);
  return list;
}

}  // namespace

void LocalEngine::State::exec(const ExecSpec& spec, engine::Done<int> started, std::function<void(int)> ended) {
  const auto start = [&]() -> Result<void> {
    const auto unit = unit_of(spec.container);
    if (!unit) return no_container(spec.container);
    if (!unit->is_running() || unit->launch || !unit->pidfd)
      return Error::make(ErrorKind::Invalid, "`" + unit->record.name + "` is not running");
    // It would stand still before its first instruction, and its client with it.
    if (unit->run.phase == engine::Phase::Paused)
      return Error::make(ErrorKind::Busy, "`" + unit->record.name + "` is paused").with_hint("`unpause` it first");
    auto root = sys::open("/proc/" + std::to_string(unit->run.pid) + "/root", O_PATH | O_DIRECTORY);
    if (!root) return root.error();
    auto user = runtime::resolve_user(root->get(), spec.user.empty() ? unit->spec().user : spec.user,
                                      unit->spec().confinement.group_add);
    if (!user) return user.error();
    runtime::ExecRequest request;
    request.name = unit->id().value + ".exec" + exec_series + std::to_string(++last_exec);
    request.target_pidfd = unit->pidfd.get();
    BERTH_TRY(confine(request.process, request.seccomp, unit->spec().confinement));
    runtime::lower_to_allowed(request.process);  // it was told when the container started
    const bool privileged = spec.privileged || unit->spec().confinement.privileged;
    if (privileged) request.process.capabilities = sys::all_capabilities();
    if (privileged) request.seccomp = "unconfined";
    request.process.args = spec.argv;
    request.process.terminal = spec.terminal;
    request.process.rows = spec.rows;
    request.process.columns = spec.columns;
    request.process.env = exec_environment(*unit, spec, user->home);
    request.process.user = user->user;
    request.process.cwd = !spec.working_dir.empty()          ? spec.working_dir
                          : unit->spec().working_dir.empty() ? "/"
                                                             : unit->spec().working_dir;
    request.stdio = {spec.in, spec.out, spec.err};
    auto cgroup = sys::CgroupSet::find(cgroup_name(unit->id()));
    if (!spec.group.empty()) {
      auto apart = cgroup.with_subgroup(spec.group);
      if (!apart) return apart.error();
      cgroup = std::move(*apart);
    }
    request.cgroup = &cgroup;
    auto plan = runtime::build_exec_plan(request);
    if (!plan) return plan.error();
    auto launched = launcher.launch(std::move(*plan));
    if (!launched) return launched.error();
    auto& run = execs[request.name];
    run.launch = std::move(*launched);
    run.started = std::move(started);
    run.ended = std::move(ended);
    run.status = loop.on_readable(run.launch->status_fd(), [this, name = request.name] { on_exec_status(name); });
    watch();
    return {};
  };
  if (auto result = start(); !result) started(result.error());
}

void LocalEngine::State::on_exec_status(const std::string& name) {
  const auto found = execs.find(name);
  if (found == execs.end()) return;
  auto& run = found->second;
  const auto outcome = run.launch->on_status();
  // The second process (it joined the pid namespace) may have become known by this.
  if (!outcome) {
    on_known({run.launch});
    return;
  }
  run.status.cancel();
  run.pid = run.launch->pid();
  run.pidfd = run.launch->take_pidfd();
  run.terminal = run.launch->take_terminal();
  run.launch.reset();
  const auto started = std::exchange(run.started, nullptr);
  if (!outcome->running) {
    const Error error = outcome->error;
    execs.erase(found);
    return started(error);
  }
  const auto early = run.ended_early;
  const auto ended = run.ended;
  const int pid = run.pid;
  if (early) execs.erase(found);
  started(pid);
  if (early) ended(*early);
}

}  // namespace berth::local
