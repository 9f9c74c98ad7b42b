#include "berth/supervisor/restart.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace berth::supervisor {
namespace {

using namespace std::chrono_literals;
using model::RestartMode;

model::RestartPolicy policy(RestartMode mode, int attempts = 0) { return {mode, attempts}; }

TEST(Restart, DoublesTheDelayUpToAMinute) {
  RestartDecider decider(policy(RestartMode::Always));
  std::vector<std::chrono::milliseconds> delays;
  for (int i = 0; i < 12; ++i)
    delays.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(*decider.on_exit(1, 1ms)));
  const std::vector<std::chrono::milliseconds> expected{100ms,  200ms,   400ms,   800ms,   1600ms,  3200ms,
                                                        6400ms, 12800ms, 25600ms, 51200ms, 60000ms, 60000ms};
  EXPECT_EQ(delays, expected);
}

TEST(Restart, StartsOverAfterARunOfTenSeconds) {
  RestartDecider decider(policy(RestartMode::Always));
  decider.on_exit(1, 1ms);
  decider.on_exit(1, 1ms);
  EXPECT_EQ(decider.on_exit(1, 10s), RestartDecider::kFirstDelay);
  EXPECT_EQ(decider.on_exit(1, 9999ms), 2 * RestartDecider::kFirstDelay);
}

TEST(Restart, OnFailureThreeMeansExactlyFourStarts) {
  RestartDecider decider(policy(RestartMode::OnFailure, 3));
  int starts = 1;
  while (decider.on_exit(1, 1ms)) ++starts;
  EXPECT_EQ(starts, 4);
}

TEST(Restart, OnFailureLeavesASuccessAlone) {
  RestartDecider decider(policy(RestartMode::OnFailure));
  EXPECT_EQ(decider.on_exit(0, 1ms), std::nullopt);
  EXPECT_NE(decider.on_exit(1, 1ms), std::nullopt);
}

TEST(Restart, OnFailureWithoutACountNeverGivesUp) {
  RestartDecider decider(policy(RestartMode::OnFailure));
  for (int i = 0; i < 1000; ++i) ASSERT_NE(decider.on_exit(1, 1ms), std::nullopt);
}

TEST(Restart, AlwaysRestartsASuccessToo) {
  RestartDecider decider(policy(RestartMode::Always));
  EXPECT_NE(decider.on_exit(0, 1ms), std::nullopt);
}

TEST(Restart, NoNeverRestarts) {
  RestartDecider decider(policy(RestartMode::No));
  EXPECT_EQ(decider.on_exit(1, 1ms), std::nullopt);
}

TEST(Restart, AUserStopEndsItUntilTheUserStarts) {
  for (const auto mode : {RestartMode::Always, RestartMode::UnlessStopped, RestartMode::OnFailure}) {
    RestartDecider decider(policy(mode));
    decider.on_exit(1, 1ms);
    decider.on_user_stop();
    EXPECT_EQ(decider.on_exit(137, 1s), std::nullopt);
    decider.on_user_start();
    EXPECT_EQ(decider.on_exit(1, 1ms), RestartDecider::kFirstDelay);
    EXPECT_EQ(decider.restarts(), 1);
  }
}

}  // namespace
}  // namespace berth::supervisor
