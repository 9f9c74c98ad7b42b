// What a container reads and writes: pipes into its log, or a terminal, and whoever is attached.
#include <fcntl.h>
#include <unistd.h>

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
  const bool again = unit.run.started_at != 0;  // the keeper holds those of the last run
  Attachment attached = std::exchange(unit.attachment, std::nullopt).value_or(Attachment{});
  BERTH_TRY(open_log(unit));
  const auto add = [&](logs::Stream stream, const std::string& name, sys::UniqueFd tap) -> Result<sys::UniqueFd> {
    auto pipe = open_pipe();
    if (!pipe) return pipe.error();
    if (again) BERTH_TRY(keeper.drop(name));
    BERTH_TRY(keeper.park(name, {pipe->first.get()}));
    BERTH_TRY(unit.log->attach(stream, std::move(pipe->first)));
    unit.log->tap(stream, std::move(tap));
    return std::move(pipe->second);
  };
  auto out = add(logs::Stream::Stdout, "out:" + id, std::move(attached.out));
  if (!out) return out.error();
  if (tty) {
    BERTH_TRY(sys::set_nonblocking(out->get()));
    unit.terminal_pipe = std::move(*out);
    if (again) BERTH_TRY(keeper.drop("tty:" + id));
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
    if (again) BERTH_TRY(keeper.drop("in:" + id));
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
