// What is wrong with the user's file: severity, place, message, where the other half came from, and the likely fix.
// Diagnostics go into a sink; loaders keep going and report them all, and stop only where the next step would guess.
//
//   compose.yaml:14:9: error: unknown key `enviroment` in service `web` [unknown-key]
//    14 |         enviroment:
//       |         ^~~~~~~~~~ did you mean `environment`?
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "berth/text/source.hpp"

namespace berth::text {

enum class Severity { Error, Warning, Note };

struct Note {
  Span span;  // may point nowhere
  std::string message;
};

struct Diagnostic {
  Severity severity = Severity::Error;
  std::string code;  // stable, as `unknown-key`; `berth explain CODE` tells more. May be empty.
  Span span;         // may point nowhere
  std::string message;
  std::vector<Note> notes;
  std::string hint;  // the one likely fix; empty where there is none
};

class Diagnostics {
 public:
  // Of each severity so many are kept: who has more reads no further, and a hostile file must not cost more.
  static constexpr std::size_t kMost = 500;

  void add(Diagnostic diagnostic);
  void error(Span span, std::string message, std::string hint = {});
  void warning(Span span, std::string message, std::string hint = {});

  bool has_errors() const noexcept { return errors_ > 0; }
  const std::vector<Diagnostic>& all() const noexcept { return all_; }
  void append(Diagnostics other);
  // As one reads them: what has no place, then file by file (in the order of `files`, then of their first mention),
  // line by line; the same said twice is said once. Where some were left out, a note at the end says so.
  void arrange(const std::vector<std::shared_ptr<const SourceFile>>& files);

 private:
  std::vector<Diagnostic> all_;
  std::size_t errors_ = 0, others_ = 0;  // also those that are not kept
};

struct DiagnosticStyle {
  bool color = false;
};

// Text of a file or a name within a message: what would move a terminal's cursor, or turn its letters around, is shown
// as `\x1b` or `\u202e`; what is no UTF-8, as `\xff`. Nothing is cut.
std::string visible(std::string_view text);

// The form shown above, ending in a newline. Tabs are shown as one column; long lines are cut around the caret, long
// messages at their end.
std::string render(const Diagnostic& diagnostic, const DiagnosticStyle& style = {});

}  // namespace berth::text
