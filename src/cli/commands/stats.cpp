#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>

#include "berth/async/loop.hpp"
#include "berth/state/paths.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/window_size.hpp"
#include "commands.hpp"
#include "container_work.hpp"
#include "render/columns.hpp"
#include "render/live_area.hpp"
#include "render/stats_view.hpp"
#include "render/table.hpp"
#include "render/template.hpp"
#include "stack.hpp"

namespace berth::cli {
namespace {

// Samples the containers of a project once a second and shows them; without --no-stream until Ctrl-C.
class StatsShow {
 public:
  StatsShow(const App& app, std::function<std::vector<engine::ContainerState>()> containers)
      : app_(app), containers_(std::move(containers)) {
    machine_memory_ = parse_mem_total(must(sys::read_file("/proc/meminfo")));
    json_ = app.line.options.text("format") == "json";
    rows_ = must(parse_format(app.line.options.text("format")));
    once_ = app.line.options.flag("no-stream");
    live_ = !once_ && !json_ && !rows_ && ::isatty(STDOUT_FILENO) != 0;
  }

  int run() {
    const auto interrupt = loop_.on_signal(SIGINT, [this] { loop_.stop(); });
    const auto terminate = loop_.on_signal(SIGTERM, [this] { loop_.stop(); });
    sample();
    if (!once_) show();
    await_next();
    loop_.run();
    print(area_.leave());
    return once_ ? kOk : kInterrupted;
  }

 private:
  // A rate needs two samples a second apart.
  void await_next() {
    timer_ = loop_.after(std::chrono::seconds(1), [this] {
      sample();
      show();
      if (once_) return loop_.stop();
      await_next();
    });
  }

  void sample() {
    std::map<std::string, StatsSample> before;
    for (auto& stats : shown_)
      if (stats.now) before[stats.id] = *stats.now;
    shown_.clear();
    for (const auto& state : containers_()) {
      const bool runs = state.phase == engine::Phase::Running || state.phase == engine::Phase::Paused;
      if (!runs && !app_.line.options.flag("all")) continue;
      StatsOf stats;
      stats.id = app_.line.options.flag("no-trunc") ? state.id.value : short_id(state.id);
      stats.name = state.name;
      stats.machine_memory = machine_memory_;
      if (const auto old = before.find(stats.id); old != before.end()) stats.before = old->second;
      if (runs) stats.now = sample_of(state);
      shown_.push_back(std::move(stats));
    }
  }

  static StatsSample sample_of(const engine::ContainerState& state) {
    StatsSample now;
    now.time = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
                   .count();
    now.counters = sys::read_stats(sys::CgroupSet::find(state::container_cgroup(state.spec.project, state.id)));
    if (state.spec.network_mode != "host")
      if (const auto text = sys::read_file("/proc/" + std::to_string(state.pid) + "/net/dev"))
        std::tie(now.received_bytes, now.sent_bytes) = parse_net_dev(*text);
    return now;
  }

  void show() {
    if (json_) {
      for (const auto& stats : shown_) print(stats_json_line(stats));
    } else if (rows_) {
      static const Template::Fields kHeadings{{"BlockIO", "BLOCK I/O"}, {"CPUPerc", "CPU %"},
                                              {"ID", "CONTAINER ID"},   {"MemPerc", "MEM %"},
                                              {"NetIO", "NET I/O"},     {"MemUsage", "MEM USAGE / LIMIT"}};
      std::vector<TemplateRow> lines;
      for (const auto& stats : shown_) {
        std::string json = stats_json_line(stats);
        json.pop_back();  // its newline
        lines.push_back({stats_fields(stats), std::move(json)});
      }
      print(must(format_rows(*rows_, lines, kHeadings)));
    } else {
      std::vector<std::vector<std::string>> table{stats_header()};
      for (const auto& stats : shown_) table.push_back(stats_row(stats));
      const std::string text = format_table(table);
      print(live_ ? picture(text) : text);
    }
    std::fflush(stdout);
  }

  // The table as a frame in place; what is too wide or too high is cut.
  std::string picture(const std::string& text) {
    const auto size = sys::window_size(STDOUT_FILENO).value_or(sys::WindowSize{24, 80});
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size() && lines.size() + 1 < size.rows;) {
      const auto end = text.find('\n', at);
      lines.push_back(fit(std::string_view(text).substr(at, end - at), size.columns - 1u));
      at = end + 1;
    }
    return area_.draw(lines, size.columns);
  }

  const App& app_;
  const std::function<std::vector<engine::ContainerState>()> containers_;
  async::Loop loop_;
  async::Timer timer_;
  LiveArea area_;
  std::vector<StatsOf> shown_;
  std::uint64_t machine_memory_ = 0;
  std::optional<Template> rows_;
  bool json_ = false, once_ = false, live_ = false;
};

}  // namespace

int run_stats(const App& app) {
  const ProjectName project = project_name(app);
  require_services(app, stored_containers(app, project), app.line.operands);
  return show_stats(app, [&] {
    auto containers = stored_containers(app, project);
    std::erase_if(containers, [&](const auto& state) { return !is_named(state, app.line.operands); });
    return containers;
  });
}

int show_stats(const App& app, std::function<std::vector<engine::ContainerState>()> containers) {
  return StatsShow(app, std::move(containers)).run();
}

}  // namespace berth::cli
