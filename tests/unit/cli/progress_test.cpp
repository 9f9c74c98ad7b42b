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

TEST(Progress, KeepsWarningsWhenItIsQuiet) {
  auto event = created();
  EXPECT_EQ(progress_line(ProgressMode::Quiet, event), "");
  event.step = engine::Step::Warning;
  event.text = "volume `v` stays";
  EXPECT_EQ(progress_line(ProgressMode::Quiet, event), "warning: volume `v` stays\n");
}

TEST(Progress, LeavesTheTextOfAnErrorToTheAnswer) {
  auto event = created();
  event.step = engine::Step::Error;
  event.text = "no space left";
  EXPECT_EQ(progress_line(ProgressMode::Plain, event), " Container shop-web-1  Error\n");
}

TEST(Progress, PrintsBuildStepsAsLinesWithoutWhatATerminalWouldHide) {
  build::BuildEvent event;
  event.kind = build::BuildEvent::Kind::Output;
  event.text = "10%\r\033[32m100%\033[0m done";
  EXPECT_EQ(build_line(ProgressMode::Plain, "web", event, 0), " web  | 100% done\n");
  event.kind = build::BuildEvent::Kind::Cached;
  event.stage = "builder";
  event.step = 2;
  event.total = 4;
  event.text = "RUN a \\\n b";
  EXPECT_EQ(build_line(ProgressMode::Plain, "web", event, 0), " web  [builder 2/4] CACHED RUN a \\  b\n");
  EXPECT_EQ(build_line(ProgressMode::Json, "web", event, 0),
            R"({"id":"builder 2/4","parent_id":"Image of web","status":"Cached","text":"RUN a \\\n b",)"
            R"("ts":"1970-01-01T00:00:00.000000000Z"})"
            "\n");
}

}  // namespace
}  // namespace berth::cli
