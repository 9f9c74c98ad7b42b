#include "health_text.hpp"

#include <gtest/gtest.h>

namespace berth::local {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kNoon = 1'800'014'400'000'000'000;  // 2027-01-15T12:00:00Z

engine::HealthPlan plan() {
  engine::HealthPlan plan;
  plan.test = {"CMD", "probe"};
  plan.interval = 10s;
  plan.timeout = 5s;
  plan.retries = 10;
  return plan;
}

engine::Probe probe(int exit_code, const std::string& output) {
  return {kNoon, kNoon + 200'000'000, exit_code, output};
}

TEST(HealthText, SaysWhichProbeIsWaitedForAndWhatTheLastSaid) {
  engine::ContainerState state;
  EXPECT_EQ(health_text(plan(), state), "probe 1 of 10");
  state.health_log = {2, {probe(1, "a"), probe(1, "connection\nrefused\n")}};
  EXPECT_EQ(health_text(plan(), state), "probe 3 of 10, last: exit 1: connection refused");
}

TEST(HealthText, SaysThatFailuresOfTheStartPeriodDoNotCount) {
  auto with_period = plan();
  with_period.start_period = 60s;
  engine::ContainerState state;
  state.started_at = kNoon - 5'000'000'000;
  state.health_log = {0, {probe(1, "")}};
  EXPECT_EQ(health_text(with_period, state), "in its start period of 1m0s, last: exit 1");
  state.started_at = kNoon - 65'000'000'000;
  EXPECT_EQ(health_text(with_period, state), "probe 1 of 10, last: exit 1");
}

TEST(HealthText, ShowsTheLastThreeProbesWithTimesAndOutput) {
  const engine::HealthLog log{4, {probe(1, "one"), probe(1, "two"), probe(127, ""), probe(-1, "took too long")}};
  EXPECT_EQ(unhealthy_text(plan(), log),
            "4 probes in a row have failed (every 10s, timeout 5s)\n"
            "  probe at 12:00:00Z, 0.2s: exit 1: two\n"
            "  probe at 12:00:00Z, 0.2s: exit 127\n"
            "  probe at 12:00:00Z, 0.2s: took too long");
}

TEST(HealthText, KeepsTheEndOfALongOutputAndNothingThatMovesTheCursor) {
  const engine::HealthLog log{1, {probe(1, std::string(1000, 'x') + "\x1b[2J\r" + "the reason")}};
  const std::string text = probes_text(log, 1);
  EXPECT_LT(text.size(), 400u);
  EXPECT_TRUE(text.ends_with("x [2J the reason")) << text;
}

TEST(HealthText, NamesWhatAnExitCodeMeans) {
  EXPECT_EQ(exit_text(3, false), "exited with code 3");
  EXPECT_EQ(exit_text(127, false), "exited with code 127 (not found)");
  EXPECT_EQ(exit_text(137, true), "exited with code 137 (killed by SIGKILL, out of memory)");
  EXPECT_EQ(exit_text(143, false), "exited with code 143 (killed by SIGTERM)");
}

TEST(HealthText, IndentsLogLines) {
  EXPECT_EQ(lines_text({}), "");
  EXPECT_EQ(lines_text({"a", "b"}), "\n  its last log lines:\n    | a\n    | b");
}

}  // namespace
}  // namespace berth::local
