#include "render/board.hpp"

#include <gtest/gtest.h>

#include "render/build_board.hpp"
#include "render/live_area.hpp"
#include "screen.hpp"

namespace berth::cli {
namespace {

using engine::Step;
using engine::Subject;
using Lines = std::vector<std::string>;

constexpr std::int64_t kTenth = 100'000'000;

engine::Event event(std::int64_t tenths, const std::string& name, Step step, const std::string& reason = {},
                    const std::string& text = {}) {
  engine::Event made;
  made.time = tenths * kTenth;
  made.name = name;
  made.subject = name.find('-') == std::string::npos ? Subject::Network : Subject::Container;
  made.step = step;
  made.reason = reason;
  made.text = text;
  return made;
}

Board half_done() {
  Board board;
  board.apply(event(0, "shop_default", Step::Creating));
  board.apply(event(1, "shop_default", Step::Created));
  board.apply(event(1, "shop-db-1", Step::Creating));
  board.apply(event(2, "shop-db-1", Step::Created));
  board.apply(event(2, "shop-db-1", Step::Starting));
  board.apply(event(4, "shop-db-1", Step::Started));
  board.apply(event(4, "shop-db-1", Step::Waiting, "web depends on it", "probe 3 of 10: connection refused"));
  board.apply(event(4, "shop-web-1", Step::Recreating, "image changed"));
  board.apply(event(5, "shop-web-1", Step::Recreated, "image changed"));
  return board;
}

TEST(Board, ShowsEachResourceWithStepCauseAndTime) {
  EXPECT_EQ(half_done().frame(24 * kTenth, {.columns = 80, .rows = 24, .color = false}),
            (Lines{"[+] Running 2/3", " ✔ Network shop_default  Created                                           0.1s",
                   " ⠸ Container shop-db-1   Waiting    probe 3 of 10: connection refused      2.3s",
                   " ✔ Container shop-web-1  Recreated  image changed                          0.1s"}));
}

TEST(Board, CountsTheWorkOfAContainerNotTheTimeBetween) {
  Board board;
  board.apply(event(0, "shop-web-1", Step::Creating));
  board.apply(event(1, "shop-web-1", Step::Created));
  board.apply(event(100, "shop-web-1", Step::Starting));
  board.apply(event(102, "shop-web-1", Step::Started));
  EXPECT_EQ(board.frame(200 * kTenth, {.columns = 60, .rows = 24, .color = false}).back(),
            " ✔ Container shop-web-1  Started                       0.3s");
}

TEST(Board, DropsNoteThenClockThenTheNounWhereItIsNarrow) {
  const Board board = half_done();
  const auto row = [&](std::size_t columns) {
    return board.frame(24 * kTenth, {.columns = columns, .rows = 24, .color = false})[2];
  };
  EXPECT_EQ(row(60), " ⠸ Container shop-db-1   Waiting    probe 3 of 10: c…  2.3s");
  EXPECT_EQ(row(42), " ⠸ Container shop-db-1   Waiting     2.3s");
  EXPECT_EQ(row(38), " ⠸ Container shop-db-1  Waiting");
  EXPECT_EQ(row(24), " ⠸ shop-db-1  Waiting");
  EXPECT_EQ(row(19), " ⠸ shop-…  Waiting");
  EXPECT_EQ(row(8), " ⠸ Wai…");
  EXPECT_EQ(row(2), "⠸");
}

TEST(Board, NeverDrawsWiderThanTheScreenAllows) {
  const Board board = half_done();
  for (std::size_t columns = 1; columns < 120; ++columns)
    for (const auto& line : board.frame(30 * kTenth, {.columns = columns, .rows = 24, .color = true}))
      EXPECT_LE(columns_of(line), columns > 1 ? columns - 1 : 1) << columns << ": " << line;
}

TEST(Board, ShowsWhatGoesOnFirstWhereItIsHigherThanTheScreen) {
  Board board;
  for (int i = 0; i < 50; ++i) {
    const std::string name = "shop-s" + std::to_string(100 + i) + "-1";
    board.apply(event(i, name, Step::Creating));
    if (i != 7 && i != 8) board.apply(event(i + 1, name, i == 30 ? Step::Error : Step::Created, "", "no space"));
  }
  const auto lines = board.frame(60 * kTenth, {.columns = 60, .rows = 8, .color = false});
  EXPECT_EQ(lines, (Lines{"[+] Running 47/50", " ⠸ Container shop-s107-1  Creating                     5.3s",
                          " ⠹ Container shop-s108-1  Creating                     5.2s",
                          " ✘ Container shop-s130-1  Error     no space           0.1s",
                          " ✔ Container shop-s148-1  Created                      0.1s",
                          " ✔ Container shop-s149-1  Created                      0.1s", " … 45 more"}));
  EXPECT_EQ(board.whole(60 * kTenth, {.columns = 60, .rows = 8, .color = false}).size(), 51u);
}

TEST(Board, SumsUpWhatBecameOfAll) {
  Board board = half_done();
  board.apply(event(30, "shop-db-1", Step::Healthy));
  board.apply(event(31, "shop-web-1", Step::Starting));
  board.apply(event(32, "shop-web-1", Step::Started));
  board.apply(event(32, "shop-job-1", Step::Running));
  EXPECT_EQ(board.summary(33 * kTenth, false),
            "✔ 1 container healthy, 1 replaced, 1 unchanged; 1 network created (3.3s)");
  board.apply(event(33, "shop-job-1", Step::Error, "", "boom"));
  board.apply(event(33, "shop-late-1", Step::Skipped, "`shop-job-1` failed"));
  EXPECT_EQ(board.summary(33 * kTenth, false), "✘ 1 action failed, 1 skipped because of that (3.3s)");
}

TEST(BuildBoard, ShowsTheLastOutputBelowTheStepThatRuns) {
  BuildBoard board;
  build::BuildEvent step;
  step.stage = "builder";
  step.total = 3;
  step.step = 1;
  step.text = "WORKDIR /app";
  board.apply("web", step, 0);
  auto cached = step;
  cached.kind = build::BuildEvent::Kind::Cached;
  board.apply("web", cached, 0);
  step.step = 2;
  step.text = "RUN apt-get update \\\n && apt-get install -y python3";
  board.apply("web", step, 0);
  build::BuildEvent output;
  output.kind = build::BuildEvent::Kind::Output;
  for (int i = 1; i <= 8; ++i) {
    output.text = "Get:" + std::to_string(i) + "\thttp://deb.debian.org";
    board.apply("web", output, i * kTenth);
  }
  const Screen screen{.columns = 60, .rows = 24, .color = false};
  EXPECT_EQ(board.frame(29 * kTenth, screen),
            (Lines{"[+] Building 2.9s (1/2)", " => CACHED [web builder 1/3] WORKDIR /app              0.0s",
                   " => [web builder 2/3] RUN apt-get update \\             2.9s",
                   " => => # Get:3 http://deb.debian.org", " => => # Get:4 http://deb.debian.org",
                   " => => # Get:5 http://deb.debian.org", " => => # Get:6 http://deb.debian.org",
                   " => => # Get:7 http://deb.debian.org", " => => # Get:8 http://deb.debian.org"}));
  EXPECT_EQ(board.frame(29 * kTenth, {.columns = 60, .rows = 6, .color = false}),
            (Lines{"[+] Building 2.9s (1/2)", " => [web builder 2/3] RUN apt-get update \\             2.9s",
                   " => => # Get:6 http://deb.debian.org", " => => # Get:7 http://deb.debian.org",
                   " => => # Get:8 http://deb.debian.org"}));
  auto done = step;
  done.kind = build::BuildEvent::Kind::Done;
  board.apply("web", done, 31 * kTenth);
  EXPECT_EQ(board.frame(90 * kTenth, screen).back(), " => [web builder 2/3] RUN apt-get update \\             3.1s");
}

TEST(BuildBoard, FitsEveryScreen) {
  BuildBoard board;
  build::BuildEvent step;
  step.total = 40;
  for (step.step = 1; step.step <= 40; ++step.step) {
    step.text = "RUN echo " + std::string(200, 'x');
    board.apply("web", step, 0);
  }
  build::BuildEvent output;
  output.kind = build::BuildEvent::Kind::Output;
  output.text = std::string(300, 'y');
  for (int i = 0; i < 10; ++i) board.apply("web", output, 0);
  for (std::size_t rows = 2; rows < 60; ++rows)
    for (const std::size_t columns : {1, 2, 5, 20, 80}) {
      const auto lines = board.frame(kTenth, {.columns = columns, .rows = rows, .color = true});
      EXPECT_LE(lines.size(), rows > 2 ? rows - 1 : 2) << rows;
      for (const auto& line : lines) EXPECT_LE(columns_of(line), columns > 1 ? columns - 1 : 1) << columns;
    }
}

TEST(LiveArea, DrawsEachFrameInPlaceOfTheOneBefore) {
  TestTerminal terminal(20, 10);
  LiveArea area;
  terminal.write("$ berth up\n");
  terminal.write(area.draw({"one", "two", "three"}, 20));
  EXPECT_EQ(terminal.rows(), (Lines{"$ berth up", "one", "two", "three"}));
  EXPECT_FALSE(terminal.cursor_shown());
  terminal.write(area.draw({"1"}, 20));
  EXPECT_EQ(terminal.rows(), (Lines{"$ berth up", "1"}));
  terminal.write(area.draw({"1", "\033[32m2\033[0m", "3", "4"}, 20));
  EXPECT_EQ(terminal.rows(), (Lines{"$ berth up", "1", "2", "3", "4"}));
  terminal.write(area.leave());
  EXPECT_TRUE(terminal.cursor_shown());
  terminal.write("$ ");
  EXPECT_EQ(terminal.rows().back(), "$");
}

TEST(LiveArea, GivesTheScreenFreeForLinesAboveIt) {
  TestTerminal terminal(20, 6);
  LiveArea area;
  for (int i = 1; i <= 6; ++i) {
    terminal.write(area.draw({"frame " + std::to_string(i), "second"}, 20));
    terminal.write(area.erase(20));
    terminal.write("line " + std::to_string(i) + "\n");
  }
  terminal.write(area.draw({"frame 7", "second"}, 20));
  EXPECT_EQ(terminal.scrolled(), (Lines{"line 1", "line 2", "line 3"}));
  EXPECT_EQ(terminal.rows(), (Lines{"line 4", "line 5", "line 6", "frame 7", "second"}));
}

TEST(LiveArea, FindsItsTopAgainWhereTheTerminalHasWrappedItsLines) {
  LiveArea area;
  EXPECT_NE(area.draw({std::string(30, 'a'), "b"}, 40).find("aaa"), std::string::npos);
  EXPECT_EQ(area.erase(10), "\r\033[4A\033[J");  // 30 columns take three rows of ten
}

TEST(Columns, CountWhatIsSeen) {
  EXPECT_EQ(columns_of("a\033[31mb\033[0m"), 2u);
  EXPECT_EQ(columns_of("é…"), 2u);
  EXPECT_EQ(columns_of("日本"), 4u);
  EXPECT_EQ(columns_of("e\xCC\x81"), 1u);
  EXPECT_EQ(fit("日本語", 5), "日本…");
  EXPECT_EQ(fit("日本語", 4), "日…");
  EXPECT_EQ(fit("abc", 3), "abc");
  EXPECT_EQ(fit("abc", 0), "");
  EXPECT_EQ(pad("日", 4), "日  ");
}

TEST(Columns, ShowOneLineOfAnyProgram) {
  EXPECT_EQ(printable("10%\r20%\r\n"), "20%");
  EXPECT_EQ(printable("a\tb\033[2Kc\033]0;title\007d\bz\033"), "a bcdz");
  EXPECT_EQ(printable("\033["), "");
  EXPECT_EQ(printable("\033]x"), "");
}

}  // namespace
}  // namespace berth::cli
