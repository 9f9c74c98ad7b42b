// The command line as data. One table says which global flags and commands exist, what each flag takes, and what is
// said about it; the parser, `--help`, the man page and the shell completions all come from it.
//
//   auto parsed = cli::parse_command_line({"-f", "a.yaml", "up", "-d", "web"});
//   if (!parsed) return report(parsed.error());       // UsageError: message, hint, exit code 16
//   parsed->options.flag("detach");  parsed->globals.all("file");  parsed->operands;
//
// Rules are docker compose's: global flags stand before the command (`--dry-run` also after it); `run` and `exec` take
// no flag after their first operand; `--name value`, `--name=value`, `-n value`, `-nvalue`, `-abc` for flags that take
// no value; `--` ends the flags. All of it is pure: no environment, no terminal.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/system/result.hpp>

namespace berth::cli {

enum class ValueKind { Flag, Text, Number, Seconds };  // Seconds: a whole number, as -t takes it

// Some flags are docker compose's but cannot do anything here.
enum class Effect {
  Works,
  None,     // accepted: what it asks for is so anyway, `why` tells why
  Refused,  // an error that gives `why`
};

struct Option {
  std::string_view name;
  char short_name = 0;  // 0: none
  ValueKind value = ValueKind::Flag;
  std::string_view value_name;  // shown in help; empty for flags
  std::string_view help;
  bool repeatable = false;
  std::string_view fallback;  // value when it is not given
  std::string_view choices;   // "a|b|c": other values are refused
  bool hidden = false;
  Effect effect = Effect::Works;
  std::string_view why;
  std::string_view group;  // heading in help; empty: "Options"
};

struct Command {
  std::string_view name;
  std::string_view alias;
  std::string_view operands;  // as help shows them
  std::string_view summary;
  std::span<const Option> options;
  bool interspersed = true;  // flags may follow operands
  bool needs_root = true;
  std::size_t min_operands = 0;
  std::size_t max_operands = SIZE_MAX;
  bool hidden = false;
  std::string_view refused;   // not empty: docker compose has it, we do not, and this is why
  std::string_view group;     // heading in the program's help
  std::string_view examples;  // lines "ARGUMENTS | what they do", arguments from the command on
};

std::span<const Option> global_options();
std::span<const Command> commands();
const Command* find_command(std::string_view name);  // by name or alias

// Another way to say a command, in two words: "container ls" is "ps".
struct Spelling {
  std::string_view words;
  std::string_view command;
};

// What one name of the program understands, as messages and help show it: compose's commands under `berth`,
// `docker-compose` and `docker compose`; `docker` has a table of its own.
struct Grammar {
  std::string_view program;
  std::span<const Option> globals;
  std::span<const Command> commands;
  std::string_view summary = "Builds and runs the services of a compose file. No daemon: stacks run by themselves.";
  std::span<const Spelling> spellings = {};
  int bad_flag = 16;  // exit codes of a wrong command line
  int bad_operand = 16;

  const Command* find(std::string_view name) const;  // by name or alias
};
Grammar compose_grammar(std::string_view program = "berth");

// Values as given, by the long name of their option.
class OptionValues {
 public:
  void add(const Option& option, std::string value);
  void replace(const Option& option, std::string value);  // all that was given of it
  void set_fallbacks(std::span<const Option> options);
  bool given(std::string_view name) const;
  bool flag(std::string_view name) const;         // false where not given
  std::string text(std::string_view name) const;  // last value, else the table's fallback
  std::optional<std::string> maybe(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  std::optional<long> number(std::string_view name) const;  // checked when parsed

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> entries_;
  std::map<std::string, std::string, std::less<>> fallbacks_;
};

struct CommandLine {
  const Command* command = nullptr;  // nothing: only global flags (help, version) were given
  OptionValues globals;
  OptionValues options;
  std::vector<std::string> operands;
  bool help = false;
  std::string family;  // first word of spellings of which all are to be listed: `docker image --help`
};

class UsageError {
 public:
  UsageError() = default;
  UsageError(std::string message, std::string hint, int exit_code = 16)
      : message_(std::move(message)), hint_(std::move(hint)), exit_code_(exit_code) {}
  const std::string& message() const noexcept { return message_; }
  const std::string& hint() const noexcept { return hint_; }  // may be empty
  int exit_code() const noexcept { return exit_code_; }

 private:
  std::string message_;
  std::string hint_;
  int exit_code_ = 16;
};
[[noreturn]] void throw_exception_from_error(const UsageError& error, const boost::source_location& location);

using ParsedLine = boost::system::result<CommandLine, UsageError>;

// `arguments` without argv[0]. Checks names, values and the number of operands; what fits together is the command's
// business.
ParsedLine parse_command_line(const std::vector<std::string>& arguments, const Grammar& grammar = compose_grammar());

// Text of `PROGRAM --help` and `PROGRAM COMMAND --help`.
std::string program_help(const Grammar& grammar);
std::string command_help(std::string_view program, const Command& command);
// Text of `PROGRAM FAMILY --help`: the commands that are spelled in two words, this one first.
std::string family_help(const Grammar& grammar, std::string_view family);

}  // namespace berth::cli
