// What a YAML scalar is: text, or a number, a boolean, nothing.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "passes.hpp"

namespace berth::compose {

namespace {

// "0755" and "0o755" are octal, "1_000" is 1000: YAML 1.2 core with the 1.1 leftovers of go-yaml.
bool as_int(std::string text, Node& node) {
  std::erase(text, '_');
  std::string_view digits = text;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  int base = 10;
  if (digits.size() > 2 && digits[0] == '0' && std::isalpha(static_cast<unsigned char>(digits[1]))) {
    const int letter = std::tolower(static_cast<unsigned char>(digits[1]));
    base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
    if (base != 10) digits.remove_prefix(2);
  } else if (digits.size() > 1 && digits[0] == '0') {
    base = 8;
  }
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (digits.empty() || failed != std::errc() || end != digits.data() + digits.size()) return false;
  constexpr std::uint64_t kMost = INT64_MAX;
  if (value > kMost + negative) {  // beyond 64 bits with a sign: as long as it has none, its digits are kept
    if (negative) return false;
    node.kind = NodeKind::Float;
    node.real = static_cast<double>(value);
    node.text = std::to_string(value);
    return true;
  }
  node.kind = NodeKind::Int;
  node.integer = static_cast<std::int64_t>(negative ? 0 - value : value);
  return true;
}

bool as_float(std::string text, Node& node) {
  const auto is = [&](std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
  };
  double& out = node.real;
  if (is({".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"})) return out = INFINITY, true;
  if (is({"-.inf", "-.Inf", "-.INF"})) return out = -INFINITY, true;
  if (is({".nan", ".NaN", ".NAN"})) return out = NAN, true;
  std::erase(text, '_');
  std::string_view number = text;
  if (number.starts_with('+')) number.remove_prefix(1);
  if (number.empty() || number.find_first_not_of("0123456789.eE+-") != std::string_view::npos) return false;
  const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), out);
  if (end != number.data() + number.size() || failed == std::errc::invalid_argument) return false;
  if (failed == std::errc::result_out_of_range) out = std::strtod(std::string(number).c_str(), nullptr);
  return std::isfinite(out);
}

// False where the text is no base64; it is then untouched.
bool from_base64(std::string& text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int held = 0;
  std::size_t letters = 0;
  for (const char c : text) {
    static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (c == '\n' || c == ' ') continue;
    ++letters;
    if (c == '=') continue;
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return false;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if ((held += 6) >= 8) bytes += static_cast<char>(bits >> (held -= 8) & 0xff);
  }
  if (letters % 4 != 0) return false;
  text = std::move(bytes);
  return true;
}

}  // namespace

void resolve_plain(Node& node) {
  const std::string& text = node.text;
  const bool number = !text.empty() && std::string_view("0123456789+-.").find(text[0]) != std::string_view::npos;
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    node.kind = NodeKind::Null;
  } else if (text == "true" || text == "True" || text == "TRUE" || text == "false" || text == "False" ||
             text == "FALSE") {
    node.kind = NodeKind::Bool;
    node.boolean = text[0] == 't' || text[0] == 'T';
  } else if (number && !as_int(text, node) && as_float(text, node)) {
    node.kind = NodeKind::Float;
  }
}

bool resolve_tagged(Node& node, const std::string& tag) {
  static constexpr std::string_view kPrefix = "tag:yaml.org,2002:";
  if (!tag.starts_with(kPrefix)) return true;
  const std::string_view name = std::string_view(tag).substr(kPrefix.size());
  if (name == "binary") return from_base64(node.text);
  const NodeKind wanted = name == "int"     ? NodeKind::Int
                          : name == "float" ? NodeKind::Float
                          : name == "bool"  ? NodeKind::Bool
                          : name == "null"  ? NodeKind::Null
                                            : NodeKind::String;
  if (wanted == NodeKind::String) return true;
  resolve_plain(node);
  if (wanted == NodeKind::Float && node.is(NodeKind::Int)) {
    node.kind = NodeKind::Float;
    node.real = static_cast<double>(node.integer);
  }
  return node.kind == wanted;
}

Node plain_scalar(std::string text) {
  Node node = Node::of(std::move(text));
  node.plain = true;
  resolve_plain(node);
  return node;
}

bool valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t more = lead < 0x80                   ? 0
                             : lead >= 0xc2 && lead < 0xe0 ? 1
                             : lead >= 0xe0 && lead < 0xf0 ? 2
                             : lead >= 0xf0 && lead < 0xf5 ? 3
                                                           : 9;
    if (more == 9 || i + more >= text.size()) return false;
    for (std::size_t k = 1; k <= more; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    i += more + 1;
  }
  return true;
}

std::string as_utf8(const std::string& text) {
  if (valid_utf8(text)) return text;
  std::string mended;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    if (byte == 0x85 || byte == 0xa0) mended += '\xc2';
    mended += text.substr(i, length);
    i += length - 1;
  }
  return mended;
}

}  // namespace berth::compose
