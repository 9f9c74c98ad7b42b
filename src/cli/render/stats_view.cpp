#include "render/stats_view.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>

#include "berth/text/duration.hpp"

namespace berth::cli {
namespace {

std::string decimal_pair(std::uint64_t one, std::uint64_t other) {
  const auto text = [](std::uint64_t bytes) {
    return text::format_byte_size(ByteSize{static_cast<std::int64_t>(bytes)});
  };
  return text(one) + " / " + text(other);
}

std::uint64_t number_at(std::string_view text) {
  std::uint64_t number = 0;
  const auto start = text.find_first_not_of(' ');
  if (start != std::string_view::npos) std::from_chars(text.data() + start, text.data() + text.size(), number);
  return number;
}

}  // namespace

std::string binary_size(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double size = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (size >= 1024 && unit + 1 < std::size(kUnits)) {
    size /= 1024;
    ++unit;
  }
  return fmt::format("{:.4g}{}", size, kUnits[unit]);
}

std::pair<std::uint64_t, std::uint64_t> parse_net_dev(std::string_view text) {
  std::uint64_t received = 0, sent = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;  // a heading
    if (line.substr(0, colon).find_first_not_of(' ') != std::string_view::npos &&
        line.substr(line.find_first_not_of(' '), colon - line.find_first_not_of(' ')) == "lo")
      continue;
    line.remove_prefix(colon + 1);
    received += number_at(line);
    for (int field = 0; field < 8; ++field) {  // the ninth number is what was sent
      const auto word = line.find_first_not_of(' ');
      if (word == std::string_view::npos) break;
      const auto after = line.find(' ', word);
      line.remove_prefix(after == std::string_view::npos ? line.size() : after);
    }
    sent += number_at(line);
  }
  return {received, sent};
}

std::uint64_t parse_mem_total(std::string_view meminfo) {
  const auto at = meminfo.find("MemTotal:");
  return at == std::string_view::npos ? 0 : number_at(meminfo.substr(at + 9)) * 1024;
}

std::vector<std::string> stats_header() {
  return {"CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS"};
}

std::vector<std::string> stats_row(const StatsOf& stats) {
  if (!stats.now) return {stats.id, stats.name, "--", "-- / --", "--", "--", "--", "--"};
  const auto& counters = stats.now->counters;
  std::string cpu = "--";
  if (stats.before && stats.now->time > stats.before->time &&
      counters.cpu_nanoseconds >= stats.before->counters.cpu_nanoseconds)
    cpu = fmt::format("{:.2f}%",
                      100.0 * static_cast<double>(counters.cpu_nanoseconds - stats.before->counters.cpu_nanoseconds) /
                          static_cast<double>(stats.now->time - stats.before->time));
  std::uint64_t limit = counters.memory_limit;
  if (limit == 0 || (stats.machine_memory != 0 && limit > stats.machine_memory)) limit = stats.machine_memory;
  const double share = limit == 0 ? 0 : 100.0 * static_cast<double>(counters.memory) / static_cast<double>(limit);
  return {stats.id,
          stats.name,
          cpu,
          binary_size(counters.memory) + " / " + binary_size(limit),
          fmt::format("{:.2f}%", share),
          decimal_pair(stats.now->received_bytes, stats.now->sent_bytes),
          decimal_pair(counters.read_bytes, counters.written_bytes),
          std::to_string(counters.pids)};
}

std::map<std::string, std::string> stats_fields(const StatsOf& stats) {
  const auto row = stats_row(stats);
  return {{"BlockIO", row[6]},  {"CPUPerc", row[2]}, {"Container", row[0]}, {"ID", row[0]},  {"MemPerc", row[4]},
          {"MemUsage", row[3]}, {"Name", row[1]},    {"NetIO", row[5]},     {"PIDs", row[7]}};
}

std::string stats_json_line(const StatsOf& stats) {
  boost::json::object line;
  for (const auto& [name, value] : stats_fields(stats)) line.emplace(name, value);
  return boost::json::serialize(line) + "\n";
}

}  // namespace berth::cli
