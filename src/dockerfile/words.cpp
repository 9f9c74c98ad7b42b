// The lexer walks code points once; nesting (`${a:-${b}}`) is recursion with a limit.
#include "berth/dockerfile/words.hpp"

#include <cctype>

#include "berth/dockerfile/glob.hpp"
#include "utf8.hpp"

namespace berth::dockerfile {
namespace {

constexpr int kDeepestNesting = 64;
constexpr std::size_t kLongestExpansion = 1u << 20;  // `${a}${a}…` in a chain of ENVs doubles with each line

Error word_error(std::string message) { return Error::make(ErrorKind::Invalid, std::move(message)); }

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
// Letters beyond ASCII are taken as a whole: which of them Unicode calls letters matters to nobody's variable names.
bool is_name(char32_t c) {
  return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c < 0xdc00) ||
         c > 0xe000;
}
bool is_special(char32_t c) {
  return c != 0 && c < 0x80 && std::string_view("@*#?-$!0").find(static_cast<char>(c)) != std::string_view::npos;
}

// Collects words while the text is read: characters that came out of quotes never split.
struct WordList {
  std::vector<std::string> words;
  std::string current;
  bool open = false;

  void split() {
    if (open) words.push_back(current);
    current.clear();
    open = false;
  }
  void add(std::string_view text) {  // splits at blanks
    for (char c : text) {
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f')
        split();
      else
        raw(std::string_view(&c, 1));
    }
  }
  void raw(std::string_view text) {
    open = true;
    current += text;
  }
};

class Lexer {
 public:
  Lexer(std::string_view text, char escape, const Lookup& lookup, bool quotes)
      : text_(text), escape_(escape), lookup_(lookup), quotes_(quotes) {}

  Result<std::string> until(char stop, bool raw_escapes, int depth) {
    if (depth > kDeepestNesting) return word_error("variables are nested too deeply");
    std::string out;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (stop && c == stop) {
        ++at_;
        return out;
      }
      if (quotes_ && c == '\'') {
        auto part = single_quoted();
        if (!part) return part;
        out += *part;
        if (depth == 0) list_.raw(*part);
      } else if (quotes_ && c == '"') {
        auto part = double_quoted(depth);
        if (!part) return part;
        out += *part;
        if (depth == 0) list_.raw(*part);
      } else if (c == '$') {
        auto part = variable(depth);
        if (!part) return part;
        out += *part;
        if (depth == 0) list_.add(*part);
      } else if (c == escape_) {
        ++at_;
        if (raw_escapes) out += c;
        if (at_ >= text_.size()) break;  // a trailing escape is dropped
        const std::string_view taken = code_point();
        out += taken;
        if (depth == 0) list_.raw(taken);
      } else {
        const std::string_view taken = code_point();
        out += taken;
        if (depth == 0) list_.add(taken);
      }
      if (out.size() > kLongestExpansion) return word_error("the expanded text is longer than 1 MiB");
    }
    if (stop == '}') return word_error("syntax error: missing '}'");
    if (stop) return word_error("unexpected end of statement while looking for matching " + std::string(1, stop));
    return out;
  }

  WordList& list() { return list_; }
  std::set<std::string>& unset() { return unset_; }

 private:
  std::string_view code_point() {
    const std::size_t begin = at_;
    next_code_point(text_, at_);
    return text_.substr(begin, at_ - begin);
  }

