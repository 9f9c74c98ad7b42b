#include "commands.hpp"

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>

#include "berth/async/loop.hpp"
#include "berth/logs/container_log.hpp"
#include "berth/logs/format.hpp"
#include "berth/logs/reader.hpp"
#include "berth/text/duration.hpp"
#include "stack.hpp"

namespace berth::cli {
namespace {

// "2026-01-02T13:23:37Z" or "42m": that long ago.
std::int64_t time_of(const std::string& text, const char* flag) {
  using std::chrono::system_clock;
  const auto nanoseconds = [](system_clock::time_point time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  };
  if (const auto time = text::parse_time(text)) return nanoseconds(*time);
  if (const auto age = text::parse_duration(text)) return nanoseconds(system_clock::now()) - age->count();
  throw Failure(Error::make(ErrorKind::Invalid, "invalid value `" + text + "` for --" + flag)
                    .with_hint("a time as 2026-01-02T13:23:37Z, or an age as 42m"));
}

logs::Range range_of(const OptionValues& options) {
  logs::Range range;
  if (const auto since = options.maybe("since")) range.since = time_of(*since, "since");
  if (const auto until = options.maybe("until")) range.until = time_of(*until, "until");
  const std::string tail = options.text("tail");
  if (tail == "all" || tail == "-1") return range;
  std::size_t lines = 0;
  const auto [end, failed] = std::from_chars(tail.data(), tail.data() + tail.size(), lines);
  if (failed != std::errc() || end != tail.data() + tail.size())
    throw Failure(
        Error::make(ErrorKind::Invalid, "invalid value `" + tail + "` for --tail").with_hint("a number, or `all`"));
  range.tail = lines;
  return range;
}

logs::Source source_of(const App& app, const engine::ContainerState& state) {
  const auto files = logs::LogFiles::of(app.paths.root, app.paths.run_root, state.spec.project.value, state.id.value);
  return {logs::display_name(state.spec.name, state.spec.project.value), files.log, files.commit};
}

void follow(const std::vector<logs::Source>& sources, const logs::Range& range, const logs::LineSink& sink) {
  async::Loop loop;
  const auto interrupt = loop.on_signal(SIGINT, [&] { loop.stop(); });
  const auto terminate = loop.on_signal(SIGTERM, [&] { loop.stop(); });
  const auto follower = must(logs::Follower::create(loop, sink));
  must(follower->start(sources, range));
  loop.run();
}

}  // namespace

int run_logs(const App& app) {
  const OptionValues& options = app.line.options;
  const logs::Range range = range_of(options);
  const auto all = stored_containers(app, project_name(app));
  require_services(all, app.line.operands);
  logs::LineFormatter formatter({.color = app.color_out && !options.flag("no-color"),
                                 .prefix = !options.flag("no-log-prefix"),
                                 .timestamps = options.flag("timestamps")});
  const long index = options.number("index").value_or(0);
  std::vector<logs::Source> sources;
  for (const auto& state : all) {
    if (!is_named(state, app.line.operands) || (index != 0 && state.spec.number != index)) continue;
    sources.push_back(source_of(app, state));
    formatter.add_name(sources.back().name);
  }
  const bool following = options.flag("follow");
  const logs::LineSink sink = [&](const logs::Line& line) {
    print(formatter.line(line.source->name, line.text, line.time));
    if (following) std::fflush(stdout);
    return true;
  };
  if (!following) {
    must(logs::read_lines(sources, range, sink));
    return kOk;
  }
  follow(sources, range, sink);
  return kInterrupted;
}

}  // namespace berth::cli
