#include <gtest/gtest.h>

#include <map>

#include "berth/dockerfile/ignore.hpp"
#include "berth/dockerfile/words.hpp"

namespace berth::dockerfile {
namespace {

const std::map<std::string, std::string, std::less<>> kValues{
    {"a", "1"}, {"empty", ""}, {"path", "/usr/lib/x.tar.gz"}, {"two", "x y"}};
const Lookup kLookup = [](std::string_view name) -> std::optional<std::string> {
  const auto at = kValues.find(name);
  if (at == kValues.end()) return std::nullopt;
  return at->second;
};

std::string word(const std::string& text, char escape = '\\') {
  auto result = expand_word(text, escape, kLookup);
  return result ? result->text : "! " + result.error().to_string();
}

TEST(Words, ExpandEveryFormOfVariable) {
  EXPECT_EQ(word("$a${a}x$1y"), "11xy");
  EXPECT_EQ(word("$. $"), "$. $");
  EXPECT_EQ(word("${none:-d} ${none-d} ${empty:-d} ${empty-d}"), "d d d ");
  EXPECT_EQ(word("${a:+s}|${empty:+s}|${empty+s}|${none+s}"), "s||s|");
  EXPECT_EQ(word("${none:-${a}}"), "1");
  EXPECT_EQ(word("${path#*/}|${path##*/}|${path%.*}|${path%%.*}"),
            "usr/lib/x.tar.gz|x.tar.gz|/usr/lib/x.tar|/usr/lib/x");
  EXPECT_EQ(word("${path/lib/L}|${path//?ar/Z}"), "/usr/L/x.tar.gz|/usr/lib/x.Z.gz");
}

TEST(Words, KeepQuotesAndEscapesApart) {
  EXPECT_EQ(word("'$a'\"$a\"\\$a"), "$a1$a");
  EXPECT_EQ(word("`$a", '`'), "$a");
  EXPECT_EQ(word("\"\\x\\\"\""), "\\x\"");
}

TEST(Words, RefuseWithTheReasonThatBuildkitGives) {
  EXPECT_EQ(word("${}"), "! syntax error: bad substitution");
  EXPECT_EQ(word("${a"), "! syntax error: missing '}'");
  EXPECT_EQ(word("${none:?}"), "! none: is not allowed to be unset");
  EXPECT_EQ(word("${none?said why}"), "! none: said why");
  EXPECT_EQ(word("'a"), "! unexpected end of statement while looking for matching single-quote");
  EXPECT_EQ(word("${a:#x}"), "! unsupported modifier (:#) in substitution");
}

TEST(Words, SplitAfterExpansionOutsideQuotes) {
  EXPECT_EQ(*expand_words("$two \"$two\" z", '\\', kLookup), (std::vector<std::string>{"x", "y", "x y", "z"}));
}

TEST(Words, LeaveQuotesOfHeredocBodiesAlone) { EXPECT_EQ(*expand_body("'$a' \\$a", kLookup), "'1' $a"); }

TEST(Ignore, LastMatchWinsAndParentsHideTheirChildren) {
  const auto rules = *IgnoreRules::parse("# c\n*.log\n/build/\n!build/keep\n**/tmp\nnode_modules/**\n");
  EXPECT_TRUE(rules.ignores("a.log"));
  EXPECT_FALSE(rules.ignores("d/a.log"));
  EXPECT_TRUE(rules.ignores("build/x/y"));
  EXPECT_FALSE(rules.ignores("build/keep"));
  EXPECT_TRUE(rules.ignores("tmp"));
  EXPECT_TRUE(rules.ignores("x/y/tmp/z"));
  EXPECT_TRUE(rules.ignores("node_modules/m"));
  EXPECT_FALSE(rules.ignores("node_modules"));
  EXPECT_TRUE(rules.may_show_below("build"));
  EXPECT_FALSE(rules.may_show_below("node_modules"));
}

TEST(Ignore, ShowsAgainWhatAStarHid) {
  const auto rules = *IgnoreRules::parse("*\n!a/*/f\n");
  EXPECT_TRUE(rules.ignores("x"));
  EXPECT_FALSE(rules.ignores("a/b/f"));
  EXPECT_TRUE(rules.ignores("a/b/g"));
}

TEST(Ignore, RefusesPatternsThatMeanNothing) {
  EXPECT_FALSE(IgnoreRules::parse("!\n"));
  EXPECT_FALSE(IgnoreRules::parse("a[\n"));
}

TEST(Glob, TakesLinearTimeOnHostilePatterns) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a**/";
  auto compiled = PathPattern::compile(pattern + "b");
  ASSERT_TRUE(compiled);
  EXPECT_FALSE(compiled->matches(std::string(4000, 'a')));
}

TEST(Glob, MatchesOneElementAsGoDoes) {
  EXPECT_TRUE(match_element("a*.p[xy]", "abc.py"));
  EXPECT_TRUE(match_element("[[]x", "[x"));
  EXPECT_FALSE(match_element("a?", "a"));
  EXPECT_TRUE(match_element("**", "a"));
}

}  // namespace
}  // namespace berth::dockerfile
