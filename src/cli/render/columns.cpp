#include "render/columns.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace berth::cli {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
};

// Bytes that are no UTF-8 count as one column each.
CodePoint code_point_at(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) < 0x80 ? 1 : byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : byte(0) >= 0xC2 ? 2 : 1;
  if (length == 1 || length > text.size()) return {byte(0), 1};
  std::uint32_t value = byte(0) & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {byte(0), 1};
    value = value << 6 | (byte(i) & 0x3Fu);
  }
  return {value, length};
}

struct Block {
  std::uint32_t first, last;
};

bool is_in(std::uint32_t value, const auto& blocks) {
  return std::any_of(blocks.begin(), blocks.end(),
                     [&](const Block& block) { return value >= block.first && value <= block.last; });
}

std::size_t width_of(std::uint32_t value) {
  static constexpr std::array<Block, 5> kNone{
      {{0x300, 0x36F}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}}};
  static constexpr std::array<Block, 10> kTwo{{{0x1100, 0x115F},
                                               {0x2E80, 0x303E},
                                               {0x3041, 0xA4CF},
                                               {0xAC00, 0xD7A3},
                                               {0xF900, 0xFAFF},
                                               {0xFE30, 0xFE6F},
                                               {0xFF00, 0xFF60},
                                               {0xFFE0, 0xFFE6},
                                               {0x1F300, 0x1FAFF},
                                               {0x20000, 0x3FFFD}}};
  if (is_in(value, kNone)) return 0;
  return is_in(value, kTwo) ? 2 : 1;
}

// Length of the escape sequence that `text` begins with: CSI, OSC, or ESC and one byte; 0 where it begins with none.
std::size_t escape_length(std::string_view text) {
  if (text.empty() || text[0] != '\033') return 0;
  if (text.size() < 2) return 1;
  if (text[1] == '[') {
    std::size_t end = 2;
    while (end < text.size() && (text[end] < 0x40 || text[end] > 0x7E)) ++end;
    return std::min(end + 1, text.size());
  }
  if (text[1] == ']') {
    std::size_t end = 2;
    while (end < text.size() && text[end] != '\a' && text[end] != '\033') ++end;
    if (end < text.size() && text[end] == '\033') ++end;  // ESC \ ends it, too
    return std::min(end + 1, text.size());
  }
  return 2;
}

}  // namespace

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    if (const std::size_t escape = escape_length(text)) {
      text.remove_prefix(escape);
      continue;
    }
    const CodePoint point = code_point_at(text);
    columns += width_of(point.value);
    text.remove_prefix(point.bytes);
  }
  return columns;
}

std::string fit(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const CodePoint point = code_point_at(text);
    const std::size_t width = width_of(point.value);
    if (used + width > columns - 1) break;
    used += width;
    out.append(text.substr(0, point.bytes));
    text.remove_prefix(point.bytes);
  }
  return out + "…";
}

std::string pad(std::string_view text, std::size_t columns) {
  std::string out(text);
  const std::size_t used = columns_of(text);
  if (used < columns) out.append(columns - used, ' ');
  return out;
}

std::string printable(std::string_view text) {
  while (text.ends_with('\r') || text.ends_with('\n')) text.remove_suffix(1);
  if (const auto overwritten = text.rfind('\r'); overwritten != std::string_view::npos)
    text.remove_prefix(overwritten + 1);
  std::string out;
  while (!text.empty()) {
    if (const std::size_t escape = escape_length(text)) {
      text.remove_prefix(escape);
      continue;
    }
    const char c = text[0];
    if (c == '\t' || c == '\n')
      out += ' ';
    else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F)
      out += c;
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace berth::cli
