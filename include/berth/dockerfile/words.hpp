// Words of Dockerfile instructions: quotes, escapes and variables, as BuildKit's shell lexer treats them.
//
//   $v ${v} ${v:-w} ${v-w} ${v:+w} ${v+w} ${v:?w} ${v?w} ${v#p} ${v##p} ${v%p} ${v%%p} ${v/p/r} ${v//p/r}
//
// Pure. Errors carry the message alone ("syntax error: missing '}'"); the caller knows the place.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"

namespace berth::dockerfile {

// The value of a variable; nothing where it is not set.
using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

struct Expansion {
  std::string text;
  std::set<std::string> unset;  // names that were asked for and had no value (for the UndefinedVar check)
};

// One word; blanks in a value stay (VOLUME, COPY, ENV …).
Result<Expansion> expand_word(std::string_view word, char escape, const Lookup& lookup);
// Splits at blanks outside quotes after expansion (EXPOSE).
Result<std::vector<std::string>> expand_words(std::string_view text, char escape, const Lookup& lookup);
// Body of a heredoc: variables and `\` only; quotes stay as they are.
Result<std::string> expand_body(std::string_view body, const Lookup& lookup);

}  // namespace berth::dockerfile
