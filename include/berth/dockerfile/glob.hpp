// Patterns over paths and strings, matched by simulating the automaton: no backtracking, so a hostile pattern costs at
// most (pattern length × text length) steps. Pure.
//
//   PathPattern   .dockerignore: `*` `?` `[..]` within one element, `**` any depth, `\x` escape
//   match_element COPY wildcards: Go's filepath.Match for one path element
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "berth/base/error.hpp"

namespace berth::dockerfile {

class PathPattern {
 public:
  // ErrorKind::Invalid "syntax error in pattern" for an unclosed class or a trailing escape.
  static Result<PathPattern> compile(std::string_view pattern);
  bool matches(std::string_view path) const;
  // Text before the first wildcard.
  const std::string& literal_prefix() const noexcept { return literal_; }
  bool is_literal() const noexcept { return kind_ == Kind::Exact; }

 private:
  enum class Kind { Exact, Prefix, Suffix, Automaton };
  struct Token {
    enum class Kind { Char, AnyChar, AnyRun, AnyDepth, Anything, Class };
    Kind kind = Kind::Char;
    char32_t character = 0;
    bool negated = false;
    std::vector<std::pair<char32_t, char32_t>> ranges;
    bool accepts(char32_t c) const;
  };
  bool run(std::string_view path) const;

  Kind kind_ = Kind::Exact;
  std::string literal_;  // Exact, Prefix, Suffix: what to compare; Automaton: text before the first wildcard
  std::vector<Token> tokens_;
};

// Whether `text` holds a wildcard of filepath.Match (an escaped one counts too: the pattern has to be matched then).
bool has_wildcard(std::string_view text);
// One path element against one pattern element; a pattern with a mistake matches nothing.
bool match_element(std::string_view pattern, std::string_view element);

// `*` and `?` over a whole string (they cross `/`), for ${v#pattern} and ${v/pattern/…}.
struct StringPattern {
  struct Token {
    enum class Kind { Char, AnyChar, AnyRun } kind = Kind::Char;
    char32_t character = 0;
  };
  std::vector<Token> tokens;
  static Result<StringPattern> compile(std::string_view pattern);
  // Ends (byte offsets) of the matches that begin at `start`: shortest and longest; npos where there is none.
  std::pair<std::size_t, std::size_t> match_from(std::string_view text, std::size_t start) const;
};

}  // namespace berth::dockerfile