  Result<std::string> single_quoted() {
    const std::size_t end = text_.find('\'', at_ + 1);
    if (end == std::string_view::npos)
      return word_error("unexpected end of statement while looking for matching single-quote");
    std::string out(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return out;
  }

  Result<std::string> double_quoted(int depth) {
    std::string out;
    for (++at_; at_ < text_.size();) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return out;
      }
      if (c == '$') {
        auto part = variable(depth);
        if (!part) return part;
        out += *part;
        continue;
      }
      if (c == escape_ && at_ + 1 < text_.size()) {
        const char next = text_[at_ + 1];
        if (next == '"' || next == '$' || next == escape_) ++at_;
      }
      out += text_[at_++];
    }
    return word_error("unexpected end of statement while looking for matching double-quote");
  }

  std::string name() {
    std::string out;
    while (at_ < text_.size()) {
      std::size_t next = at_;
      const char32_t c = next_code_point(text_, next);
      if (out.empty() && is_digit(c)) {  // positional: digits only
        while (at_ < text_.size() && is_digit(static_cast<unsigned char>(text_[at_]))) out += text_[at_++];
        return out;
      }
      if (out.empty() && is_special(c)) {
        at_ = next;
        return std::string(1, static_cast<char>(c));
      }
      if (!is_name(c)) break;
      out += text_.substr(at_, next - at_);
      at_ = next;
    }
    return out;
  }

  std::optional<std::string> value_of(const std::string& name) {
    auto value = lookup_ ? lookup_(name) : std::nullopt;
    if (!value) unset_.insert(name);
    return value;
  }

  Result<std::string> variable(int depth) {
    ++at_;
    if (at_ >= text_.size() || text_[at_] != '{') {
      const std::string called = name();
      if (called.empty()) return std::string("$");
      return value_of(called).value_or("");
    }
    ++at_;
    if (at_ >= text_.size()) return word_error("syntax error: missing '}'");
    if (text_[at_] == '{' || text_[at_] == '}' || text_[at_] == ':')
      return word_error("syntax error: bad substitution");
    const std::string called = name();
    if (at_ >= text_.size()) return word_error("syntax error: missing '}'");
    char modifier = text_[at_++];
    if (modifier == '}') return value_of(called).value_or("");
    bool empty_is_unset = false;
    if (modifier == ':') {
      empty_is_unset = true;
      if (at_ >= text_.size()) return word_error("syntax error: missing '}'");
      modifier = text_[at_++];
      if (modifier == '#' || modifier == '%')
        return word_error(std::string("unsupported modifier (:") + modifier + ") in substitution");
    }
    switch (modifier) {
      case '-':
      case '+':
      case '?': return conditional(called, modifier, empty_is_unset, depth);
      case '#':
      case '%': return trimmed(called, modifier, depth);
      case '/':
        if (!empty_is_unset) return replaced(called, depth);
        break;
      default: break;
    }
    return word_error(std::string("unsupported modifier (") + (empty_is_unset ? ":" : "") + modifier +
                      ") in substitution");
  }

  Result<std::string> conditional(const std::string& called, char modifier, bool empty_is_unset, int depth) {
    auto word = until('}', false, depth + 1);
    if (!word) return word;
    // A default makes it fine that the name is not set, so it does not count as undefined.
    const auto value = lookup_ ? lookup_(called) : std::nullopt;
    const bool present = value && !(empty_is_unset && value->empty());
    if (modifier == '-') return present ? *value : *word;
    if (modifier == '+') return present ? *word : std::string();
    if (present) return *value;
    const std::string reason = !word->empty() ? *word
                               : value        ? "is not allowed to be empty"
                                              : "is not allowed to be unset";
    return word_error(called + ": " + reason);
  }

  Result<std::string> trimmed(const std::string& called, char side, int depth) {
    auto word = until('}', true, depth + 1);
    if (!word) return word;
    const std::string value = value_of(called).value_or("");
    const bool greedy = word->starts_with(side);
    auto pattern = StringPattern::compile(greedy ? std::string_view(*word).substr(1) : std::string_view(*word));
    if (!pattern) return pattern.error();
    if (side == '#') {
      const auto [shortest, longest] = pattern->match_from(value, 0);
      const std::size_t end = greedy ? longest : shortest;
      return end == std::string::npos ? value : value.substr(end);
    }
    // Suffixes: the first start (longest) or the last one (shortest) from which a match reaches the end.
    std::optional<std::size_t> cut;
    for (std::size_t start = 0; start <= value.size(); ++start) {
      if (pattern->match_from(value, start).second != value.size()) continue;
      cut = start;
      if (greedy) break;
    }
    return cut ? value.substr(0, *cut) : value;
  }

  Result<std::string> replaced(const std::string& called, int depth) {
    const bool all = at_ < text_.size() && text_[at_] == '/';
    if (all) ++at_;
    auto word = until('/', true, depth + 1);
    if (!word) return word_error("syntax error: missing '/' in ${" + called + "}");
    auto replacement = until('}', true, depth + 1);
    if (!replacement) return replacement;
    const std::string value = value_of(called).value_or("");
    auto pattern = StringPattern::compile(*word);
    if (!pattern) return pattern.error();
    std::string out;
    for (std::size_t at = 0; at <= value.size();) {
      const std::size_t end = pattern->match_from(value, at).second;
      if (end != std::string::npos) {
        // Compat: with `//` the replacement is Go's regexp template, in which `$1` or `$name` stand for groups (there
        // are none).
        out += all ? without_group_references(*replacement, value.substr(at, end - at)) : *replacement;
        if (!all) return out + value.substr(end);
        if (out.size() > kLongestExpansion) return word_error("the expanded text is longer than 1 MiB");
        if (end > at) {
          at = end;
          if (at == value.size()) break;
          continue;
        }
      }
      if (at < value.size()) out += value[at];
      ++at;
    }
    return out;
  }

  static std::string without_group_references(std::string_view text, const std::string& whole) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      if (text[at] != '$') {
        out += text[at++];
        continue;
      }
      ++at;
      if (at < text.size() && text[at] == '$') {
        out += text[at++];
        continue;
      }
      const bool braced = at < text.size() && text[at] == '{';
      std::size_t end = at + braced;
      while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) ++end;
      const std::string_view group = text.substr(at + braced, end - at - braced);
      if (group.empty() || (braced && (end >= text.size() || text[end] != '}'))) {
        out += '$';
        continue;
      }
      if (group == "0") out += whole;
      at = end + braced;
    }
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  char escape_;
  const Lookup& lookup_;
  bool quotes_;
  WordList list_;
  std::set<std::string> unset_;
};

}  // namespace

Result<Expansion> expand_word(std::string_view word, char escape, const Lookup& lookup) {
  Lexer lexer(word, escape, lookup, true);
  auto text = lexer.until('\0', false, 0);
  if (!text) return text.error();
  return Expansion{std::move(*text), std::move(lexer.unset())};
}

Result<std::vector<std::string>> expand_words(std::string_view text, char escape, const Lookup& lookup) {
  Lexer lexer(text, escape, lookup, true);
  auto whole = lexer.until('\0', false, 0);
  if (!whole) return whole.error();
  lexer.list().split();
  return std::move(lexer.list().words);
}

Result<std::string> expand_body(std::string_view body, const Lookup& lookup) {
  return Lexer(body, '\\', lookup, false).until('\0', false, 0);
}

}  // namespace berth::dockerfile
