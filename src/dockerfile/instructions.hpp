// One logical line → one instruction (or FROM). Private to the module.
#pragma once

#include <memory>
#include <optional>

#include "arguments.hpp"
#include "lines.hpp"

namespace berth::dockerfile {

struct InstructionReader {
  const std::shared_ptr<const text::SourceFile>& source;
  const LogicalLine& line;
  char escape;
  text::Diagnostics& found;

  // The keyword's offset range.
  std::string keyword() const;
  std::optional<Instruction> read(bool trigger = false);
  std::optional<Stage> read_from();

  text::Span span(std::size_t begin, std::size_t end) const { return span_of(source, line, begin, end); }
  text::Span whole() const { return whole_span(source, line.first_line, line.last_line); }
  Word word(Piece piece) const;
  void fail(std::string message, std::string hint = {}) { found.error(whole(), std::move(message), std::move(hint)); }

  std::size_t arguments = 0;  // offset behind keyword and flags
  std::vector<Flag> flags;

  bool take_flags(const std::vector<std::string>& known, const std::vector<std::string>& boolean,
                  const std::vector<std::string>& repeatable);
  std::optional<Word> flag(const std::string& name) const;
  bool is_set(const std::string& name) const;
  std::vector<Word> all(const std::string& name) const;
  std::string_view rest() const;
  // JSON list or blank-separated words.
  std::vector<Word> list(bool& json);
  Command command();
  std::vector<KeyValue> pairs(bool& legacy);
  std::optional<Operation> operation(const std::string& keyword, bool trigger);
  std::optional<Operation> run();
  std::optional<Operation> copy(bool add);
  std::optional<Operation> healthcheck();
  std::optional<Operation> arg();
};

const std::vector<std::string>& instruction_keywords();
std::set<std::string> checks_skipped_by(const std::vector<std::string>& comments);

}  // namespace berth::dockerfile
