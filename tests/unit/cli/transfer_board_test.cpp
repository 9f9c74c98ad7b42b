#include "render/transfer_board.hpp"

#include <gtest/gtest.h>

#include "render/columns.hpp"
#include "render/progress.hpp"

namespace berth::cli {
namespace {

using registry::Phase;
using registry::TransferEvent;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr Screen kPlain{.columns = 80, .rows = 24, .color = false};

TEST(TransferBoard, ShowsImagesAndTheirLayersUntilTheyAreDone) {
  TransferBoard board;
  EXPECT_TRUE(board.frame(0, kPlain).empty());
  board.apply({"nginx", "", Phase::Pulling, 0, 0, ""}, 0);
  board.apply({"nginx", "9824c27679d3", Phase::AlreadyExists, 10'000'000, 10'000'000, ""}, 0);
  board.apply({"nginx", "12ab34cd56ef", Phase::Downloading, 15'000'000, 30'000'000, ""}, kSecond);
  const auto frame = board.frame(2 * kSecond, kPlain);
  ASSERT_EQ(frame.size(), 4u);
  EXPECT_EQ(frame[0], "[+] Pulling 0/1");
  EXPECT_EQ(frame[1].find("1/2 layers  [============>       ]  25MB/40MB") != std::string::npos, true) << frame[1];
  EXPECT_EQ(frame[2], "   ✔ 9824c27679d3  Already exists");
  EXPECT_NE(frame[3].find("12ab34cd56ef  Downloading  [==========>         ]  15MB/30MB"), std::string::npos)
      << frame[3];
  board.apply({"nginx", "", Phase::Pulled, 0, 0, ""}, 3 * kSecond);
  const auto last = board.whole(9 * kSecond, kPlain);
  ASSERT_EQ(last.size(), 2u);
  EXPECT_EQ(last[0], "[+] Pulling 1/1");
  EXPECT_NE(last[1].find("✔ nginx  Pulled"), std::string::npos);
  EXPECT_NE(last[1].find("3.0s"), std::string::npos) << "not the time since";
}

TEST(TransferBoard, FitsTheScreen) {
  TransferBoard board;
  for (int image = 0; image < 4; ++image)
    for (int layer = 0; layer < 30; ++layer)
      board.apply({"registry.example/a/very/long/name/of/an/image:" + std::to_string(image), std::to_string(layer),
                   layer % 2 ? Phase::PullComplete : Phase::Downloading, 1, 2, ""},
                  0);
  for (const Screen& screen :
       {Screen{20, 6, false}, Screen{40, 10, true}, Screen{200, 50, false}, Screen{1, 1, false}}) {
    const auto frame = board.frame(kSecond, screen);
    EXPECT_LE(frame.size(), std::max<std::size_t>(screen.rows - 1, 1));
    if (screen.columns < 20) continue;
    for (const auto& line : frame) EXPECT_LT(columns_of(line), screen.columns) << line;
  }
}

TEST(TransferLines, PlainTellsPhasesAndJsonTellsBytes) {
  const TransferEvent moving{"nginx", "12ab34cd56ef", Phase::Downloading, 15, 30, ""};
  EXPECT_EQ(transfer_line(ProgressMode::Plain, moving, 0), "");
  EXPECT_EQ(transfer_line(ProgressMode::Plain, {"nginx", "", Phase::Pulled, 0, 0, ""}, 0), " Image nginx  Pulled\n");
  EXPECT_EQ(transfer_line(ProgressMode::Json, moving, 0),
            R"({"id":"12ab34cd56ef","parent_id":"Image nginx","status":"Working","text":"Downloading","current":15,)"
            R"("total":30,"percent":50,"ts":"1970-01-01T00:00:00.000000000Z"})"
            "\n");
  EXPECT_EQ(transfer_line(ProgressMode::Quiet, moving, 0), "");
}

}  // namespace
}  // namespace berth::cli
