#include <gtest/gtest.h>

#include "render/process_view.hpp"
#include "render/stats_view.hpp"
#include "render/template.hpp"

namespace berth::cli {
namespace {

TEST(Template, FillsFieldsIn) {
  const auto rows = Template::parse("{{.Name}}\\t{{ upper .State }} {{json .Name}}");
  ASSERT_TRUE(rows);
  EXPECT_EQ(*rows->render({{"Name", "web \"1\""}, {"State", "running"}}, "{}"), "web \"1\"\tRUNNING \"web \\\"1\\\"\"");
  EXPECT_EQ(*Template::parse("{{json .}}")->render({}, "{\"a\":1}"), "{\"a\":1}");
}

TEST(Template, HasHeadingsAsATable) {
  const auto rows = Template::parse("table {{.Name}}\t{{.RunningFor}}");
  ASSERT_TRUE(rows);
  EXPECT_TRUE(rows->is_table());
  EXPECT_EQ(rows->heading(), "NAME\tRUNNINGFOR");
  EXPECT_EQ(Template::parse("table {{json .Name}} {{if .State}}{{upper .State}}{{end}}")->heading(), "NAME STATE");
}

TEST(Template, SaysWhatItDoesNotUnderstand) {
  EXPECT_EQ(Template::parse("{{range .Ports}}").error().to_string(), "invalid --format: `{{end}}` is missing");
  EXPECT_EQ(Template::parse("{{.Name").error().to_string(), "invalid --format: `{{` without `}}`");
  const auto missing = Template::parse("{{.Nmae}}")->render({{"Name", "x"}}, "");
  EXPECT_EQ(missing.error().to_string(), "invalid --format: there is no field `Nmae`");
  EXPECT_EQ(missing.error().hint(), "fields are Name");
}

TEST(Template, AlignsATableBelowItsHeadings) {
  const auto rows = parse_format("table {{.Name}}\t{{.ID}}");
  ASSERT_TRUE(rows && *rows);
  const std::vector<TemplateRow> lines{{{{"Name", "a"}, {"ID", "1"}}, ""}, {{{"Name", "longer"}, {"ID", "2"}}, ""}};
  EXPECT_EQ(*format_rows(**rows, lines, {{"ID", "CONTAINER ID"}}), "NAME     CONTAINER ID\na        1\nlonger   2\n");
  EXPECT_FALSE(*parse_format("json"));
  EXPECT_FALSE(parse_format("names"));
}

constexpr const char* kStat =
    "4242 (a (b) c) S 4200 4242 4242 34817 4242 4194304 100 0 0 0 250 50 0 0 20 0 1 0 6000 1000 10 "
    "18446744073709551615 0 0 0";

TEST(ProcessView, ReadsTheFilesOfProc) {
  const auto process =
      parse_process(kStat, "Name:\ta\nUid:\t1000\t1000\t1000\t1000\n", std::string_view("sh\0-c\0x y\0", 9));
  ASSERT_TRUE(process);
  const auto row = process_row(*process, {{1000, "app"}}, {.now = 1'000'100, .boot = 1'000'000, .ticks = 100});
  EXPECT_EQ(row[0], "app");
  EXPECT_EQ(row[1], "4242");
  EXPECT_EQ(row[2], "4200");
  EXPECT_EQ(row[3], "7");  // 3 s of CPU in 40 s
  EXPECT_EQ(row[5], "pts/1");
  EXPECT_EQ(row[6], "00:00:03");
  EXPECT_EQ(row[7], "sh -c x y");
}

TEST(ProcessView, ShowsTheNameOfWhatHasNoCommandLine) {
  const auto process = parse_process(kStat, "Uid:\t7\t7\t7\t7\n", "");
  ASSERT_TRUE(process);
  EXPECT_EQ(process_row(*process, {}, {}).front(), "7");
  EXPECT_EQ(process->command, "[a (b) c]");
}

TEST(ProcessView, RefusesWhatMakesNoSense) {
  for (const char* stat : {"", "(", "1 (x", "1 (x) S", "x (y) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", ")("})
    EXPECT_FALSE(parse_process(stat, "", "")) << stat;
}

TEST(StatsView, PrintsRatesAndSharesAsDockerDoes) {
  StatsOf stats;
  stats.id = "0123456789ab";
  stats.name = "shop-web-1";
  stats.machine_memory = 8ull << 30;
  EXPECT_EQ(stats_row(stats),
            (std::vector<std::string>{"0123456789ab", "shop-web-1", "--", "-- / --", "--", "--", "--", "--"}));
  StatsSample before, now;
  before.time = 0;
  now.time = 1'000'000'000;
  now.counters.cpu_nanoseconds = 505'000'000;
  now.counters.memory = 512ull << 20;
  now.counters.pids = 3;
  now.received_bytes = 1'500'000;
  now.sent_bytes = 999;
  stats.before = before;
  stats.now = now;
  EXPECT_EQ(stats_row(stats), (std::vector<std::string>{"0123456789ab", "shop-web-1", "50.50%", "512MiB / 8GiB",
                                                        "6.25%", "1.5MB / 999B", "0B / 0B", "3"}));
}

TEST(StatsView, AddsUpInterfacesButLo) {
  const auto [received, sent] = parse_net_dev(
      "Inter-|   Receive                            |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes packets\n"
      "    lo: 100 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0\n"
      "  eth0: 1000 1 0 0 0 0 0 0 2000 1 0 0 0 0 0 0\n"
      "  eth1:7 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n");
  EXPECT_EQ(received, 1007u);
  EXPECT_EQ(sent, 2009u);
  EXPECT_EQ(parse_net_dev("broken:"), (std::pair<std::uint64_t, std::uint64_t>{0, 0}));
}

}  // namespace
}  // namespace berth::cli
