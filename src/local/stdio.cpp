// What a container reads and writes: pipes into its log, or a terminal, and whoever is attached.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "berth/sys/file.hpp"
#include "berth/sys/regular_file.hpp"
#include "engine_state.hpp"

namespace berth::local {
namespace {

Result<std::pair<sys::UniqueFd, sys::UniqueFd>> open_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return Error::system(errno, "make a pipe");
  return std::pair{sys::UniqueFd(ends[0]), sys::UniqueFd(ends[1])};
}

// A second descriptor for a pipe that somebody else holds the read end of.
Result<sys::UniqueFd> writing_end(int pipe) { return sys::open("/proc/self/fd/" + std::to_string(pipe), O_WRONLY); }

}  // namespace

std::string LocalEngine::State::stdio_path(const ContainerId& id, logs::Stream stream) const {
  return paths.run(project) + "/pipes/" + id.value + (stream == logs::Stream::Stdout ? ".stdout" : ".stderr");
}

// A named pipe that the container opens for both directions: it never has no reader, so that a write after the death of
// keeper and supervisor waits instead of ending the program by SIGPIPE, and the next pair finds it by its name.
Result<Stdio> LocalEngine::State::make_stdio(const ContainerId& id, logs::Stream stream) const {
  const std::string path = stdio_path(id, stream);
  BERTH_TRY(sys::make_directories(paths.run(project) + "/pipes", 0700));
  if (::unlink(path.c_str()) < 0 && errno != ENOENT) return Error::system(errno, "remove", path);
  if (::mkfifo(path.c_str(), 0600) < 0) return Error::system(errno, "make a pipe at", path);
  auto container_end = sys::open(path, O_RDWR);
  if (!container_end) return container_end.error();
  auto our_end = sys::open(path, O_RDONLY | O_NONBLOCK);
  if (!our_end) return our_end.error();
  return Stdio{std::move(*our_end), std::move(*container_end)};
}

// All it wrote is in the log: the pipes go.
void LocalEngine::State::drop_stdio(const Unit& unit) {
  const ContainerId& id = unit.id();
  (void)keeper.drop("out:" + id.value);  // a keeper that is gone holds nothing any more
  (void)keeper.drop("err:" + id.value);
  if (unit.spec().tty) (void)keeper.drop("tty:" + id.value);
  if (unit.spec().stdin_open) (void)keeper.drop("in:" + id.value);
  for (const auto stream : {logs::Stream::Stdout, logs::Stream::Stderr}) (void)::unlink(stdio_path(id, stream).c_str());
}

Result<void> LocalEngine::State::open_log(Unit& unit) {
  if (unit.log) return {};
  auto policy = logs::make_policy(unit.spec());
  if (!policy) return policy.error();
  auto log =
      logs::ContainerLog::open(logs::LogFiles::of(paths.root, paths.run_root, project.value, unit.id().value), *policy);
  if (!log) return log.error();
  unit.log = std::move(*log);
  unit.log->subscribe([this, id = unit.id()](const logs::LiveEntry& entry) {
    if (const auto self = unit_of(id); self && observer.on_line) observer.on_line(self->shown, entry);
  });
  unit.pump = std::make_unique<logs::Pump>(loop, *unit.log, [this](const Error& error) { warn(error.to_string()); });
  return {};
}

// Stdout and stderr are pipes that the keeper holds, too, so that they outlive this process; a terminal's output goes
// through the first of them. `keep` lives until the launch.
Result<void> LocalEngine::State::prepare_stdio(Unit& unit, runtime::LaunchRequest& request,
                                               std::vector<sys::UniqueFd>& keep) {
  const std::string& id = unit.id().value;
  const bool tty = unit.spec().tty;
  Attachment attached = std::exchange(unit.attachment, std::nullopt).value_or(Attachment{});
  BERTH_TRY(open_log(unit));
  const auto add = [&](logs::Stream stream, const std::string& name, sys::UniqueFd tap) -> Result<sys::UniqueFd> {
    auto pipe = make_stdio(unit.id(), stream);
    if (!pipe) return pipe.error();
    BERTH_TRY(keeper.park(name, {pipe->ours.get()}));
    BERTH_TRY(unit.log->attach(stream, std::move(pipe->ours)));
    unit.log->tap(stream, std::move(tap));
    return std::move(pipe->container);
  };
  auto out = add(logs::Stream::Stdout, "out:" + id, std::move(attached.out));
  if (!out) return out.error();
  if (tty) {
    BERTH_TRY(sys::set_nonblocking(out->get()));
    unit.terminal_pipe = std::move(*out);
    request.spec.process.rows = attached.rows;
    request.spec.process.columns = attached.columns;
    return {};
  }
  auto err = add(logs::Stream::Stderr, "err:" + id, std::move(attached.err));
  if (!err) return err.error();
  sys::UniqueFd in = std::move(attached.in);
  if (!in && unit.spec().stdin_open) {
    auto pipe = open_pipe();
    if (!pipe) return pipe.error();
    BERTH_TRY(keeper.park("in:" + id, {pipe->second.get()}));
    in = std::move(pipe->first);
    unit.input = std::move(pipe->second);
  }
  request.stdio = {in ? in.get() : -1, out->get(), err->get()};
  for (auto* fd : {&in, &*out, &*err}) keep.push_back(std::move(*fd));
  return {};
}

Result<void> LocalEngine::State::adopt_terminal(Unit& unit, sys::UniqueFd master) {
  BERTH_TRY(sys::set_nonblocking(master.get()));
  if (!unit.terminal_pipe) {  // a predecessor had it
    auto pipe = writing_end(unit.log->pipe_of(logs::Stream::Stdout));
    if (!pipe) return pipe.error();
    BERTH_TRY(sys::set_nonblocking(pipe->get()));
    unit.terminal_pipe = std::move(*pipe);
  }
  unit.terminal = std::make_unique<TerminalRelay>(loop, std::move(master), std::move(unit.terminal_pipe),
                                                  [this](const Error& error) { warn(error.to_string()); });
  return {};
}

}  // namespace berth::local
