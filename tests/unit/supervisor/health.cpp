#include "berth/supervisor/health.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "berth/async/manual_clock.hpp"

namespace berth::supervisor {
namespace {

using namespace std::chrono_literals;
using engine::Health;
using Action = HealthMonitor::Action;

engine::HealthPlan plan_with(engine::Duration interval, int retries = 3, engine::Duration start_period = 0s) {
  engine::HealthPlan plan;
  plan.test = {"CMD", "probe"};
  plan.interval = interval;
  plan.timeout = 4s;
  plan.retries = retries;
  plan.start_period = start_period;
  plan.start_interval = 1s;
  return plan;
}

engine::Probe probe(int exit_code, std::string output = {}) {
  engine::Probe result;
  result.exit_code = exit_code;
  result.output = std::move(output);
  return result;
}

// A container whose probes take `takes` and end with what the test says.
struct Rig {
  explicit Rig(engine::HealthPlan plan) : monitor(std::move(plan), clock.now()), start(clock.now()) {}

  // Seconds after the start.
  double time() const { return std::chrono::duration<double>(clock.now() - start).count(); }
  // Moves to the next due time; the action then.
  Action next() {
    EXPECT_TRUE(monitor.due());
    if (!monitor.due()) return Action::None;
    clock.advance_to(*monitor.due());
    return monitor.on_time(clock.now());
  }
  // One probe from its due time to its end; true when the health changed.
  bool run(int exit_code, async::Clock::duration takes = 0s) {
    EXPECT_EQ(next(), Action::Start);
    monitor.on_started(clock.now());
    clock.advance(takes);
    const bool changed = monitor.on_result(probe(exit_code));
    monitor.on_ended(clock.now());
    return changed;
  }

