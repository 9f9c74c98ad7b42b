#include "history.hpp"

#include <fmt/format.h>

#include "berth/text/duration.hpp"

namespace berth::build {
namespace {

// Go's %q, for what is printable ASCII or UTF-8; control characters as escapes.
std::string go_quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\r')
      out += "\\r";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\x{:02x}", c);
    else
      out += c;
  }
  return out + "\"";
}

std::string joined(const std::vector<std::string>& words, bool quoted) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + (quoted ? go_quoted(word) : word);
  return "[" + out + "]";
}

}  // namespace

std::string history_of_command(const std::string& keyword, const std::vector<std::string>& words) {
  return keyword + " " + joined(words, true);
}

std::string history_of_list(const std::string& keyword, const std::vector<std::string>& words) {
  return keyword + " " + joined(words, false);
}

// Compat: Go's %q of the whole struct, in which a number is a character.
std::string history_of_healthcheck(const oci::ImageHealthcheck& check) {
  const auto duration = [](std::int64_t nanoseconds) {
    return "\"" + text::format_duration(text::Duration(nanoseconds)) + "\"";
  };
  const std::string retries = check.retries >= 0x20 && check.retries < 0x7f
                                  ? fmt::format("'{}'", static_cast<char>(check.retries))
                                  : fmt::format("'\\x{:02x}'", check.retries);
  return "HEALTHCHECK &{" + joined(check.test, true) + " " + duration(check.interval) + " " + duration(check.timeout) +
         " " + duration(check.start_period) + " " + duration(check.start_interval) + " " + retries + "}";
}

}  // namespace berth::build
