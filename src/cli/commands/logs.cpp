#include "commands.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <map>
#include <memory>

#include "berth/async/loop.hpp"
#include "berth/logs/container_log.hpp"
#include "berth/logs/format.hpp"
#include "berth/logs/reader.hpp"
#include "berth/text/duration.hpp"
#include "stack.hpp"
#include "stack_client.hpp"
#include "time_option.hpp"

namespace berth::cli {
namespace {

logs::Source source_of(const App& app, const engine::ContainerState& state) {
  const auto files = logs::LogFiles::of(app.paths.root, app.paths.run_root, state.spec.project.value, state.id.value);
  return {logs::display_name(state.spec.name, state.spec.project.value), files.log, files.commit};
}

bool is_followed(const App& app, const engine::ContainerState& state) {
  const long index = app.line.options.number("index").value_or(0);
  return is_named(state, app.line.operands) && (index == 0 || state.spec.number == index);
}

bool is_over(const engine::ContainerState& state) {
  return state.phase == engine::Phase::Exited || state.phase == engine::Phase::Dead ||
         state.phase == engine::Phase::Created;
}

// Lines as they come, of containers that are created meanwhile, too; until nothing runs any more. The supervisor knows
// about beginnings and ends, the lines come from the files.
class LogFollow {
 public:
  LogFollow(const App& app, const ProjectName& project, control::Client& client, logs::LineFormatter& formatter,
            const logs::LineSink& sink)
      : app_(app),
        project_(project),
        client_(client),
        formatter_(formatter),
        follower_(must(logs::Follower::create(client.loop(), sink))) {}

  int run(const std::vector<engine::ContainerState>& states, const logs::Range& range) {
    const auto interrupt = client_.loop().on_signal(SIGINT, [this] { client_.loop().stop(); });
    const auto terminate = client_.loop().on_signal(SIGTERM, [this] { client_.loop().stop(); });
    std::vector<logs::Source> sources;
    for (const auto& state : states) {
      sources.push_back(source_of(app_, state));
      paths_[state.id] = sources.back().path;
    }
    must(follower_->start(std::move(sources), range));
    control::Watch watch;
    watch.services = app_.line.operands;
    watch.until_all_ended = true;
    must(client_.send(watch));
    bool done = false;
    const auto received = client_.receive([&](control::Message message, std::vector<sys::UniqueFd>) {
      if (const auto* event = std::get_if<control::Happened>(&message)) happened(*event);
      done = std::holds_alternative<control::Done>(message);
      return control::Client::Next::Continue;
    });
    if (received.has_error() && received.error().kind() == ErrorKind::Cancelled) return kInterrupted;
    for (const auto& [id, path] : paths_) follower_->catch_up(path);
    if (!done) throw Failure(received.error().while_doing("following the logs of `" + project_.value + "`"));
    return kOk;
  }

 private:
  void happened(const control::Happened& event) {
    const auto known = paths_.find(event.id);
    if (event.action == "start" && known == paths_.end()) {
      for (const auto& state : stored_containers(app_, project_))
        if (state.id == event.id && is_followed(app_, state)) add(state);
    } else if (event.action == "die" && known != paths_.end()) {
      follower_->catch_up(known->second);
      const std::string name = logs::display_name(event.attributes.at("name"), project_.value);
      if (prefix_) print(formatter_.status(name, "exited with code " + event.attributes.at("exitCode")));
      std::fflush(stdout);
    }
  }

  void add(const engine::ContainerState& state) {
    logs::Source source = source_of(app_, state);
    paths_[state.id] = source.path;
    formatter_.add_name(source.name);
    must(follower_->add(std::move(source)));
  }

  const App& app_;
  const ProjectName& project_;
  control::Client& client_;
  logs::LineFormatter& formatter_;
  std::unique_ptr<logs::Follower> follower_;
  std::map<ContainerId, std::string> paths_;  // of the logs that are followed
  bool prefix_ = !app_.line.options.flag("no-log-prefix");
};

}  // namespace

int run_logs(const App& app) {
  const OptionValues& options = app.line.options;
  const logs::Range range = log_range(options);
  const ProjectName project = project_name(app);
  auto states = stored_containers(app, project);
  require_services(app, states, app.line.operands);
  std::erase_if(states, [&](const auto& state) { return !is_followed(app, state); });
  logs::LineFormatter formatter({.color = app.color_out && !options.flag("no-color"),
                                 .prefix = !options.flag("no-log-prefix"),
                                 .timestamps = options.flag("timestamps")});
  std::vector<logs::Source> sources;
  for (const auto& state : states) {
    sources.push_back(source_of(app, state));
    formatter.add_name(sources.back().name);
  }
  const bool following = options.flag("follow") && !std::all_of(states.begin(), states.end(), is_over);
  const logs::LineSink sink = [&](const logs::Line& line) {
    print(formatter.line(line.source->name, line.text, line.time));
    if (following) std::fflush(stdout);
    return true;
  };
  if (!following) {
    must(logs::read_lines(sources, range, sink));
    return kOk;
  }
  const auto client = connect_to_stack(app, project);
  return LogFollow(app, project, *client, formatter, sink).run(states, range);
}

}  // namespace berth::cli