  async::ManualClock clock;
  HealthMonitor monitor;
  HealthMonitor::TimePoint start;
};

TEST(HealthMonitor, ProbesFirstOneIntervalAfterTheStart) {
  Rig rig(plan_with(10s));
  EXPECT_EQ(rig.monitor.health(), Health::Starting);
  rig.clock.advance(9999ms);
  EXPECT_EQ(rig.monitor.on_time(rig.clock.now()), Action::None);
  rig.clock.advance(1ms);
  EXPECT_EQ(rig.monitor.on_time(rig.clock.now()), Action::Start);
}

TEST(HealthMonitor, CountsTheIntervalFromTheEndOfAProbeSoThatTheyNeverOverlap) {
  Rig rig(plan_with(10s));
  rig.run(0, 3s);
  EXPECT_EQ(rig.time(), 13);
  EXPECT_EQ(rig.next(), Action::Start);
  EXPECT_EQ(rig.time(), 23);
}

TEST(HealthMonitor, BecomesHealthyAtTheFirstSuccess) {
  Rig rig(plan_with(10s));
  EXPECT_FALSE(rig.run(1));
  EXPECT_FALSE(rig.run(1));
  EXPECT_TRUE(rig.run(0));
  EXPECT_EQ(rig.monitor.health(), Health::Healthy);
  EXPECT_EQ(rig.monitor.log().failing_streak, 0);
}

TEST(HealthMonitor, BecomesUnhealthyAfterAsManyFailuresInARowAsRetries) {
  Rig rig(plan_with(10s, 3));
  rig.run(0);
  EXPECT_FALSE(rig.run(1));
  EXPECT_FALSE(rig.run(2));
  EXPECT_EQ(rig.monitor.health(), Health::Healthy);
  EXPECT_FALSE(rig.run(0));  // starts the count anew
  EXPECT_FALSE(rig.run(1));
  EXPECT_FALSE(rig.run(1));
  EXPECT_TRUE(rig.run(127));
  EXPECT_EQ(rig.monitor.health(), Health::Unhealthy);
}

TEST(HealthMonitor, GoesOnProbingWhenUnhealthyAndRecovers) {
  Rig rig(plan_with(10s, 1));
  EXPECT_TRUE(rig.run(1));
  EXPECT_FALSE(rig.run(1));
  EXPECT_TRUE(rig.run(0));
  EXPECT_EQ(rig.monitor.health(), Health::Healthy);
}

TEST(HealthMonitor, DoesNotCountFailuresInTheStartPeriod) {
  Rig rig(plan_with(10s, 1, 3s));
  EXPECT_FALSE(rig.run(1));  // 1 s
  EXPECT_FALSE(rig.run(1));  // 2 s
  EXPECT_EQ(rig.monitor.log().failing_streak, 0);
  EXPECT_TRUE(rig.run(1));  // 3 s: the period is over
  EXPECT_EQ(rig.time(), 3);
  EXPECT_EQ(rig.monitor.health(), Health::Unhealthy);
}

TEST(HealthMonitor, CountsAProbeByItsBeginningNotByItsEnd) {
  Rig rig(plan_with(10s, 1, 2s));
  EXPECT_FALSE(rig.run(1, 3s));  // began at 1 s, ended at 4 s
  EXPECT_EQ(rig.monitor.health(), Health::Starting);
}

TEST(HealthMonitor, ProbesAtTheStartIntervalInTheStartPeriodOnly) {
  Rig rig(plan_with(10s, 3, 3s));
  std::vector<double> times;
  for (int i = 0; i < 5; ++i) {
    rig.run(1);
    times.push_back(rig.time());
  }
  EXPECT_EQ(times, (std::vector<double>{1, 2, 3, 13, 23}));
}

TEST(HealthMonitor, ASuccessInTheStartPeriodEndsIt) {
  Rig rig(plan_with(10s, 2, 60s));
  EXPECT_TRUE(rig.run(0));
  EXPECT_EQ(rig.time(), 1);
  EXPECT_FALSE(rig.run(1));
  EXPECT_EQ(rig.time(), 11);
  EXPECT_TRUE(rig.run(1));
  EXPECT_EQ(rig.monitor.health(), Health::Unhealthy);
}

TEST(HealthMonitor, KillsAProbeAtItsTimeoutAndWaitsForItsEnd) {
  Rig rig(plan_with(10s, 1));
  EXPECT_EQ(rig.next(), Action::Start);
  rig.clock.advance(2s);  // to be started
  rig.monitor.on_started(rig.clock.now());
  EXPECT_EQ(rig.next(), Action::Kill);
  EXPECT_EQ(rig.time(), 16);
  EXPECT_TRUE(rig.monitor.on_result(probe(-1, "too long")));
  EXPECT_EQ(rig.monitor.health(), Health::Unhealthy);
  EXPECT_FALSE(rig.monitor.due()) << "another probe beside the dying one";
  rig.clock.advance(5s);
  EXPECT_FALSE(rig.monitor.on_result(probe(0))) << "a probe has one result";
  rig.monitor.on_ended(rig.clock.now());
  EXPECT_EQ(rig.next(), Action::Start);
  EXPECT_EQ(rig.time(), 31);
}

TEST(HealthMonitor, KillsAProbeThatDoesNotStart) {
  Rig rig(plan_with(10s));
  EXPECT_EQ(rig.next(), Action::Start);
  EXPECT_EQ(rig.next(), Action::Kill);
  EXPECT_EQ(rig.time(), 40);
}

TEST(HealthMonitor, KeepsTheLastFiveProbes) {
  Rig rig(plan_with(1s, 100));
  for (int i = 1; i <= 7; ++i) rig.run(i);
  std::vector<int> codes;
  for (const auto& kept : rig.monitor.log().probes) codes.push_back(kept.exit_code);
  EXPECT_EQ(codes, (std::vector<int>{3, 4, 5, 6, 7}));
  EXPECT_EQ(rig.monitor.log().failing_streak, 7);
}

TEST(HealthMonitor, DoesNotProbeWhilePaused) {
  Rig rig(plan_with(10s));
  rig.clock.advance(5s);
  EXPECT_EQ(rig.monitor.on_pause(), Action::None);
  EXPECT_FALSE(rig.monitor.due());
  rig.clock.advance(100s);
  rig.monitor.on_unpause(rig.clock.now());
  EXPECT_EQ(rig.next(), Action::Start);
  EXPECT_EQ(rig.time(), 115);
}

TEST(HealthMonitor, AProbeThatAPauseCaughtDoesNotCount) {
  Rig rig(plan_with(10s, 1));
  EXPECT_EQ(rig.next(), Action::Start);
  rig.monitor.on_started(rig.clock.now());
  EXPECT_EQ(rig.monitor.on_pause(), Action::Kill);
  EXPECT_FALSE(rig.monitor.on_result(probe(-1)));
  EXPECT_EQ(rig.monitor.health(), Health::Starting);
  rig.clock.advance(1s);
  rig.monitor.on_unpause(rig.clock.now());
  EXPECT_FALSE(rig.monitor.due()) << "the frozen probe is not gone yet";
  rig.monitor.on_ended(rig.clock.now());
  EXPECT_EQ(rig.next(), Action::Start);
  EXPECT_EQ(rig.time(), 21);
}

TEST(HealthMonitor, GoesOnWhereAPredecessorStopped) {
  async::ManualClock clock;
  const auto started = clock.now();
  clock.advance(100s);
  HealthMonitor monitor(plan_with(10s, 3), started);
  monitor.resume(Health::Healthy, {2, {probe(1), probe(1)}}, started + 95s);
  EXPECT_EQ(monitor.due(), started + 105s);
  clock.advance(5s);
  EXPECT_EQ(monitor.on_time(clock.now()), Action::Start);
  monitor.on_started(clock.now());
  EXPECT_TRUE(monitor.on_result(probe(1)));
  EXPECT_EQ(monitor.health(), Health::Unhealthy);
}

TEST(HealthMonitor, ProbesAtOnceWhereAPredecessorsNextProbeIsOverdue) {
  async::ManualClock clock;
  const auto started = clock.now();
  clock.advance(100s);
  HealthMonitor monitor(plan_with(10s), started);
  monitor.resume(Health::Starting, {}, started);
  EXPECT_EQ(monitor.on_time(clock.now()), Action::Start);
}

}  // namespace
}  // namespace berth::supervisor
