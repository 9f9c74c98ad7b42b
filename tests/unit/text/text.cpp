#include <gtest/gtest.h>

#include "berth/text/diagnostic.hpp"
#include "berth/text/duration.hpp"
#include "berth/text/suggest.hpp"

namespace berth::text {
namespace {

using namespace std::chrono_literals;

TEST(Duration, ReadsWhatGoReads) {
  EXPECT_EQ(parse_duration("1m30s"), 90s);
  EXPECT_EQ(parse_duration("1.5h"), 90min);
  EXPECT_EQ(parse_duration("300ms"), 300ms);
  EXPECT_EQ(parse_duration("-2us"), -2us);
  EXPECT_EQ(parse_duration("0"), 0s);
  EXPECT_EQ(parse_duration(".5s"), 500ms);
  for (const char* wrong : {"", "5", "s", "1x", "-", "1m 30s", "9999999999999h", "1..5s"})
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
}

TEST(Duration, PrintsTheWayGoDoes) {
  EXPECT_EQ(format_duration(90s), "1m30s");
  EXPECT_EQ(format_duration(3600s), "1h0m0s");
  EXPECT_EQ(format_duration(1500ms), "1.5s");
  EXPECT_EQ(format_duration(1500us), "1.5ms");
  EXPECT_EQ(format_duration(-1ns), "-1ns");
  EXPECT_EQ(format_duration(0s), "0s");
}

TEST(ByteSize, ReadsBinaryMultiplesInAnyCase) {
  EXPECT_EQ(parse_byte_size("512m")->bytes, 512 << 20);
  EXPECT_EQ(parse_byte_size("1.5GiB")->bytes, 1610612736);
  EXPECT_EQ(parse_byte_size("64KB")->bytes, 65536);
  EXPECT_EQ(parse_byte_size("1024")->bytes, 1024);
  EXPECT_EQ(parse_byte_size("2 b")->bytes, 2);
  for (const char* wrong : {"", "m", "1x", "1mi", "1kib b", "-1", "1e3"}) EXPECT_FALSE(parse_byte_size(wrong)) << wrong;
}

TEST(ByteSize, PrintsThreeDigits) {
  EXPECT_EQ(format_byte_size({0}), "0B");
  EXPECT_EQ(format_byte_size({999}), "999B");
  EXPECT_EQ(format_byte_size({116'400'000}), "116MB");
  EXPECT_EQ(format_byte_size({1'200'000'000}), "1.2GB");
}

TEST(Time, GoesThereAndBack) {
  const std::string text = "2026-11-24T04:13:46.000000001Z";
  ASSERT_TRUE(parse_time(text));
  EXPECT_EQ(format_time(*parse_time(text)), text);
  EXPECT_EQ(format_time(*parse_time("2026-11-24T06:13:46+02:00")), "2026-11-24T04:13:46.000000000Z");
  EXPECT_FALSE(parse_time("2026-13-01T00:00:00Z"));
  EXPECT_EQ(format_age(61s), "About a minute");
  EXPECT_EQ(format_age(3h), "3 hours");
}

TEST(Nearest, FindsSlipsAndNothingElse) {
  const std::vector<std::string> keys = {"environment", "env_file", "image", "ports", "expose"};
  EXPECT_EQ(nearest("enviroment", keys), "environment");
  EXPECT_EQ(nearest("env-file", keys), "env_file");
  EXPECT_EQ(nearest("port", keys), "ports");
  EXPECT_FALSE(nearest("kubernetes", keys));
}

TEST(Render, ShowsPlaceLineCaretAndHint) {
  const auto file = std::make_shared<const SourceFile>("compose.yaml", "services:\n  web:\n    enviroment:\n");
  const Diagnostic diagnostic{.severity = Severity::Error,
                              .code = {},
                              .span = {file, 3, 5, 3, 15},
                              .message = "unknown key `enviroment` in service `web`",
                              .notes = {},
                              .hint = "did you mean `environment`?"};
  EXPECT_EQ(render(diagnostic),
            "compose.yaml:3:5: error: unknown key `enviroment` in service `web`\n"
            " 3 |     enviroment:\n"
            "   |     ^~~~~~~~~~ did you mean `environment`?\n");
}

TEST(Render, MovesNoCursor) {
  const auto file = std::make_shared<const SourceFile>("a\033[31m.yaml", "k\033[2J\xc2\x9b: \xe2\x80\xae x\xff\r\n");
  const std::string shown = render({.severity = Severity::Error,
                                    .code = {},
                                    .span = {file, 1, 1, 1, 2},
                                    .message = "`\033]0;t\a` \n `\xe2\x80\xae` \xff",
                                    .notes = {{{}, "\r"}},
                                    .hint = "\177"});
  EXPECT_EQ(shown,
            "a\\x1b[31m.yaml:1:1: error: `\\x1b]0;t\\x07` \\n `\\u202e` \\xff\n"
            " 1 | k?[2J?: ? x?\n"
            "   | ^ \\x7f\n"
            "note: \\x0d\n");
}

TEST(Diagnostics, AreArrangedByFileAndLineAndSaidOnce) {
  const auto a = std::make_shared<const SourceFile>("a", "1\n2\n"),
             again = std::make_shared<const SourceFile>("a", "1\n2\n");
  const auto b = std::make_shared<const SourceFile>("b", "1\n");
  Diagnostics all;
  all.error({again, 2, 1, 2, 2}, "second");
  all.warning({b, 1, 1, 1, 2}, "other");
  all.error({a, 2, 1, 2, 2}, "second");
  all.error({}, "nowhere");
  all.warning({a, 1, 1, 1, 2}, "first");
  all.arrange({a, b});
  std::string order;
  for (const auto& one : all.all()) order += one.message + " ";
  EXPECT_EQ(order, "nowhere first second other ");
}

TEST(Diagnostics, KeepAsManyAsOneReads) {
  Diagnostics all;
  for (int i = 0; i < 10'000; ++i) all.error({}, std::to_string(i));
  all.warning({}, "and this");
  EXPECT_TRUE(all.has_errors());
  all.arrange({});
  EXPECT_EQ(all.all().size(), Diagnostics::kMost + 2);
  EXPECT_EQ(all.all().back().message, "there are more of them; the first 500 are shown");
}

TEST(Render, CutsLongLinesAroundTheCaret) {
  const auto file = std::make_shared<const SourceFile>("f", std::string(5000, 'a') + "X" + std::string(5000, 'b'));
  const std::string shown = render({.severity = Severity::Warning,
                                    .code = {},
                                    .span = {file, 1, 5001, 1, 5002},
                                    .message = "m",
                                    .notes = {},
                                    .hint = {}});
  EXPECT_LT(shown.size(), 400u);
  EXPECT_NE(shown.find('X'), std::string::npos);
}

}  // namespace
}  // namespace berth::text
