#include "pull_policy.hpp"

#include <gtest/gtest.h>

namespace berth::cli {
namespace {

using Kind = PullPolicy::Kind;
using namespace std::chrono_literals;

TEST(PullPolicies, EveryFormMeansSomething) {
  const auto of = [](const char* word, const char* flag = "") { return pull_policy_of(word, "", flag); };
  EXPECT_EQ(of(""), (PullPolicy{Kind::Missing, 0s}));
  EXPECT_EQ(of("missing"), (PullPolicy{Kind::Missing, 0s}));
  EXPECT_EQ(of("if_not_present"), (PullPolicy{Kind::Missing, 0s}));
  EXPECT_EQ(of("always"), (PullPolicy{Kind::Always, 0s}));
  EXPECT_EQ(of("never"), (PullPolicy{Kind::Never, 0s}));
  EXPECT_EQ(of("build"), (PullPolicy{Kind::Build, 0s}));
  EXPECT_EQ(of("daily"), (PullPolicy{Kind::Refresh, 24h}));
  EXPECT_EQ(of("weekly"), (PullPolicy{Kind::Refresh, 168h}));
  EXPECT_EQ(of("every_1w2d3h4m5s"), (PullPolicy{Kind::Refresh, 219h + 4min + 5s}));
  EXPECT_EQ(pull_policy_of("refresh", "90m", ""), (PullPolicy{Kind::Refresh, 90min}));
  EXPECT_EQ(of("refresh"), (PullPolicy{Kind::Refresh, 24h}));
  EXPECT_EQ(of("never", "always"), (PullPolicy{Kind::Always, 0s}));
  EXPECT_EQ(of("never", "policy"), (PullPolicy{Kind::Never, 0s}));
}

TEST(PullPolicies, DecideByWhatIsThereAndWhenItWasAsked) {
  const std::int64_t now = 1'000'000'000'000'000;
  const std::int64_t hour = 3'600'000'000'000;
  EXPECT_TRUE(must_pull({Kind::Missing, 0s}, false, {}, now));
  EXPECT_FALSE(must_pull({Kind::Missing, 0s}, true, {}, now));
  EXPECT_TRUE(must_pull({Kind::Always, 0s}, true, now, now));
  EXPECT_FALSE(must_pull({Kind::Never, 0s}, false, {}, now));
  EXPECT_FALSE(must_pull({Kind::Build, 0s}, false, {}, now));
  EXPECT_TRUE(must_pull({Kind::Refresh, 1h}, true, now - hour, now));
  EXPECT_FALSE(must_pull({Kind::Refresh, 1h}, true, now - hour + 1, now));
  EXPECT_TRUE(must_pull({Kind::Refresh, 1h}, true, {}, now)) << "never asked";
}

}  // namespace
}  // namespace berth::cli
