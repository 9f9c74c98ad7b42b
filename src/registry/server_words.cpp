#include "server_words.hpp"

#include <boost/json.hpp>

namespace berth::registry {
namespace {

constexpr std::size_t kLongestWords = 300;

// Bytes of a terminal's language and newlines are gone.
std::string one_printable_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (out.size() >= kLongestWords) break;
    if (byte == '\n' || byte == '\r' || byte == '\t')
      out += ' ';
    else if (byte >= 0x20 && byte != 0x7f)
      out += c;
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == '.')) out.pop_back();
  // No half of a character at the end.
  while (!out.empty() && out.size() >= kLongestWords && (static_cast<unsigned char>(out.back()) & 0x80)) out.pop_back();
  return out;
}

std::string text_at(const boost::json::object& object, const char* name) {
  const auto* value = object.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace

ServerWords parse_server_words(std::string_view body) {
  ServerWords out;
  boost::system::error_code failed;
  const auto value = boost::json::parse(boost::json::string_view(body.data(), body.size()), failed);
  if (failed || !value.is_object()) {
    const auto begin = body.find_first_not_of(" \t\r\n");
    if (failed && begin != std::string_view::npos && body[begin] != '<' && body[begin] != '{')
      out.text = one_printable_line(body.substr(begin, 4 * kLongestWords));
    return out;
  }
  const auto& object = value.get_object();
  if (const auto* errors = object.if_contains("errors"); errors && errors->is_array() && !errors->get_array().empty())
    if (const auto* first = errors->get_array().front().if_object()) {
      out.code = one_printable_line(text_at(*first, "code"));
      out.text = one_printable_line(text_at(*first, "message"));
      return out;
    }
  for (const char* name : {"error_description", "details", "message", "error"}) {
    out.text = one_printable_line(text_at(object, name));
    if (!out.text.empty()) break;
  }
  out.code = one_printable_line(text_at(object, "error"));
  if (out.code == out.text) out.code.clear();
  return out;
}

std::string without_secrets(std::string text, const std::vector<std::string>& secrets) {
  for (const auto& secret : secrets) {
    if (secret.size() < 4) continue;
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3))
      text.replace(at, secret.size(), "***");
  }
  return text;
}

}  // namespace berth::registry
