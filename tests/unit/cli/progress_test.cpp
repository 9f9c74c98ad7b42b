#include "render/progress.hpp"

#include <gtest/gtest.h>

namespace berth::cli {
namespace {

engine::Event created() {
  engine::Event event;
  event.name = "shop-web-1";
  event.step = engine::Step::Created;
  event.reason = "image changed";
  return event;
}

TEST(Progress, PrintsDockerComposesPlainLine) {
  EXPECT_EQ(progress_line(ProgressMode::Plain, created()), " Container shop-web-1  Created\n");
}

TEST(Progress, PrintsOneJsonObjectALineWithItsReason) {
  EXPECT_EQ(
      progress_line(ProgressMode::Json, created()),
      R"({"id":"Container shop-web-1","status":"Created","reason":"image changed","ts":"1970-01-01T00:00:00.000000000Z"})"
      "\n");
}

TEST(Progress, KeepsErrorsWhenItIsQuiet) {
  auto event = created();
  EXPECT_EQ(progress_line(ProgressMode::Quiet, event), "");
  event.step = engine::Step::Error;
  event.text = "no space left";
  EXPECT_EQ(progress_line(ProgressMode::Quiet, event), "error: Container shop-web-1: no space left\n");
}

}  // namespace
}  // namespace berth::cli
