// `docker exec`, `docker attach`, `docker logs`.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <limits>
#include <memory>

#include "attached_client.hpp"
#include "berth/logs/container_log.hpp"
#include "berth/logs/reader.hpp"
#include "docker/commands.hpp"
#include "docker/env_files.hpp"
#include "docker/find.hpp"
#include "stack_client.hpp"
#include "start_stack.hpp"
#include "time_option.hpp"

namespace berth::cli::docker {
namespace {

// Compat: -i -t without a terminal is refused, -t alone is not.
Manner manner_of_exec(const App& app) {
  const OptionValues& given = app.line.options;
  Manner manner;
  manner.terminal = given.flag("tty");
  manner.interactive = given.flag("interactive");
  manner.detach_keys = given.text("detach-keys");
  if (manner.terminal && manner.interactive && !::isatty(STDIN_FILENO))
    throw Failure(Error::make(ErrorKind::Invalid, "the input device is not a TTY").with_hint("leave out -t"));
  return manner;
}

// Lines keep their order also where both streams go to one pipe: stdout has a buffer, stderr has none.
void print_log_line(const logs::Line& line, bool timestamps) {
  if (line.stream == logs::Stream::Stderr) std::fflush(stdout);
  std::string text = line.text + "\n";
  if (timestamps) text = logs::format_log_time(line.time) + " " + text;
  std::fwrite(text.data(), 1, text.size(), line.stream == logs::Stream::Stderr ? stderr : stdout);
}

// Until the container has ended for good. Its beginnings and ends come from the supervisor, lines from the file.
class OneLog {
 public:
  OneLog(const App& app, Found found, logs::LineSink sink)
      : app_(app), found_(std::move(found)), sink_(std::move(sink)) {}

  int follow(const logs::Source& source, const logs::Range& range) {
    const auto client = connect_to_stack(app_, found_.project());
    const auto stop = [&] { client->loop().stop(); };
    const auto interrupt = client->loop().on_signal(SIGINT, stop), terminate = client->loop().on_signal(SIGTERM, stop);
    const auto follower = must(logs::Follower::create(client->loop(), sink_));
    must(follower->start({source}, range));
    control::Watch watch;
    watch.services = {found_.state.spec.service.value};
    watch.until = range.until == std::numeric_limits<std::int64_t>::max() ? 0 : range.until;
    must(client->send(watch));
    bool ended = has_ended();  // it may have, before it was watched
    if (ended) return catch_up(*follower, source);
    const auto received = client->receive([&](control::Message message, std::vector<sys::UniqueFd>) {
      const auto* event = std::get_if<control::Happened>(&message);
      ended = std::holds_alternative<control::Done>(message) ||
              (event && event->id == found_.state.id && (event->action == "die" || event->action == "destroy") &&
               has_ended());
      return ended ? control::Client::Next::Stop : control::Client::Next::Continue;
    });
    if (received.has_error() && received.error().kind() == ErrorKind::Cancelled) return kInterrupted;
    if (!ended && !has_ended())
      throw Failure(received.error().while_doing("following the log of `" + found_.state.name + "`"));
    return catch_up(*follower, source);
  }

 private:
  static int catch_up(logs::Follower& follower, const logs::Source& source) {
    follower.catch_up(source.path);
    return kOk;
  }
  bool has_ended() const {
    const auto now = find_container(all_containers(app_), found_.state.id.value);
    return !now || !is_up(now->state.phase);
  }

  const App& app_;
  Found found_;
  logs::LineSink sink_;
};

}  // namespace

int run_exec(const App& app) {
  const OptionValues& given = app.line.options;
  const Found found = require_container(app, app.line.operands.at(0));
  if (found.state.phase == engine::Phase::Paused)
    throw Failure(Error::make(ErrorKind::Invalid, "container `" + found.state.name + "` is paused")
                      .with_hint("`docker unpause " + found.state.name + "` first"));
  if (found.state.phase != engine::Phase::Running)
    throw Failure(Error::make(ErrorKind::Invalid, "container `" + found.state.name + "` is not running"));
  control::Exec exec;
  exec.container = found.state.id;
  exec.service = found.state.spec.service.value;
  exec.argv = {app.line.operands.begin() + 1, app.line.operands.end()};
  for (const auto& [name, value] : variables_of(app, given.all("env-file"), given.all("env")))
    exec.environment.push_back(name + "=" + value);
  exec.user = given.text("user");
  exec.working_dir = given.text("workdir");
  exec.privileged = given.flag("privileged");
  exec.detach = given.flag("detach");
  if (exec.detach) return request_of_stack(app, found.project(), exec);
  return attach_to_exec(app, found.project(), std::move(exec), manner_of_exec(app));
}

int run_attach(const App& app) {
  const Found found = require_container(app, app.line.operands[0]);
  if (found.state.phase == engine::Phase::Paused)
    throw Failure(Error::make(ErrorKind::Invalid, "container `" + found.state.name + "` is paused"));
  if (found.state.phase != engine::Phase::Running)
    throw Failure(Error::make(ErrorKind::Invalid, "container `" + found.state.name + "` is not running")
                      .with_hint("`docker start -a " + found.state.name + "` starts it"));
  control::Attach attach;
  attach.container = found.state.id;
  attach.service = found.state.spec.service.value;
  Manner manner = manner_of_attach(app, found.state.spec.tty);
  manner.interactive = manner.interactive && found.state.spec.stdin_open;
  return attach_to_container(app, found.project(), attach, manner);
}

int run_logs(const App& app) {
  const OptionValues& given = app.line.options;
  const logs::Range range = log_range(given);
  const Found found = require_container(app, app.line.operands[0]);
  const auto files =
      logs::LogFiles::of(app.paths.root, app.paths.run_root, found.project().value, found.state.id.value);
  const logs::Source source{found.state.name, files.log, files.commit};
  const bool following = given.flag("follow") && is_up(found.state.phase);
  const logs::LineSink sink = [timestamps = given.flag("timestamps"), following](const logs::Line& line) {
    print_log_line(line, timestamps);
    if (following) std::fflush(line.stream == logs::Stream::Stderr ? stderr : stdout);
    return true;
  };
  if (following) return OneLog(app, found, sink).follow(source, range);
  must(logs::read_lines({source}, range, sink));
  return kOk;
}

}  // namespace berth::cli::docker
