#include "passes.hpp"

#include <gtest/gtest.h>

namespace berth::compose {
namespace {

const Lookup kLookup = [](const std::string& name) -> std::optional<std::string> {
  if (name == "SET") return "val";
  if (name == "EMPTY") return "";
  return std::nullopt;
};

TEST(Interpolation, KnowsAllOperators) {
  const auto text = [](const char* input) { return substitute(input, kLookup).text; };
  EXPECT_EQ(text("$SET ${SET} $$SET"), "val val $SET");
  EXPECT_EQ(text("${UNSET:-d} ${EMPTY:-d} ${EMPTY-d}"), "d d ");
  EXPECT_EQ(text("${SET:+x}${UNSET+x}"), "x");
  EXPECT_EQ(text("${UNSET:-${SET:-y}}"), "val");
  EXPECT_EQ(text("${SET:-${}"), "val");
  EXPECT_TRUE(substitute("${UNSET:?must}", kLookup).missing);
  for (const char* wrong : {"${}", "${", "${SET!}", "${ SET }"})
    EXPECT_FALSE(substitute(wrong, kLookup).error.empty()) << wrong;
}

TEST(Dotenv, ReadsQuotesEscapesAndExpansions) {
  const auto parsed = parse_dotenv("export A=\"x\\ty\"\nB: $A # c\nC='a\nb$A'\nSET\nD=\"\\$A\"\n", kLookup);
  ASSERT_TRUE(parsed.error.empty()) << parsed.error;
  std::map<std::string, std::string> values;
  for (const auto& [key, value] : parsed.entries) values[key] = *value;
  EXPECT_EQ(values, (std::map<std::string, std::string>{
                        {"A", "x\ty"}, {"B", "x\ty"}, {"C", "a\nb$A"}, {"SET", "val"}, {"D", "$A"}}));
}

TEST(Dotenv, NamesTheLineOfAMistake) {
  EXPECT_EQ(parse_dotenv("A=1\n\nB='x\n", kLookup).line, 3u);
  EXPECT_FALSE(parse_dotenv("A B=1\n", kLookup).error.empty());
}

TEST(ShortForms, ExpandPorts) {
  EXPECT_EQ(expand_port("3000-3002:80-82").nodes.size(), 3u);
  EXPECT_EQ(expand_port("8000-8010:80").nodes.at(0).find("published")->text, "8000-8010");
  EXPECT_EQ(expand_port("80/tcp/udp").nodes.at(0).find("protocol")->text, "tcp");
  EXPECT_EQ(expand_port("[::1]:80:80/udp").nodes.at(0).find("host_ip")->text, "::1");
  for (const char* wrong : {"abc", "80:80/foo", "65536:80", "host:80:80", "1-3:1-2"})
    EXPECT_FALSE(expand_port(wrong).error.empty()) << wrong;
}

TEST(ShortForms, SplitWordsWithoutAShell) {
  EXPECT_EQ(*split_words("sh -c \"a 'b' \\\"c\" 'd e'"), (std::vector<std::string>{"sh", "-c", "a 'b' \"c", "d e"}));
  EXPECT_FALSE(split_words("'open"));
}

}  // namespace
}  // namespace berth::compose
