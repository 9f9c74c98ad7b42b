#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "berth/cli/options.hpp"
#include "berth/text/suggest.hpp"

namespace berth::cli {

void throw_exception_from_error(const UsageError& error, const boost::source_location&) {
  throw std::runtime_error(error.message());
}

void OptionValues::add(const Option& option, std::string value) {
  entries_[std::string(option.name)].push_back(std::move(value));
}

void OptionValues::replace(const Option& option, std::string value) {
  entries_[std::string(option.name)] = {std::move(value)};
}

bool OptionValues::given(std::string_view name) const { return entries_.find(name) != entries_.end(); }

bool OptionValues::flag(std::string_view name) const {
  const auto value = maybe(name);
  return value && *value == "true";
}

std::optional<std::string> OptionValues::maybe(std::string_view name) const {
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return std::nullopt;
  return entry->second.back();
}

std::string OptionValues::text(std::string_view name) const {
  if (auto value = maybe(name)) return *value;
  const auto fallback = fallbacks_.find(name);
  return fallback == fallbacks_.end() ? std::string() : fallback->second;
}

std::vector<std::string> OptionValues::all(std::string_view name) const {
  const auto entry = entries_.find(name);
  return entry == entries_.end() ? std::vector<std::string>() : entry->second;
}

std::optional<long> OptionValues::number(std::string_view name) const {
  const auto value = maybe(name);
  if (!value) return std::nullopt;
  long number = 0;
  std::from_chars(value->data(), value->data() + value->size(), number);
  return number;
}

void OptionValues::set_fallbacks(std::span<const Option> options) {
  for (const Option& option : options)
    if (!option.fallback.empty()) fallbacks_.emplace(std::string(option.name), std::string(option.fallback));
}

namespace {

std::vector<std::string> split_choices(std::string_view choices) {
  std::vector<std::string> names;
  while (!choices.empty()) {
    const auto bar = choices.find('|');
    names.emplace_back(choices.substr(0, bar));
    if (bar == std::string_view::npos) break;
    choices.remove_prefix(bar + 1);
  }
  return names;
}

bool is_number(std::string_view text) {
  long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// Go's strconv.ParseBool: what pflag takes after `--flag=`.
std::optional<bool> parse_bool(std::string_view text) {
  for (std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (text == yes) return true;
  for (std::string_view no : {"0", "f", "F", "false", "FALSE", "False"})
    if (text == no) return false;
  return std::nullopt;
}

class LineParser {
 public:
  LineParser(const std::vector<std::string>& arguments, const Grammar& grammar)
      : arguments_(arguments), grammar_(grammar) {
    line_.globals.set_fallbacks(grammar.globals);
  }

  ParsedLine parse() {
    while (position_ < arguments_.size() && !error_) {
      const std::string& argument = arguments_[position_];
      if (!flags_ended_ && argument == "--") {
        flags_ended_ = true;
        ++position_;
      } else if (!flags_ended_ && argument.size() > 1 && argument[0] == '-') {
        ++position_;
        if (argument[1] == '-')
          take_long(argument.substr(2));
        else
          take_short(argument.substr(1));
      } else {
        ++position_;
        take_word(argument);
      }
    }
    if (!error_) check_operands();
    if (error_) return *error_;
    return std::move(line_);
  }

 private:
  void fail(std::string message, std::string hint = {}, std::optional<int> exit_code = {}) {
    error_ = UsageError(std::move(message), std::move(hint), exit_code.value_or(grammar_.bad_flag));
  }

  std::string program() const { return std::string(grammar_.program); }

  std::string help_hint() const {
    return line_.command ? "`" + program() + " " + std::string(line_.command->name) + " --help` lists its flags"
                         : "`" + program() + " --help` lists the commands and global flags";
  }

  const Option* find(auto matches) const {
    if (line_.command) {
      for (const Option& option : line_.command->options)
        if (matches(option)) return &option;
      for (const Option& option : grammar_.globals)
        if (option.name == "dry-run" && matches(option)) return &option;
      return nullptr;
    }
    for (const Option& option : grammar_.globals)
      if (matches(option)) return &option;
    return nullptr;
  }

  void take_long(const std::string& body) {
    const auto equals = body.find('=');
    const std::string name = body.substr(0, equals);
    if (name == "help") {
      line_.help = true;
      return;
    }
    const Option* option = find([&](const Option& candidate) { return candidate.name == name; });
    if (!option) return unknown_long(name);
    if (equals != std::string::npos) return store(*option, body.substr(equals + 1));
    if (option->value == ValueKind::Flag) return store(*option, "true");
    if (position_ >= arguments_.size()) return fail("flag needs an argument: --" + name, help_hint());
    store(*option, arguments_[position_++]);
  }

  void unknown_long(const std::string& name) {
    if (line_.command)
      for (const Option& option : grammar_.globals)
        if (option.name == name)
          return fail("unknown flag: --" + name,
                      "--" + name + " is a global flag: it goes before `" + std::string(line_.command->name) + "`");
    std::vector<std::string> known{"help"};
    for (const Option& option : line_.command ? line_.command->options : grammar_.globals)
      if (!option.hidden) known.emplace_back(option.name);
    const auto near = text::nearest(name, known);
    fail("unknown flag: --" + name, near ? "did you mean `--" + *near + "`?" : help_hint());
  }

  void take_short(const std::string& letters) {
    for (std::size_t i = 0; i < letters.size() && !error_; ++i) {
      const char letter = letters[i];
      const Option* option = find([&](const Option& candidate) { return candidate.short_name == letter; });
      if (!option && letter == 'h') {
        line_.help = true;
        continue;
      }
      if (!option) return unknown_short(letter, letters);
      const std::string rest = letters.substr(i + 1);
      if (!rest.empty() && rest[0] == '=') return store(*option, rest.substr(1));
      if (option->value == ValueKind::Flag) {
        store(*option, "true");
        continue;
      }
      if (!rest.empty()) return store(*option, rest);
      if (position_ >= arguments_.size())
        return fail(std::string("flag needs an argument: '") + letter + "' in -" + letters, help_hint());
      return store(*option, arguments_[position_++]);
    }
  }

  void unknown_short(char letter, const std::string& letters) {
    std::string hint = help_hint();
    if (line_.command)
      for (const Option& option : grammar_.globals)
        if (option.short_name == letter)
          hint = "-" + std::string(1, letter) + " is a global flag: it goes before `" +
                 std::string(line_.command->name) + "`";
    fail(std::string("unknown shorthand flag: '") + letter + "' in -" + letters, hint);
  }

  void store(const Option& option, std::string value) {
    const std::string shown = "--" + std::string(option.name);
    if (option.effect == Effect::Refused) return fail(shown + " cannot be used: " + std::string(option.why));
    const auto wrong = [&](std::string_view what) {
      fail("invalid value `" + value + "` for " + shown + ": " + std::string(what), help_hint());
    };
    if (option.value == ValueKind::Flag) {
      const auto parsed = parse_bool(value);
      if (!parsed) return wrong("expected true or false");
      value = *parsed ? "true" : "false";
    }
    if ((option.value == ValueKind::Number || option.value == ValueKind::Seconds) && !is_number(value))
      return wrong(option.value == ValueKind::Number ? "expected a number" : "expected a number of seconds");
    if (!option.choices.empty()) {
      const auto choices = split_choices(option.choices);
      if (std::find(choices.begin(), choices.end(), value) == choices.end())
        return wrong("expected one of " + std::string(option.choices));
    }
    const bool is_global = !line_.command || option.name == "dry-run";
    (is_global ? line_.globals : line_.options).add(option, std::move(value));
  }

  void take_word(const std::string& word) {
    if (line_.command) {
      line_.operands.push_back(word);
      if (!line_.command->interspersed) flags_ended_ = true;
      return;
    }
    const Command* command = command_of(word);
    if (error_ || !line_.family.empty()) return;
    if (!command) {
      std::vector<std::string> known;
      for (const Command& candidate : grammar_.commands)
        if (!candidate.hidden) known.emplace_back(candidate.name);
      const auto near = text::nearest(word, known);
      return fail("unknown command `" + word + "`", near ? "did you mean `" + *near + "`?" : help_hint(),
                  grammar_.bad_operand);
    }
    if (!command->refused.empty())
      return fail("`" + std::string(command->name) + "` cannot be used: " + std::string(command->refused), {}, 1);
    flags_ended_ = false;
    line_.command = command;
    line_.options.set_fallbacks(command->options);
  }

  // Of this word, or of this and the next: "container ls".
  const Command* command_of(const std::string& word) {
    const std::string prefix = word + " ";
    std::string known;
    for (const Spelling& spelling : grammar_.spellings) {
      if (!spelling.words.starts_with(prefix)) continue;
      const std::string second(spelling.words.substr(prefix.size()));
      if (position_ < arguments_.size() && arguments_[position_] == second) {
        ++position_;
        return grammar_.find(spelling.command);
      }
      known += (known.empty() ? "" : ", ") + second;
    }
    const Command* command = grammar_.find(word);
    if (command || known.empty()) return command;
    const std::string next = position_ < arguments_.size() ? arguments_[position_] : "--help";
    if (next == "--help" || next == "-h") {
      line_.family = word;
      position_ = arguments_.size();
    } else {
      fail("unknown command `" + prefix + next + "`", "there are " + known, grammar_.bad_operand);
    }
    return nullptr;
  }

  void check_operands() {
    if (!line_.command || line_.help) return;
    const std::size_t count = line_.operands.size();
    const std::string usage = "usage: " + program() + " " + std::string(line_.command->name) + " [OPTIONS] " +
                              std::string(line_.command->operands);
    if (count < line_.command->min_operands)
      fail("`" + std::string(line_.command->name) + "` needs " + (count == 0 ? "an argument" : "more arguments"), usage,
           grammar_.bad_operand);
    else if (count > line_.command->max_operands)
      fail("`" + std::string(line_.command->name) + "` takes no argument `" +
               line_.operands[line_.command->max_operands] + "`",
           usage, grammar_.bad_operand);
  }

  const std::vector<std::string>& arguments_;
  const Grammar& grammar_;
  std::size_t position_ = 0;
  bool flags_ended_ = false;
  CommandLine line_;
  std::optional<UsageError> error_;
};

}  // namespace

const Command* Grammar::find(std::string_view name) const {
  const auto found = std::find_if(commands.begin(), commands.end(), [&](const Command& command) {
    return command.name == name || (!command.alias.empty() && command.alias == name);
  });
  return found == commands.end() ? nullptr : &*found;
}

ParsedLine parse_command_line(const std::vector<std::string>& arguments, const Grammar& grammar) {
  return LineParser(arguments, grammar).parse();
}

}  // namespace berth::cli
