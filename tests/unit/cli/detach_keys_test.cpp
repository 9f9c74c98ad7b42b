#include "detach_keys.hpp"

#include <gtest/gtest.h>

#include "berth/base/error.hpp"

namespace berth::cli {
namespace {

TEST(DetachKeys, PassOnWhatIsNotTheSequence) {
  auto keys = must(DetachKeys::parse("ctrl-p,ctrl-q"));
  std::string out;
  EXPECT_FALSE(keys.feed("ls\r\x10", out));
  EXPECT_EQ(out, "ls\r");  // it may go on
  EXPECT_FALSE(keys.feed("x", out));
  EXPECT_EQ(out, "ls\r\x10x");
}

TEST(DetachKeys, AreFoundAcrossReadsAndAfterAFalseStart) {
  auto keys = must(DetachKeys::parse("ctrl-p,ctrl-q"));
  std::string out;
  EXPECT_FALSE(keys.feed("\x10", out));
  EXPECT_TRUE(keys.feed("\x10\x11 rest", out));
  EXPECT_EQ(out, "\x10");
  auto repeated = must(DetachKeys::parse("a,a,b"));
  out.clear();
  EXPECT_TRUE(repeated.feed("xaaab", out));
  EXPECT_EQ(out, "xa");
}

TEST(DetachKeys, NamesAreChecked) {
  EXPECT_TRUE(DetachKeys::parse("ctrl-@"));
  EXPECT_TRUE(DetachKeys::parse("x"));
  EXPECT_FALSE(DetachKeys::parse("ctrl-"));
  EXPECT_FALSE(DetachKeys::parse("alt-p"));
  auto none = must(DetachKeys::parse(""));
  std::string out;
  EXPECT_FALSE(none.feed("\x10\x11", out));
  EXPECT_EQ(out, "\x10\x11");
}

}  // namespace
}  // namespace berth::cli
