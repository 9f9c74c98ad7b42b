#include <gtest/gtest.h>

#include <set>

#include "berth/cli/options.hpp"

namespace berth::cli {
namespace {

TEST(CommandLine, TakesGlobalFlagsBeforeTheCommandAndOwnFlagsAfterIt) {
  const auto parsed = parse_command_line(
      {"-f", "a.yaml", "-fb.yaml", "--project-name=demo", "up", "web", "-d", "--scale", "web=3", "db"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(parsed->globals.all("file"), (std::vector<std::string>{"a.yaml", "b.yaml"}));
  EXPECT_EQ(parsed->globals.text("project-name"), "demo");
  EXPECT_EQ(parsed->command->name, "up");
  EXPECT_TRUE(parsed->options.flag("detach"));
  EXPECT_EQ(parsed->options.all("scale"), std::vector<std::string>{"web=3"});
  EXPECT_EQ(parsed->operands, (std::vector<std::string>{"web", "db"}));
}

TEST(CommandLine, LeavesFlagsOfTheCommandThatExecRunsAlone) {
  const auto parsed = parse_command_line({"exec", "-T", "-e", "A=1", "web", "ls", "-l", "--", "-x"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_TRUE(parsed->options.flag("no-tty"));
  EXPECT_EQ(parsed->operands, (std::vector<std::string>{"web", "ls", "-l", "--", "-x"}));
}

TEST(CommandLine, CombinesShortFlagsAndTakesTheRestAsTheLastOnesValue) {
  const auto parsed = parse_command_line({"logs", "-ftn5", "web"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_TRUE(parsed->options.flag("follow"));
  EXPECT_TRUE(parsed->options.flag("timestamps"));
  EXPECT_EQ(parsed->options.text("tail"), "5");
}

TEST(CommandLine, SwitchesAFlagOffByValue) {
  const auto parsed = parse_command_line({"up", "--detach=false"});
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->options.flag("detach"));
  EXPECT_TRUE(parsed->options.given("detach"));
}

TEST(CommandLine, TakesDryRunOnBothSidesOfTheCommand) {
  EXPECT_TRUE(parse_command_line({"--dry-run", "up"})->globals.flag("dry-run"));
  EXPECT_TRUE(parse_command_line({"up", "--dry-run"})->globals.flag("dry-run"));
}

TEST(CommandLine, FallsBackToTheTablesDefault) {
  const auto parsed = parse_command_line({"kill"});
  EXPECT_EQ(parsed->options.text("signal"), "SIGKILL");
  EXPECT_FALSE(parsed->options.given("signal"));
}

struct Refusal {
  std::vector<std::string> arguments;
  const char* message;
  const char* hint;
  int exit_code = 16;
};

TEST(CommandLine, RefusesWhatItDoesNotKnowAndSaysWhatWasMeant) {
  const Refusal refusals[] = {
      {{"upp"}, "unknown command `upp`", "did you mean `up`?"},
      {{"up", "--detatch"}, "unknown flag: --detatch", "did you mean `--detach`?"},
      {{"up", "-f", "x"}, "unknown shorthand flag: 'f' in -f", "-f is a global flag: it goes before `up`"},
      {{"up", "--profile", "x"}, "unknown flag: --profile", "--profile is a global flag: it goes before `up`"},
      {{"-f"}, "flag needs an argument: 'f' in -f", "`berth --help` lists the commands and global flags"},
      {{"up", "-t", "soon"},
       "invalid value `soon` for --timeout: expected a number of seconds",
       "`berth up --help` lists its flags"},
      {{"down", "--rmi", "some"},
       "invalid value `some` for --rmi: expected one of all|local",
       "`berth down --help` lists its flags"},
      {{"exec", "web"}, "`exec` needs more arguments", "usage: berth exec [OPTIONS] SERVICE COMMAND [ARG...]"},
      {{"version", "now"}, "`version` takes no argument `now`", "usage: berth version [OPTIONS] "},
      {{"publish"}, "`publish` cannot be used: this version does not publish files", "", 1},
  };
  for (const Refusal& refusal : refusals) {
    const auto parsed = parse_command_line(refusal.arguments);
    ASSERT_FALSE(parsed) << refusal.message;
    EXPECT_EQ(parsed.error().message(), refusal.message);
    EXPECT_EQ(parsed.error().hint(), refusal.hint);
    EXPECT_EQ(parsed.error().exit_code(), refusal.exit_code);
  }
}

TEST(OptionTable, NamesEachFlagOfACommandOnce) {
  const auto check = [](std::string_view owner, std::span<const Option> options) {
    std::set<std::string_view> names;
    std::set<char> letters;
    for (const Option& option : options) {
      EXPECT_TRUE(names.insert(option.name).second) << owner << " --" << option.name;
      if (option.short_name) {
        EXPECT_TRUE(letters.insert(option.short_name).second) << owner << " -" << option.short_name;
      }
      EXPECT_FALSE(option.help.empty()) << owner << " --" << option.name;
      EXPECT_EQ(option.effect == Effect::Works, option.why.empty()) << owner << " --" << option.name;
      EXPECT_EQ(option.value == ValueKind::Flag, option.value_name.empty()) << owner << " --" << option.name;
    }
  };
  check("berth", global_options());
  for (const Command& command : commands()) check(command.name, command.options);
}

TEST(Help, ShowsEveryFlagThatIsNotHiddenWithItsDefaultAndExamples) {
  EXPECT_EQ(command_help("berth", *find_command("rm")),
            "Usage: berth [GLOBAL OPTIONS] rm [OPTIONS] [SERVICE...]\n\n"
            "Remove stopped containers\n\n"
            "Options:\n"
            "  -f, --force    Do not ask\n"
            "  -s, --stop     Stop them first\n"
            "  -v, --volumes  Remove their anonymous volumes\n"
            "  -h, --help     Show this help\n\n"
            "Examples:\n"
            "  berth rm -sf web  stop and remove it without asking\n");
}

TEST(Help, GroupsTheFlagsOfUp) {
  const std::string help = command_help("docker-compose", *find_command("up"));
  std::size_t at = 0;
  for (const char* heading :
       {"\nWhen it returns:\n  -d, --detach", "\nImages:\n", "\nWhat is created and started:\n",
        "\nLines of an attached up:\n", "\nOptions:\n  -h, --help", "\nExamples:\n  docker-compose up -d"}) {
    const auto found = help.find(heading, at);
    ASSERT_NE(found, std::string::npos) << heading << help;
    at = found;
  }
}

TEST(Help, KeepsEveryLineOfEveryCommandReadable) {
  for (const Command& command : commands()) {
    if (command.hidden) continue;
    EXPECT_FALSE(command.group.empty()) << command.name;
    const std::string help = command_help("berth", command);
    for (std::size_t at = 0; at < help.size();) {
      const auto end = help.find('\n', at);
      EXPECT_LE(end - at, 140u) << help.substr(at, end - at);
      at = end + 1;
    }
  }
}

TEST(Help, GivesOnlyExamplesThatCanBeTyped) {
  for (const Command& command : commands()) {
    std::string_view examples = command.examples;
    while (!examples.empty()) {
      const auto end = examples.find('\n');
      const std::string_view line = examples.substr(0, end);
      examples.remove_prefix(end == std::string_view::npos ? examples.size() : end + 1);
      const auto bar = line.rfind(" | ");
      ASSERT_NE(bar, std::string_view::npos) << line;
      std::vector<std::string> words;
      bool quoted = false;
      words.emplace_back();
      for (const char c : line.substr(0, bar)) {
        if (c == '\'')
          quoted = !quoted;
        else if (c == ' ' && !quoted)
          words.emplace_back();
        else
          words.back() += c;
      }
      EXPECT_EQ(words.front(), command.name) << line;
      const auto parsed = parse_command_line(words);
      EXPECT_TRUE(parsed) << line << ": " << (parsed ? "" : parsed.error().message());
    }
  }
}

}  // namespace
}  // namespace berth::cli
