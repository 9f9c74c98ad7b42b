#include "berth/dockerfile/glob.hpp"

#include <algorithm>

#include "utf8.hpp"

namespace berth::dockerfile {
namespace {

Error pattern_error(std::string_view pattern) {
  return Error::make(ErrorKind::Invalid, "syntax error in pattern `" + std::string(pattern) + "`");
}

struct CharacterClass {
  bool negated = false;
  std::vector<std::pair<char32_t, char32_t>> ranges;

  bool accepts(char32_t c) const {
    const bool inside =
        std::any_of(ranges.begin(), ranges.end(), [&](auto& r) { return r.first <= c && c <= r.second; });
    return inside != negated;
  }
};

// `at` stands behind the `[`; afterwards behind the `]`. As filepath.Match reads it: `^` negates, `\` escapes, no empty
// class.
bool read_class(std::string_view pattern, std::size_t& at, CharacterClass& out) {
  if (at < pattern.size() && pattern[at] == '^') {
    out.negated = true;
    ++at;
  }
  const auto character = [&](char32_t& c) {
    if (at >= pattern.size() || pattern[at] == '-' || pattern[at] == ']') return false;
    if (pattern[at] == '\\' && ++at >= pattern.size()) return false;
    c = next_code_point(pattern, at);
    return true;
  };
  while (at < pattern.size() && (pattern[at] != ']' || out.ranges.empty())) {
    char32_t low = 0;
    if (!character(low)) return false;
    char32_t high = low;
    if (at < pattern.size() && pattern[at] == '-') {
      ++at;
      if (!character(high)) return false;
    }
    out.ranges.emplace_back(low, high);
  }
  if (at >= pattern.size()) return false;
  ++at;
  return true;
}

}  // namespace

bool PathPattern::Token::accepts(char32_t c) const {
  switch (kind) {
    case Kind::Char: return c == character;
    case Kind::AnyChar: return c != '/';
    case Kind::Class: return c != '/' && CharacterClass{negated, ranges}.accepts(c);
    case Kind::AnyRun:
    case Kind::AnyDepth:
    case Kind::Anything: return false;
  }
  return false;
}

Result<PathPattern> PathPattern::compile(std::string_view pattern) {
  PathPattern out;
  bool wild = false, leading_depth = false, trailing_depth = false;
  std::string literal;
  for (std::size_t at = 0; at < pattern.size();) {
    Token token;
    const bool first = at == 0;
    trailing_depth = false;
    if (pattern.substr(at).starts_with("**")) {
      at += 2;
      if (at < pattern.size() && pattern[at] == '/') ++at;
      const bool last = at >= pattern.size();
      token.kind = last ? Token::Kind::Anything : Token::Kind::AnyDepth;
      leading_depth = leading_depth || first;
      trailing_depth = last && !first;
      // Compat: a `**` at either end of an otherwise literal pattern compares text only, so `**x` matches `fox` as
      // well.
      if (!first && !last) wild = true;
    } else if (pattern[at] == '*') {
      ++at;
      token.kind = Token::Kind::AnyRun;
      wild = true;
    } else if (pattern[at] == '?') {
      ++at;
      token.kind = Token::Kind::AnyChar;
      wild = true;
    } else if (pattern[at] == '[') {
      ++at;
      CharacterClass set;
      if (!read_class(pattern, at, set)) return pattern_error(pattern);
      token.kind = Token::Kind::Class;
      token.negated = set.negated;
      token.ranges = std::move(set.ranges);
      wild = true;
    } else {
      if (pattern[at] == '\\' && ++at >= pattern.size()) return pattern_error(pattern);
      const std::size_t begin = at;
      token.character = next_code_point(pattern, at);
      if (!wild && !(leading_depth && trailing_depth)) literal += pattern.substr(begin, at - begin);
    }
    out.tokens_.push_back(std::move(token));
  }
  out.literal_ = leading_depth && wild ? std::string() : literal;
  if (wild || (leading_depth && trailing_depth)) {
    out.kind_ = Kind::Automaton;
    if (leading_depth) out.literal_.clear();
  } else if (leading_depth) {
    out.kind_ = Kind::Suffix;
  } else if (trailing_depth) {
    out.kind_ = Kind::Prefix;
  }
  return out;
}

bool PathPattern::matches(std::string_view path) const {
  switch (kind_) {
    case Kind::Exact: return path == literal_;
    // `x/**`: what is below x, not x itself (the token for `**` ate only its own slash).
    case Kind::Prefix: return path.starts_with(literal_);
    case Kind::Suffix: return path.ends_with(literal_);
    case Kind::Automaton: return path.starts_with(literal_) && run(path);
  }
  return false;
}

// States are token positions; a run of `*` and the like keeps its own state alive while it eats.
bool PathPattern::run(std::string_view path) const {
  const std::size_t count = tokens_.size();
  std::vector<char> now(count + 1, 0), next(count + 1, 0);
  const auto close = [&](std::vector<char>& states) {
    for (std::size_t i = 0; i < count; ++i)
      if (states[i] && tokens_[i].kind != Token::Kind::Char && tokens_[i].kind != Token::Kind::AnyChar &&
          tokens_[i].kind != Token::Kind::Class && states[i] != 2)
        states[i + 1] = std::max<char>(states[i + 1], 1);
  };
  // State value 1: may skip the token; 2: inside `(.*/)?`, which may be left only behind a slash.
  now[0] = 1;
  close(now);
  for (std::size_t at = 0; at < path.size();) {
    const char32_t c = next_code_point(path, at);
    std::fill(next.begin(), next.end(), 0);
    bool alive = false;
    for (std::size_t i = 0; i < count; ++i) {
      if (!now[i]) continue;
      switch (tokens_[i].kind) {
        case Token::Kind::AnyRun:
          if (c != '/') next[i] = 1;
          break;
        case Token::Kind::Anything: next[i] = 1; break;
        case Token::Kind::AnyDepth: next[i] = c == '/' ? 1 : std::max<char>(next[i], 2); break;
        default:
          if (tokens_[i].accepts(c)) next[i + 1] = 1;
          break;
      }
    }
    close(next);
    for (char state : next) alive = alive || state;
    if (!alive) return false;
    now.swap(next);
  }
  return now[count] != 0;
}

bool has_wildcard(std::string_view text) { return text.find_first_of("*?[\\") != std::string_view::npos; }

bool match_element(std::string_view pattern, std::string_view element) {
  // Without `**` the path automaton is filepath.Match; two stars in a row are one.
  std::string single;
  bool escaped = false;
  for (char c : pattern) {
    if (c == '*' && !escaped && single.ends_with('*')) continue;
    single += c;
    escaped = c == '\\' && !escaped;
  }
  auto compiled = PathPattern::compile(single);
  return compiled && compiled->matches(element);
}

Result<StringPattern> StringPattern::compile(std::string_view pattern) {
  StringPattern out;
  for (std::size_t at = 0; at < pattern.size();) {
    Token token;
    char32_t c = next_code_point(pattern, at);
    if (c == '*')
      token.kind = Token::Kind::AnyRun;
    else if (c == '?')
      token.kind = Token::Kind::AnyChar;
    else {
      if (c == '\\') {
        if (at >= pattern.size()) return Error::make(ErrorKind::Invalid, "invalid escape at end of pattern");
        c = next_code_point(pattern, at);
        if (c != '*' && c != '?' && c != '\\' && c != '}' && c != '/')
          return Error::make(ErrorKind::Invalid, "invalid escape `\\" + std::string(pattern.substr(at - 1, 1)) + "`");
      }
      token.character = c;
    }
    out.tokens.push_back(token);
  }
  return out;
}

std::pair<std::size_t, std::size_t> StringPattern::match_from(std::string_view text, std::size_t start) const {
  const std::size_t count = tokens.size();
  std::pair<std::size_t, std::size_t> found{std::string_view::npos, std::string_view::npos};
  std::vector<char> now(count + 1, 0), next(count + 1, 0);
  const auto close = [&](std::vector<char>& states) {
    for (std::size_t i = 0; i < count; ++i)
      if (states[i] && tokens[i].kind == Token::Kind::AnyRun) states[i + 1] = 1;
  };
  now[0] = 1;
  close(now);
  for (std::size_t at = start;;) {
    if (now[count]) {
      if (found.first == std::string_view::npos) found.first = at;
      found.second = at;
    }
    if (at >= text.size() || std::find(now.begin(), now.end(), 1) == now.end()) return found;
    const char32_t c = next_code_point(text, at);
    std::fill(next.begin(), next.end(), 0);
    for (std::size_t i = 0; i < count; ++i) {
      if (!now[i]) continue;
      if (tokens[i].kind == Token::Kind::AnyRun)
        next[i] = 1;
      else if (tokens[i].kind == Token::Kind::AnyChar || tokens[i].character == c)
        next[i + 1] = 1;
    }
    close(next);
    now.swap(next);
  }
}

}  // namespace berth::dockerfile
