#include "arguments.hpp"

#include <boost/json.hpp>

#include "berth/dockerfile/words.hpp"

namespace berth::dockerfile {
namespace {
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r' || c == '\n'; }

std::string unquoted(std::string_view text, char escape) {
  std::string out;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote ? c == quote : c == '\'' || c == '"')
      quote = quote ? 0 : c;
    else if (c == escape && quote != '\'' && i + 1 < text.size())
      out += text[++i];
    else
      out += c;
  }
  return out;
}
}  // namespace

std::vector<Piece> split_quoted(std::string_view text, std::size_t from, char escape) {
  std::vector<Piece> out;
  for (std::size_t at = from; at < text.size();) {
    if (is_blank(text[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    char quote = 0;
    for (; at < text.size() && (quote || !is_blank(text[at])); ++at) {
      const char c = text[at];
      if (c == escape && quote != '\'' && at + 1 < text.size())
        ++at;
      else if (quote ? c == quote : c == '\'' || c == '"')
        quote = quote ? 0 : c;
    }
    out.push_back({begin, at});
  }
  return out;
}

std::vector<Piece> split_blank(std::string_view text, std::size_t from) {
  std::vector<Piece> out;
  for (std::size_t at = from; at < text.size();) {
    if (is_blank(text[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    while (at < text.size() && !is_blank(text[at])) ++at;
    out.push_back({begin, at});
  }
  return out;
}

std::vector<Flag> read_flags(std::string_view text, std::size_t& at, char escape) {
  std::vector<Flag> flags;
  for (;;) {
    while (at < text.size() && is_blank(text[at])) ++at;
    if (!text.substr(at).starts_with("--")) return flags;
    Piece place{at, at};
    char quote = 0;
    for (; place.end < text.size() && (quote || !is_blank(text[place.end])); ++place.end) {
      const char c = text[place.end];
      if (c == escape && quote != '\'' && place.end + 1 < text.size())
        ++place.end;
      else if (quote ? c == quote : c == '\'' || c == '"')
        quote = quote ? 0 : c;
    }
    at = place.end;
    const std::string word = unquoted(text.substr(place.begin, place.end - place.begin), escape);
    if (word == "--") {
      while (at < text.size() && is_blank(text[at])) ++at;
      return flags;
    }
    const auto equals = word.find('=');
    Flag flag{word.substr(2, equals == std::string::npos ? equals : equals - 2), std::nullopt, place};
    if (equals != std::string::npos) flag.value = word.substr(equals + 1);
    flags.push_back(std::move(flag));
  }
}

JsonForm read_json_list(std::string_view text, std::vector<std::string>& out) {
  if (!text.starts_with('[')) return JsonForm::NotJson;
  boost::system::error_code failed;
  const auto json = boost::json::parse(boost::json::string_view(text.data(), text.size()), failed);
  if (failed || !json.is_array()) return JsonForm::NotJson;
  for (const auto& item : json.get_array()) {
    if (!item.is_string()) return JsonForm::WrongTypes;
    out.emplace_back(item.get_string().data(), item.get_string().size());
  }
  return JsonForm::Strings;
}

// ^(\d*)<<(-?)\s*([^<]*)$ , the name being one shell word.
std::optional<Heredoc> heredoc_marker(std::string_view word) {
  Heredoc out;
  std::size_t at = 0;
  std::string digits;
  while (at < word.size() && word[at] >= '0' && word[at] <= '9' && digits.size() < 6) digits += word[at++];
  if (!word.substr(at).starts_with("<<")) return std::nullopt;
  at += 2;
  if (at < word.size() && word[at] == '-') {
    out.strip_tabs = true;
    ++at;
  }
  const std::string_view name = word.substr(at);
  if (name.empty() || name.find('<') != std::string_view::npos) return std::nullopt;
  out.descriptor = digits.empty() ? 0 : std::stoi(digits);
  out.expand = name.find_first_of("'\"") == std::string_view::npos;
  // The name is taken as it stands: `<<$X` ends at a line `$X`.
  const Lookup as_written = [](std::string_view called) { return "$" + std::string(called); };
  auto words = expand_words(name, '\\', as_written);
  if (!words || words->size() != 1 || words->front().empty()) return std::nullopt;
  out.name = words->front();
  return out;
}

std::vector<Heredoc> heredocs_in(std::string_view text) {
  std::vector<Heredoc> out;
  std::size_t at = 0;
  while (at < text.size() && !is_blank(text[at])) ++at;
  std::size_t arguments = at;
  read_flags(text, arguments, '\\');
  std::vector<std::string> list;
  if (arguments < text.size() && read_json_list(text.substr(arguments), list) == JsonForm::Strings) return out;
  for (const Piece& piece : split_quoted(text, arguments, '\\'))
    if (auto heredoc = heredoc_marker(text.substr(piece.begin, piece.end - piece.begin)))
      out.push_back(std::move(*heredoc));
  return out;
}

}  // namespace berth::dockerfile
