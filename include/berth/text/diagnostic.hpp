// What is wrong with the user's file: severity, place, message, where the other half came from, and the likely fix.
// Diagnostics go into a sink; loaders keep going and report them all, and stop only where the next step would guess.
//
//   compose.yaml:14:9: error: unknown key `enviroment` in service `web` [unknown-key]
//    14 |         enviroment:
//       |         ^~~~~~~~~~ did you mean `environment`?
#pragma once

#include <string>
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
  void add(Diagnostic diagnostic);
  void error(Span span, std::string message, std::string hint = {});
  void warning(Span span, std::string message, std::string hint = {});

  bool has_errors() const noexcept { return errors_ > 0; }
  const std::vector<Diagnostic>& all() const noexcept { return all_; }
  void append(Diagnostics other);

 private:
  std::vector<Diagnostic> all_;
  std::size_t errors_ = 0;
};

struct DiagnosticStyle {
  bool color = false;
};

// The form shown above, ending in a newline. Tabs are shown as one column; long lines are cut around the caret.
std::string render(const Diagnostic& diagnostic, const DiagnosticStyle& style = {});

}  // namespace berth::text
