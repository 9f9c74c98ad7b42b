// The grammar of .env files: K=V, K: V, export K=V, bare K, quotes over several lines, escapes, `$` in unquoted and
// "…".
#include <algorithm>
#include <cctype>
#include <unordered_map>

#include "passes.hpp"

namespace berth::compose {

namespace {

class DotenvReader {
 public:
  DotenvReader(std::string_view text, const Lookup& lookup) : text_(text), lookup_(lookup) {
    if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
    std::string unix_lines;
    for (std::size_t i = 0; i < text_.size(); ++i)
      if (text_[i] != '\r' || i + 1 >= text_.size() || text_[i + 1] != '\n') unix_lines += text_[i];
    content_ = std::move(unix_lines);
    text_ = content_;
  }

  DotenvResult read() {
    while (result_.error.empty() && skip_blank()) read_statement();
    return std::move(result_);
  }

 private:
  // To the next statement; false at the end.
  bool skip_blank() {
    while (at_ < text_.size()) {
      if (std::isspace(static_cast<unsigned char>(text_[at_]))) {
        line_ += text_[at_++] == '\n';
      } else if (text_[at_] == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else {
        return true;
      }
    }
    return false;
  }

  void fail(std::string message) {
    result_.error = std::move(message);
    result_.line = line_;
  }

  void read_statement() {
    const std::size_t line_end = std::min(text_.find('\n', at_), text_.size());
    std::string_view line = text_.substr(at_, line_end - at_);
    if (line.starts_with("export ") || line.starts_with("export\t")) {
      at_ += 7;
      while (at_ < line_end && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
      line = text_.substr(at_, line_end - at_);
    }
    const std::size_t separator = line.find_first_of("=:");
    std::string_view key = line.substr(0, separator);
    if (separator == std::string_view::npos) key = key.substr(0, key.find('#'));
    while (!key.empty() && std::isspace(static_cast<unsigned char>(key.back()))) key.remove_suffix(1);
    if (key.find_first_of(" \t") != std::string_view::npos) return fail("key cannot contain a space");
    for (const unsigned char c : key)
      if (c < 0x80 && !std::isalnum(c) && c != '_' && c != '.' && c != '-' && c != '[' && c != ']')
        return fail("unexpected character `" + std::string(1, static_cast<char>(c)) + "` in the name of a variable");
    if (separator == std::string_view::npos) {
      at_ = line_end;
      if (auto value = lookup_(std::string(key))) {
        store(std::string(key), std::move(*value));
      }
      return;
    }
    at_ += separator + 1;
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    const std::string name(key);
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\''))
      read_quoted(name);
    else
      read_unquoted(name);
  }

  void store(const std::string& name, std::string value) {
    constexpr std::size_t kSpareLetters = 2u << 20;
    letters_ += value.size();
    if (letters_ > kSpareLetters + 4 * text_.size()) {
      result_.too_large = true;
      return fail("the values are longer than " + std::to_string((kSpareLetters + 4 * text_.size()) >> 20) +
                  " MiB together, with their variables put in");
    }
    last_[name] = result_.entries.size();
    result_.entries.emplace_back(name, std::move(value));
    result_.lines.push_back(line_);
  }

  void read_unquoted(const std::string& name) {
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    std::string_view value = text_.substr(at_, end - at_);
    for (std::size_t i = 0; i < value.size(); ++i)
      if (value[i] == '#' && i > 0 && (value[i - 1] == ' ' || value[i - 1] == '\t')) value = value.substr(0, i);
    while (!value.empty() && std::isspace(static_cast<unsigned char>(value.back()))) value.remove_suffix(1);
    at_ = end;
    store_expanded(name, std::string(value));
  }

  void store_expanded(const std::string& name, const std::string& value) {
    const Lookup both = [this](const std::string& wanted) {
      if (auto outer = lookup_(wanted)) return outer;
      const auto found = last_.find(wanted);
      return found == last_.end() ? std::optional<std::string>() : result_.entries[found->second].second;
    };
    Substitution done = substitute(value, both);
    if (done.error == "invalid") return store(name, value);  // Compat: a `$` that begins no variable stands for itself
    result_.too_large = done.too_large;
    if (!done.error.empty()) return fail(done.error);
    store(name, std::move(done.text));
  }

  void read_quoted(const std::string& name) {
    const char quote = text_[at_];
    const std::size_t begin = at_ + 1;
    std::size_t end = begin;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' && end + 1 < text_.size() ? 2 : 1;
    if (end >= text_.size()) {
      const std::size_t line_end = std::min(text_.find('\n', at_), text_.size());
      return fail("unterminated quoted value " +
                  std::string(text_.substr(at_, std::min<std::size_t>(line_end - at_, 80))));
    }
    const std::string_view raw = text_.substr(begin, end - begin);
    at_ = end + 1;
    if (quote == '"') {
      store_expanded(name, unescape(raw));
    } else {
      std::string value;
      for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] == '\\' && i + 1 < raw.size() && raw[i + 1] == '\'') ++i;
        value += raw[i];
      }
      store(name, std::move(value));
    }
    line_ += static_cast<std::uint32_t>(std::count(raw.begin(), raw.end(), '\n'));
  }

  // Of "…"; `\$` becomes `$$`, which the expansion then turns into a dollar.
  static std::string unescape(std::string_view raw) {
    static constexpr std::string_view kLetters = "abfnrtv\"\\", kValues = "\a\b\f\n\r\t\v\"\\";
    std::string value;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != '\\' || i + 1 == raw.size()) {
        value += raw[i];
        continue;
      }
      const char next = raw[++i];
      const std::size_t known = kLetters.find(next);
      if (next == '$')
        value += "$$";
      else if (next == 'c')
        value += "\\c";
      else if (known != std::string_view::npos)
        value += kValues[known];
      else if (next == '0' && i + 3 < raw.size() &&
               std::all_of(raw.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                           raw.begin() + static_cast<std::ptrdiff_t>(i) + 4,
                           [](char c) { return c >= '0' && c <= '7'; })) {
        value += static_cast<char>((raw[i + 1] - '0') * 64 + (raw[i + 2] - '0') * 8 + (raw[i + 3] - '0'));
        i += 3;
      } else {
        value += '\\';
        value += next;
      }
    }
    return value;
  }

  std::string content_;
  std::string_view text_;
  const Lookup& lookup_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
  std::size_t letters_ = 0;                            // of all values
  std::unordered_map<std::string, std::size_t> last_;  // by name, into the entries
  DotenvResult result_;
};

}  // namespace

DotenvResult parse_dotenv(std::string_view text, const Lookup& lookup) { return DotenvReader(text, lookup).read(); }

DotenvResult parse_raw_env(std::string_view text, const Lookup& lookup) {
  DotenvResult result;
  std::uint32_t number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.front()))) line.remove_prefix(1);
    if (line.empty() || line.front() == '#') continue;
    const std::size_t equals = line.find('=');
    const std::string name(line.substr(0, equals));
    if (name.empty() || name.find_first_of(" \t") != std::string::npos) {
      result.error = name.empty() ? "no variable name on the line" : "variable `" + name + "` contains whitespace";
      result.line = number;
      return result;
    }
    auto value = equals == std::string_view::npos ? lookup(name) : std::string(line.substr(equals + 1));
    if (!value) continue;
    result.entries.emplace_back(name, std::move(value));
    result.lines.push_back(number);
  }
  return result;
}

}  // namespace berth::compose
