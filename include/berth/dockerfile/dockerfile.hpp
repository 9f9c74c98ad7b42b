// A Dockerfile as instructions: `parse` turns text into stages of typed operations, each with the place it came from.
// Pure. Nothing is expanded here (words keep their `$VAR`): what a variable holds is known only while building, see
// words.hpp. Everything that BuildKit's front end 1.x accepts is parsed; what a builder cannot do it refuses itself.
//
//   Diagnostics found;
//   Dockerfile file = parse(text, "Dockerfile", found);   // all mistakes of the file, not only the first
//   if (found.has_errors()) …
//
// Spans cover whole words and whole instructions (all continuation lines and heredoc bodies).
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "berth/text/diagnostic.hpp"
#include "berth/text/duration.hpp"
#include "berth/text/source.hpp"

namespace berth::dockerfile {

// A word as written: quotes, escapes and variables still in it.
struct Word {
  std::string text;
  text::Span span;
  bool operator==(const Word&) const = default;
};

// `<<EOF`: a body that stands for a file. `expand` is false where the name was quoted.
struct Heredoc {
  std::string name;
  std::string body;  // leading tabs already stripped for `<<-`
  bool expand = true;
  bool strip_tabs = false;
  int descriptor = 0;
  bool operator==(const Heredoc&) const = default;
};

// Shell form: one word, handed to SHELL. Exec form: the arguments. Empty words: `CMD []`, or nothing given.
struct Command {
  bool shell_form = false;
  std::vector<std::string> words;
  bool operator==(const Command&) const = default;
};

struct Run {
  Command command;
  std::vector<Heredoc> heredocs;
  bool script = false;       // `RUN <<EOF` alone: the one body is the command, command.words[0] only its marker
  std::vector<Word> mounts;  // values of --mount, see parse_run_mount
  std::string network;       // "", default, none, host
  std::string security;      // "", sandbox, insecure
  std::vector<Word> devices;
};

struct Copy {
  bool add = false;  // ADD: archives are unpacked, sources may be URLs
  std::vector<Word> sources;
  Word destination;
  std::vector<Heredoc> heredocs;  // sources `<<name`, by name
  std::optional<Word> from;
  std::optional<Word> chown;
  std::optional<Word> chmod;
  std::vector<Word> excludes;
  bool link = false;
  bool parents = false;
  std::optional<Word> checksum;
  std::optional<bool> unpack;
  bool keep_git_dir = false;
};

struct KeyValue {
  Word key;
  Word value;
};

struct Env {
  std::vector<KeyValue> pairs;
  bool legacy = false;
};
struct Label {
  std::vector<KeyValue> pairs;
  bool legacy = false;
};
struct ArgDeclaration {
  Word name;
  std::optional<Word> value;
};
struct Arg {
  std::vector<ArgDeclaration> names;
};
struct Workdir {
  Word path;
};
struct User {
  Word user;
};
struct Expose {
  std::vector<Word> ports;
};
struct Volume {
  std::vector<Word> paths;
};
struct Cmd {
  Command command;
};
struct Entrypoint {
  Command command;
};
struct Shell {
  std::vector<std::string> words;
};
struct Stopsignal {
  Word signal;
};
struct Maintainer {
  std::string name;
};
struct Healthcheck {
  bool none = false;
  Command command;
  std::optional<text::Duration> interval;
  std::optional<text::Duration> timeout;
  std::optional<text::Duration> start_period;
  std::optional<text::Duration> start_interval;
  std::optional<int> retries;
};
// The trigger as text (heredoc bodies appended), to be parsed again where it fires: parse_trigger.
struct Onbuild {
  std::string expression;
};

using Operation = std::variant<Run, Copy, Env, Label, Arg, Workdir, User, Expose, Volume, Cmd, Entrypoint, Shell,
                               Stopsignal, Maintainer, Healthcheck, Onbuild>;

struct Instruction {
  Operation operation;
  std::string keyword;   // upper case
  std::string original;  // "RUN apt-get update" with the lines joined, as history and messages show it
  text::Span span;
  text::Span keyword_span;
  std::string keyword_as_written;
  std::set<std::string> skipped_checks;  // `# check=skip=…` directly above
};

struct Stage {
  Word base;         // `$VAR` of global arguments allowed
  std::string name;  // lower case; empty
  Word name_as_written;
  std::string as_keyword;  // "AS" as written
  Word from_keyword;
  std::optional<Word> platform;
  std::string description;  // from a comment `# name text` above
  std::vector<Instruction> instructions;
  text::Span span;  // of the FROM instruction
  std::set<std::string> skipped_checks;
};

struct CheckDirective {
  std::set<std::string> skip;  // "all" is a member like the others
  bool error = false;
};

struct Dockerfile {
  std::shared_ptr<const text::SourceFile> source;
  char escape = '\\';
  std::string syntax;  // `# syntax=…`; empty
  text::Span syntax_span;
  CheckDirective check;
  std::vector<Instruction> global_args;  // ARG before the first FROM
  std::vector<Stage> stages;
};

// `path` is how the file is shown in messages.
Dockerfile parse(std::string text, std::string path, text::Diagnostics& found);

// The build argument BUILDKIT_DOCKERFILE_CHECK stands in for the `# check=` line.
void replace_check(Dockerfile& file, const std::string& text, text::Diagnostics& found);

// Whether the front end that `# syntax=` names is the one whose language this parser reads (docker/dockerfile in any
// version, from any registry).
bool is_known_syntax(const std::string& syntax);

// One ONBUILD trigger of a base image; nothing (and a diagnostic) where it is not an instruction that may be one.
std::optional<Instruction> parse_trigger(const std::string& expression, text::Diagnostics& found);

}  // namespace berth::dockerfile
