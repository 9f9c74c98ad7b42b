#include <unistd.h>

#include <charconv>

#include "berth/state/paths.hpp"
#include "berth/sys/cgroup.hpp"
#include "berth/sys/file.hpp"
#include "commands.hpp"
#include "container_work.hpp"
#include "render/process_view.hpp"
#include "render/table.hpp"
#include "stack.hpp"

namespace berth::cli {
namespace {

// `btime` of /proc/stat.
std::int64_t boot_time() {
  const std::string stat = must(sys::read_file("/proc/stat"));
  const auto at = stat.find("\nbtime ");
  std::int64_t time = 0;
  if (at != std::string::npos) std::from_chars(stat.data() + at + 7, stat.data() + stat.size(), time);
  return time;
}

}  // namespace

int run_top(const App& app) {
  auto containers = stored_containers(app, project_name(app));
  if (!app.line.operands.empty()) require_services(app, containers, app.line.operands);
  std::erase_if(containers, [&](const auto& state) { return !is_named(state, app.line.operands); });
  return show_top(containers, true);
}

int show_top(const std::vector<engine::ContainerState>& containers, bool by_service) {
  const auto passwd = sys::read_file("/etc/passwd");  // without one, numbers are shown
  const auto users = parse_user_names(passwd ? *passwd : "");
  const ClockFacts clock{now_ns() / 1'000'000'000, boot_time(), ::sysconf(_SC_CLK_TCK)};
  std::vector<std::vector<std::string>> table{{"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"}};
  if (by_service) table[0].insert(table[0].begin(), {"SERVICE", "#"});
  for (const auto& state : containers) {
    if (state.phase != engine::Phase::Running && state.phase != engine::Phase::Paused) continue;
    const auto group = sys::CgroupSet::find(state::container_cgroup(state.spec.project, state.id));
    for (const int pid : group.processes()) {
      const std::string directory = "/proc/" + std::to_string(pid);
      const auto stat = sys::read_file(directory + "/stat"), status = sys::read_file(directory + "/status"),
                 cmdline = sys::read_file(directory + "/cmdline");
      if (!stat || !status || !cmdline) continue;  // it has ended
      const auto process = parse_process(*stat, *status, *cmdline);
      if (!process) continue;
      auto row = process_row(*process, users, clock);
      if (by_service) row.insert(row.begin(), {state.spec.service.value, std::to_string(state.spec.number)});
      table.push_back(std::move(row));
    }
  }
  if (table.size() > 1) print(format_table(table));
  return kOk;
}

}  // namespace berth::cli
