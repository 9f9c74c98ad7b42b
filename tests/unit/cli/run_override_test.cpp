#include "run_override.hpp"

#include <gtest/gtest.h>

namespace berth::cli {
namespace {

std::string document(const std::vector<std::string>& arguments, RunOverride run = {}) {
  std::vector<std::string> line{"run"};
  line.insert(line.end(), arguments.begin(), arguments.end());
  const auto parsed = parse_command_line(line);
  if (!parsed) return parsed.error().message();
  run.service = parsed->operands.at(0);
  run.command = {parsed->operands.begin() + 1, parsed->operands.end()};
  run.directory = "/here";
  return run_override(run, parsed->options);
}

TEST(RunOverride, IsADocumentOverTheService) {
  EXPECT_EQ(document({"-p", "80", "--cap-add", "NET_ADMIN", "-u", "7", "web", "sh", "-c", "echo $HOME"}),
            "services:\n"
            "  \"web\":\n"
            "    command:\n"
            "      - \"sh\"\n"
            "      - \"-c\"\n"
            "      - \"echo $$HOME\"\n"
            "    user: \"7\"\n"
            "    cap_add:\n"
            "      - \"NET_ADMIN\"\n"
            "    ports: !override\n"
            "      - \"80\"\n"
            "    x-run: {}\n");
}

TEST(RunOverride, DeclaresVolumesThatNobodyHasDeclared) {
  RunOverride run;
  run.declared_volumes = {"data"};
  const auto text = document({"-v", "data:/a", "-v", "loose:/b", "-v", "./src:/c", "-v", "/d", "web"}, run);
  EXPECT_NE(text.find("- \"/here/./src:/c\"\n"), std::string::npos) << text;
  EXPECT_NE(text.find("volumes:\n  \"loose\": {name: \"loose\"}\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("\"data\": {"), std::string::npos) << text;
}

TEST(RunOverride, VariablesOfTheLineComeOverThoseOfAFile) {
  RunOverride run;
  run.file_variables = {{"A", "file"}, {"B", "file"}};
  const auto text = document({"-e", "B=line", "-e", "HOME", "web"}, run);
  EXPECT_NE(text.find("    environment:\n      \"A\": \"file\"\n      \"B\": \"line\"\n      \"HOME\":\n"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace berth::cli
