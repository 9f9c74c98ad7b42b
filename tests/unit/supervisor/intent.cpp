#include "intent.hpp"

#include <gtest/gtest.h>

#include "berth/base/random.hpp"
#include "berth/sys/file.hpp"

namespace berth::supervisor {
namespace {

class Intents : public testing::Test {
 protected:
  void SetUp() override {
    base_ = "/dev/shm/berth-intent-" + random_hex(6);
    paths_ = {base_ + "/root", base_ + "/run"};
    ASSERT_TRUE(state::make_project_directories(paths_, project_));
  }
  void TearDown() override { ASSERT_TRUE(sys::remove_tree(base_)); }
  static control::Message down() {
    control::Down request;
    request.options.volumes = true;
    request.remove_run = true;
    return request;
  }

  std::string base_;
  state::Paths paths_;
  const ProjectName project_{"shop"};
};

TEST_F(Intents, NoneIsNothingToDo) {
  const auto found = take_up_intent(paths_, project_);
  EXPECT_FALSE(found.request);
  EXPECT_FALSE(found.given_up);
}

TEST_F(Intents, TheSuccessorGetsTheRequestAsItWas) {
  ASSERT_TRUE(write_intent(paths_, project_, down(), 0));
  const auto found = take_up_intent(paths_, project_);
  ASSERT_TRUE(found.request);
  EXPECT_EQ(*found.request, down());
}

TEST_F(Intents, OneThatEndsItsSupervisorsIsGivenUp) {
  ASSERT_TRUE(write_intent(paths_, project_, down(), 0));
  for (int i = 0; i < kMostAttempts; ++i) EXPECT_TRUE(take_up_intent(paths_, project_).request) << i;
  const auto last = take_up_intent(paths_, project_);
  EXPECT_FALSE(last.request);
  EXPECT_TRUE(last.given_up);
  EXPECT_FALSE(sys::exists(paths_.intent_file(project_)));
}

TEST_F(Intents, ADamagedOneIsReportedAndTakenAway) {
  for (const char* text : {"", "{", "[]", "{\"schema\":1,\"kind\":99,\"request\":\"{}\"}", "{\"schema\":9}"}) {
    ASSERT_TRUE(state::write_intent(paths_, project_, text));
    const auto found = take_up_intent(paths_, project_);
    EXPECT_FALSE(found.request) << text;
    EXPECT_TRUE(found.given_up) << text;
    EXPECT_FALSE(sys::exists(paths_.intent_file(project_))) << text;
  }
}

}  // namespace
}  // namespace berth::supervisor
