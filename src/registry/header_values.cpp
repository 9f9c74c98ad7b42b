#include "header_values.hpp"

#include <time.h>

#include <charconv>

namespace berth::registry {
namespace {

constexpr std::size_t kLongestHeader = 64u << 10;
constexpr std::size_t kMostChallenges = 16;

bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

class HeaderText {
 public:
  explicit HeaderText(std::string_view text) : text_(text.substr(0, kLongestHeader)) {}

  bool at_end() const { return at_ == text_.size(); }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip(std::string_view some) {
    while (!at_end() && some.find(text_[at_]) != std::string_view::npos) ++at_;
  }
  std::string_view token() {
    const std::size_t begin = at_;
    while (!at_end() && is_token_char(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  // Behind the opening quote; false where it never ends.
  bool quoted(std::string& out) {
    while (!at_end()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (c == '\\' && !at_end())
        out += text_[at_++];
      else
        out += c;
    }
    return false;
  }
  std::size_t at() const { return at_; }
  void back_to(std::size_t at) { at_ = at; }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// `name = value`; false (and nothing taken) where no such thing stands here.
bool read_parameter(HeaderText& text, Challenge& challenge) {
  const std::size_t begin = text.at();
  const std::string name = lowered(text.token());
  text.skip(" \t");
  if (name.empty() || !text.take('=')) {
    text.back_to(begin);
    return false;
  }
  text.skip(" \t");
  std::string value;
  if (text.take('"')) {
    if (!text.quoted(value)) {
      text.back_to(begin);
      return false;
    }
  } else {
    value = text.token();
  }
  challenge.parameters.try_emplace(name, std::move(value));
  return true;
}

void read_challenges(std::string_view header, std::vector<Challenge>& out) {
  HeaderText text(header);
  for (;;) {
    text.skip(" \t,");
    Challenge challenge;
    challenge.scheme = lowered(text.token());
    if (challenge.scheme.empty() || out.size() >= kMostChallenges) return;
    for (;;) {
      text.skip(" \t");
      const std::size_t before = text.at();
      text.skip(" \t,");
      if (!read_parameter(text, challenge)) {
        text.back_to(before);
        break;
      }
    }
    out.push_back(std::move(challenge));
    text.skip(" \t");
    if (!text.at_end() && !text.take(',')) return;
  }
}

}  // namespace

std::vector<Challenge> parse_challenges(const std::vector<std::string>& headers) {
  std::vector<Challenge> out;
  for (const auto& header : headers) read_challenges(header, out);
  return out;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [stopped, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || failed != std::errc() || stopped != text.data() + text.size()) return std::nullopt;
  return number;
}

constexpr std::chrono::seconds kLongestRetryAfter{1 << 30};

std::optional<std::chrono::seconds> parse_retry_after(std::string_view value,
                                                      std::chrono::system_clock::time_point now) {
  using std::chrono::seconds;
  if (const auto number = parse_number(value))
    return seconds(static_cast<std::int64_t>(std::min<std::uint64_t>(*number, kLongestRetryAfter.count())));
  // "Wed, 21 Oct 2015 07:28:00 GMT"; the names are English whatever the locale (the program sets none).
  tm parts{};
  const std::string text(value.substr(0, 64));
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (!end || *end != '\0') return std::nullopt;
  // In seconds: the clock's own unit overflows in the years that a server may name.
  const auto left = seconds(::timegm(&parts)) - std::chrono::floor<seconds>(now.time_since_epoch());
  return left <= seconds(0) ? seconds(0) : std::min(left + seconds(1), kLongestRetryAfter);
}

std::optional<ContentRange> parse_content_range(std::string_view value) {
  constexpr std::string_view kUnit = "bytes ";
  if (!value.starts_with(kUnit)) return std::nullopt;
  value.remove_prefix(kUnit.size());
  const auto slash = value.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  ContentRange out;
  if (const auto total = value.substr(slash + 1); total != "*") {
    out.total = parse_number(total);
    if (!out.total) return std::nullopt;
  }
  const auto range = value.substr(0, slash);
  if (range == "*") return out;
  const auto dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  out.first = parse_number(range.substr(0, dash));
  const auto last = parse_number(range.substr(dash + 1));
  if (!out.first || !last || *last < *out.first) return std::nullopt;
  return out;
}

}  // namespace berth::registry
