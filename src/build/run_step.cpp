// RUN: one process tree in new namespaces over the layers so far and the draft of the next one.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>

#include "berth/base/random.hpp"
#include "berth/dockerfile/words.hpp"
#include "berth/network/bridges.hpp"
#include "berth/runtime/default_spec.hpp"
#include "berth/runtime/launcher.hpp"
#include "berth/runtime/user.hpp"
#include "berth/sys/cgroup.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/overlay.hpp"
#include "berth/sys/pidfd.hpp"
#include "builder.hpp"
#include "digest.hpp"

namespace berth::build {

// The pipes of a running step, cut into lines.
class RunProcess {
 public:
  std::shared_ptr<runtime::Launch> launch;
  sys::UniqueFd out, err;
  std::deque<std::string> last;  // what a failure report shows

  static constexpr std::size_t kKeptLines = 20;
  static constexpr std::size_t kLongestLine = 16 << 10;

  // False at the end of the stream.
  bool read(sys::UniqueFd& from, bool is_err, const std::function<void(const std::string&, bool)>& line) {
    char buffer[16384];
    const ssize_t length = ::read(from.get(), buffer, sizeof buffer);
    if (length < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    std::string& part = part_[is_err];
    if (length <= 0) {
      if (!part.empty()) finish(part, is_err, line);
      from.reset();
      return false;
    }
    for (ssize_t i = 0; i < length; ++i) {
      if (buffer[i] != '\n') part += buffer[i];
      if (buffer[i] == '\n' || part.size() >= kLongestLine) finish(part, is_err, line);
    }
    return true;
  }

 private:
  void finish(std::string& part, bool is_err, const std::function<void(const std::string&, bool)>& line) {
    if (part.ends_with('\r')) part.pop_back();
    last.push_back(part);
    if (last.size() > kKeptLines) last.pop_front();
    line(part, is_err);
    part.clear();
  }
  std::string part_[2];
};

namespace {

std::string meaning_of(int code) {
  if (code == 126) return " (found, but could not be executed)";
  if (code == 127) return " (command not found)";
  if (code > 128 && code < 128 + 65)
    return std::string(" (killed by ") +
           (sigabbrev_np(code - 128) ? std::string("SIG") + sigabbrev_np(code - 128) : "a signal") + ")";
  return "";
}

// Paths below the root that mounting will have to create, outermost first: they are taken out of the layer again.
std::vector<std::string> mount_stubs(int view, const std::vector<oci::Mount>& mounts) {
  std::vector<std::string> out;
  for (const auto& mount : mounts) {
    for (std::size_t at = 1; at != std::string::npos && at < mount.destination.size();) {
      at = mount.destination.find('/', at);
      const std::string path = mount.destination.substr(0, at);
      if (at != std::string::npos) ++at;
      if (!sys::open_in_root(view, path, O_PATH | O_NOFOLLOW)) out.push_back(path);
    }
  }
  return out;
}

// Only what is still empty goes: a step may have put something there on purpose.
void remove_stubs(const std::string& upper, const std::vector<std::string>& stubs) {
  for (auto stub = stubs.rbegin(); stub != stubs.rend(); ++stub) {
    const std::string path = upper + *stub;
    struct stat status {};
    if (lstat(path.c_str(), &status) != 0) continue;
    if (S_ISDIR(status.st_mode))
      rmdir(path.c_str());
    else if (S_ISREG(status.st_mode) && status.st_size == 0)
      unlink(path.c_str());
  }
}

Result<std::string> hosts_file(const std::map<std::string, std::vector<std::string>>& extra, const std::string& host,
                               const std::string& host_gateway) {
  std::string out = "127.0.0.1\tlocalhost " + host + "\n::1\tlocalhost ip6-localhost ip6-loopback\n";
  for (const auto& [name, addresses] : extra)
    for (const auto& address : addresses) {
      if (address == "host-gateway" && host_gateway.empty())
        return Error::make(ErrorKind::Invalid,
                           "extra host `" + name + "` is the host-gateway, but the step has no network");
      out += (address == "host-gateway" ? host_gateway : address) + "\t" + name + "\n";
    }
  return out;
}

// `RUN <<EOF` whose body begins with `#!` is a program of its own: the shell is given its path.
bool has_interpreter(const dockerfile::Run& run) { return run.script && run.heredocs[0].body.starts_with("#!"); }
std::string script_path(const dockerfile::Run& run) { return "/dev/pipes/" + run.heredocs[0].name; }

constexpr const char* kBuildHost = "buildkitsandbox";  // Compat: scripts print it, some test for it

}  // namespace

std::vector<std::string> Builder::run_environment(const StageState& state) const {
  std::vector<std::string> out;
  for (const auto& [name, value] : state.scope) out.push_back(name + "=" + value);
  for (const auto& [name, value] : request_.args)
    if (dockerfile::is_proxy_argument(name) && !state.scope.count(name))
      if (auto resolved = argument(name)) out.push_back(name + "=" + *resolved);
  return out;
}

Result<int> Builder::wait_for(RunProcess& process, RunNetwork* network, std::vector<AgentForward>& agents) {
  const auto line = [&](const std::string& text, bool is_err) {
    BuildEvent event;
    event.kind = BuildEvent::Kind::Output;
    event.step = step_;
    event.total = total_;
    event.stage = stage_name_;
    event.text = text;
    event.from_stderr = is_err;
    sink_(event);
  };
  bool ended = false, killed = false;
  while (!ended || process.out || process.err) {
    std::vector<pollfd> wait{{process.out.get(), POLLIN, 0},
                             {process.err.get(), POLLIN, 0},
                             {ended ? -1 : process.launch->pidfd(), POLLIN, 0},
                             {killed ? -1 : ports_.cancel_fd, POLLIN, 0}};
    const std::size_t fixed = wait.size();
    if (network)
      for (int fd : network->poll_fds()) wait.push_back({fd, POLLIN, 0});
    const std::size_t ours = wait.size();
    for (const auto& agent : agents)
      for (const auto& each : agent.wanted()) wait.push_back(each);
    int timeout = -1;
    if (network)
      if (const auto deadline = network->deadline())
        timeout = static_cast<int>(std::clamp<std::int64_t>(
            std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now()).count(), 0,
            60'000));
    const int ready = poll(wait.data(), wait.size(), timeout);
    if (ready == 0 && network) network->on_readable(-1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return Error::system(errno, "wait for", "the build step");
    if (!killed && ports_.cancelled && ports_.cancelled()) {
      killed = true;
      BERTH_TRY(sys::send_signal(process.launch->pidfd(), SIGKILL));
    }
    if (process.out && wait[0].revents) process.read(process.out, false, line);
    if (process.err && wait[1].revents) process.read(process.err, true, line);
    if (!ended && wait[2].revents) ended = true;
    for (std::size_t i = fixed; i < ours; ++i)
      if (wait[i].revents) network->on_readable(wait[i].fd);
    for (auto& agent : agents) agent.on_ready(wait);
  }
  auto status = runtime::reap(process.launch->pidfd());
  if (!status) return status.error();
  if (killed) return Error::make(ErrorKind::Cancelled, "the build was interrupted");
  return sys::exit_code_of_status(*status);
}

Result<void> Builder::execute(StageState& state, const dockerfile::Run& run, const dockerfile::Instruction& step,
                              const std::vector<std::string>& args, const std::vector<MountWish>& mounts,
                              std::size_t stage, const image::LayerDraft& draft) {
  auto lowers = lower_directories(state.layers, draft);
  if (!lowers) return lowers.error();
  runtime::LaunchRequest request;
  request.name = "build-" + std::to_string(getpid()) + "-" + random_hex(6);
  request.parent_death = runtime::ParentDeath::Kill;
  runtime::DefaultOptions defaults;
  if (request_.shm_size.bytes) defaults.shm_size = request_.shm_size.bytes;
  defaults.privileged = run.security == "insecure";
  request.spec = runtime::default_spec(defaults);
  for (const auto& [name, limit] : request_.ulimits)
    request.spec.process.rlimits.push_back(
        {name, static_cast<std::uint64_t>(limit.soft), static_cast<std::uint64_t>(limit.hard)});
  const std::string hostname = argument("BUILDKIT_SANDBOX_HOSTNAME").value_or(kBuildHost);
  request.spec.hostname = hostname;
  auto extra = run_mounts(state, mounts, stage, draft);
  if (!extra) return extra.error();

  const std::string mode = !run.network.empty()        ? run.network
                           : !request_.network.empty() ? request_.network
                                                       : "default";
  std::unique_ptr<RunNetwork> network;
  sys::UniqueFd isolated;
  std::string resolv_conf, host_gateway;
  if (mode == "host") {
    host_gateway = "127.0.0.1";
    request.spec.namespaces.network.mode = oci::NamespaceMode::Host;
    if (auto text = sys::read_file("/etc/resolv.conf", 1u << 16)) resolv_conf = *text;
  } else if (mode == "default" && ports_.network) {
    auto made = ports_.network();
    if (!made) return made.error().while_doing("making the network of a build step");
    network = std::move(*made);
    request.spec.namespaces.network.mode = oci::NamespaceMode::Join;
    request.spec.namespaces.network.fd = network->namespace_fd();
    resolv_conf = network->resolv_conf();
    host_gateway = network->host_address();
  } else if (mode == "none") {
    auto alone = network::create_container_netns();
    if (!alone) return alone.error();
    isolated = std::move(*alone);
    request.spec.namespaces.network.mode = oci::NamespaceMode::Join;
    request.spec.namespaces.network.fd = isolated.get();
  } else if (mode == "default" && !std::exchange(network_warned_, true)) {
    BuildEvent event;
    event.kind = BuildEvent::Kind::Warning;
    event.diagnostic.severity = text::Severity::Warning;
    event.diagnostic.message = "no network for build steps, continuing with loopback only";
    sink_(event);
  }
  const std::string hosts = draft.scratch() + "/hosts", resolver = draft.scratch() + "/resolv.conf";
  auto hosts_text = hosts_file(request_.extra_hosts, hostname, host_gateway);
  if (!hosts_text) return hosts_text.error();
  BERTH_TRY(put_file(hosts, *hosts_text, 0644));
  BERTH_TRY(put_file(resolver, resolv_conf, 0644));
  request.spec.mounts.push_back(bind_mount(hosts, "/etc/hosts", false));
  request.spec.mounts.push_back(bind_mount(resolver, "/etc/resolv.conf", false));
  for (auto& mount : extra->mounts) request.spec.mounts.push_back(std::move(mount));
  if (has_interpreter(run)) {
    const std::string script = draft.scratch() + "/script";
    BERTH_TRY(put_file(script, run.heredocs[0].body, 0755));
    request.spec.mounts.push_back(bind_mount(script, script_path(run), true));
  }

  std::vector<std::string> stubs;
  request.spec.process.args = args;
  request.spec.process.env = run_environment(state);
  request.spec.process.env.insert(request.spec.process.env.end(), extra->env.begin(), extra->env.end());
  request.spec.process.cwd = state.config.config.working_dir.empty() ? "/" : state.config.config.working_dir;
  {
    auto view = sys::open_overlay(*lowers, "", "");
    if (!view) return view.error();
    auto user = runtime::resolve_user(view->get(), state.config.config.user);
    if (!user) return failed(step.span, user.error().to_string());
    request.spec.process.user = user->user;
    if (!state.scope.count("HOME")) request.spec.process.env.push_back("HOME=" + user->home);
    stubs = mount_stubs(view->get(), request.spec.mounts);
  }
  request.spec.root.path = draft.scratch() + "/root";
  BERTH_TRY(sys::make_directories(request.spec.root.path, 0755));
  request.spec.root.overlay = oci::Overlay{*lowers, draft.upper(), draft.work()};

  // A group of its own right below `berth`: with a parent that builds share, one would remove it while another makes
  // its own.
  auto cgroup = runtime::create_cgroup("berth/_" + request.name, request.spec.resources);
  if (!cgroup) return cgroup.error();
  request.cgroup = &*cgroup;
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0) return Error::system(errno, "make a pipe for", "a build step");
  RunProcess process;
  process.out.reset(out[0]);
  sys::UniqueFd out_end(out[1]);
  if (pipe2(err, O_CLOEXEC) != 0) return Error::system(errno, "make a pipe for", "a build step");
  process.err.reset(err[0]);
  sys::UniqueFd err_end(err[1]);
  request.stdio.out = out[1];
  request.stdio.err = err[1];
  const auto outcome = [&]() -> Result<int> {
    auto plan = runtime::build_launch_plan(request);
    if (!plan) return plan.error();
    auto launch = runtime::DirectLauncher::launch(std::move(*plan));
    if (!launch) return launch.error();
    process.launch = *launch;
    out_end.reset();
    err_end.reset();
    const auto started = runtime::finish_launch(*process.launch);
    if (!started.running) {
      (void)runtime::reap(process.launch->pidfd());
      return failed(step.span, started.error.to_string(), started.error.hint(), {}, started.exit_code);
    }
    return wait_for(process, network.get(), extra->agents);
  }();
  (void)cgroup->kill();
  (void)cgroup->remove();
  if (!outcome) return outcome.error();
  remove_stubs(draft.upper(), stubs);
  if (*outcome == 0) return {};
  std::string shown, output;
  for (const auto& arg : args) shown += (shown.empty() ? "" : " ") + arg;
  for (const auto& each : process.last) output += each + "\n";
  return failed(step.span,
                "process `" + shown + "` did not complete successfully: exit code: " + std::to_string(*outcome) +
                    meaning_of(*outcome),
                {}, std::move(output), *outcome);
}

Result<void> Builder::apply_run(StageState& state, const dockerfile::Run& run, const dockerfile::Instruction& step,
                                std::size_t stage) {
  if (!run.devices.empty()) return failed(step.span, "RUN --device is not supported by this builder");
  const auto granted = [&](const char* entitlement) {
    return std::find(request_.entitlements.begin(), request_.entitlements.end(), entitlement) !=
           request_.entitlements.end();
  };
  if (run.security == "insecure" && !request_.privileged && !granted("security.insecure"))
    return failed(step.span, "RUN --security=insecure is not allowed by this build",
                  "set `privileged: true`, or `entitlements: [security.insecure]`, below `build:`");
  if (run.network == "host" && request_.network != "host" && !granted("network.host"))
    return failed(step.span, "RUN --network=host is not allowed by this build",
                  "set `network: host`, or `entitlements: [network.host]`, below `build:`");
  std::vector<std::string> args;
  if (run.command.shell_form && !run.command.words.empty()) {
    args = shell_of(state);
    std::string text = run.command.words[0];
    if (has_interpreter(run))
      text = script_path(run);
    else if (run.script)
      text = run.heredocs[0].body;
    else
      for (const auto& heredoc : run.heredocs) text += "\n" + heredoc.body + heredoc.name;
    args.push_back(std::move(text));
  } else {
    args = run.command.words;
  }
  if (args.empty()) return failed(step.span, "RUN needs a command");
  Digest digest;
  digest.field("run").field(state.key);
  for (const auto& arg : args) digest.field(arg);
  if (has_interpreter(run)) digest.field("script").field(run.heredocs[0].body);
  digest.field("env");
  for (const auto& [name, value] : state.scope) digest.field(name).field(value);
  digest.field(state.config.config.user)
      .field(state.config.config.working_dir)
      .field(run.network)
      .field(request_.network)
      .field(run.security);
  auto planned = plan_mounts(state, run, stage, digest);
  if (!planned) return planned.error();
  const std::vector<MountWish> mounts = std::move(*planned);
  const auto stepped = layer_step(state, digest.hex(), [&](image::LayerDraft& draft) -> Result<bool> {
    BERTH_TRY(execute(state, run, step, args, mounts, stage, draft));
    return true;
  });
  if (!stepped) return stepped.error();
  std::string declared;
  std::size_t count = 0;
  for (const auto& name : state.declared) {
    const auto value = state.scope.find(name);
    declared += name + "=" + (value == state.scope.end() ? "" : value->second) + " ";
    ++count;
  }
  std::string text;
  for (const auto& arg : args) text += (text.empty() ? "" : " ") + arg;
  history(state, "RUN " + (count ? "|" + std::to_string(count) + " " + declared : "") + text + " # buildkit", false);
  return {};
}

}  // namespace berth::build
