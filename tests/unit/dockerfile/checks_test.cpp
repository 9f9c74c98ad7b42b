#include "berth/dockerfile/checks.hpp"

#include <gtest/gtest.h>

namespace berth::dockerfile {
namespace {

// "Rule@line:column …", with what the checks may know.
std::string rules(const std::string& source, const CheckFacts& facts = {}, bool places = false) {
  text::Diagnostics found;
  const auto file = parse(source, "Dockerfile", found);
  const auto graph = make_graph(file, {}, found);
  if (!graph) return "no graph";
  run_checks(file, *graph, found, facts);
  std::string out;
  for (const auto& each : found.all())
    out += (out.empty() ? "" : " ") + each.code +
           (places ? "@" + std::to_string(each.span.line) + ":" + std::to_string(each.span.column) : "");
  return out;
}

CheckFacts with_variables(std::vector<std::string> names) {
  CheckFacts facts;
  facts.variables_of = [names](const StageSource&) { return names; };
  return facts;
}

TEST(Checks, WarnByRuleNameAndHonourSkip) {
  const std::string text = "FROM a as B\nWORKDIR x\nENV MY_TOKEN=1\nCMD echo\nCMD echo\n";
  EXPECT_EQ(rules(text),
            "StageNameCasing FromAsCasing WorkdirRelativePath SecretsUsedInArgOrEnv JSONArgsRecommended "
            "MultipleInstructionsDisallowed JSONArgsRecommended");
  EXPECT_EQ(rules("# check=skip=all\n" + text), "");
  EXPECT_EQ(rules("FROM a\nRUN x \\\n\n y\n"), "NoEmptyContinuation");
  EXPECT_EQ(rules("# check=skip=NoEmptyContinuation\nFROM a\nRUN x \\\n\n y\n"), "");
  EXPECT_EQ(rules("FROM a\n# check=skip=NoEmptyContinuation\nRUN x \\\n\n y\n"), "");
}

TEST(Checks, SeeVariablesThatNobodySet) {
  const auto facts = with_variables({"HOME_DIR"});
  EXPECT_EQ(rules("FROM a\nARG A\nENV B=$A C=$B\nCOPY $HOME_DIR$PATH ${X:-y} /$D/\nUSER $B\n", facts, true),
            "UndefinedVar@3:12 UndefinedVar@4:29");
  EXPECT_EQ(rules("FROM a AS one\nENV X=1\nFROM one\nWORKDIR /$X\n", facts), "");
  EXPECT_EQ(rules("FROM scratch\nWORKDIR /$X\n"), "UndefinedVar");
  EXPECT_EQ(rules("FROM a\nWORKDIR /$X\n"), "") << "what the image brings is not known";
  EXPECT_EQ(rules("FROM a\nRUN echo $X\nCMD [\"$X\"]\n", facts), "") << "the shell's business";
  EXPECT_EQ(rules("FROM a\n# check=skip=UndefinedVar\nUSER $X\n", facts), "");
}

TEST(Checks, SuggestTheVariableThatWasMeant) {
  text::Diagnostics found;
  const auto file = parse("FROM a\nENV APP_HOME=/x\nWORKDIR $APP_HOM\n", "Dockerfile", found);
  run_checks(file, *make_graph(file, {}, found), found, with_variables({}));
  ASSERT_EQ(found.all().size(), 1u);
  EXPECT_EQ(found.all()[0].hint, "did you mean `$APP_HOME`?");
}

TEST(Checks, SeeDefaultsThatNameNoImage) {
  EXPECT_EQ(rules("ARG T=1\nFROM a:$T\n"), "");
  EXPECT_EQ(rules("ARG R=x\nFROM ${R}/\n"), "InvalidDefaultArgInFrom");
  EXPECT_EQ(rules("ARG T\nFROM a:$T\n"), "UndefinedArgInFrom InvalidDefaultArgInFrom");
  EXPECT_EQ(rules("ARG T\nFROM a:${T:-1}\n"), "");
}

TEST(Checks, CompareInstructionsWithMostOfThem) {
  EXPECT_EQ(rules("FROM a\nRUN x\nrun y\nWORKDIR /x\n", {}, true), "ConsistentInstructionCasing@3:1");
  EXPECT_EQ(rules("from a\nrun x\nRun y\nRUN z\n"), "ConsistentInstructionCasing ConsistentInstructionCasing");
  EXPECT_EQ(rules("from a\nrun x\n"), "");
}

TEST(Checks, KnowPlatformsAndPorts) {
  EXPECT_EQ(rules("FROM --platform=linux/amd64 a\n"), "FromPlatformFlagConstDisallowed");
  EXPECT_EQ(rules("FROM --platform=linux/amd64 a AS build-amd64\n"), "");
  EXPECT_EQ(rules("FROM a\nEXPOSE 80/TCP 127.0.0.1:80:80 53/udp $PORT\n"), "ExposeProtoCasing ExposeInvalidFormat");
  text::Diagnostics found;
  const auto file = parse("FROM --platform=$TARGETPLATFORM a\n", "Dockerfile", found);
  GraphRequest request;
  request.platform_args = {{"TARGETPLATFORM", "linux/amd64"}};
  run_checks(file, *make_graph(file, request, found), found);
  ASSERT_EQ(found.all().size(), 1u);
  EXPECT_EQ(found.all()[0].code, "RedundantTargetPlatform");
}

TEST(Checks, SeeSourcesThatAreIgnored) {
  const auto ignored = IgnoreRules::parse("*.log\nbuild\n");
  const auto shown_again = IgnoreRules::parse("*.log\n!a.log\n");
  CheckFacts facts;
  facts.ignored = &*ignored;
  EXPECT_EQ(rules("FROM a\nCOPY ./a.log b /x/\nADD build/ /y\nCOPY --from=b a.log /z\nCOPY *.log /w/\n", facts, true),
            "CopyIgnoredFile@2:6 CopyIgnoredFile@3:5");
  facts.ignored = &*shown_again;
  EXPECT_EQ(rules("FROM a\nCOPY b.log /x/\n", facts), "");
}

}  // namespace
}  // namespace berth::dockerfile
