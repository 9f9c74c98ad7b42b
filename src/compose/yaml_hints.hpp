// What is likely meant where YAML cannot be read.
#pragma once

#include <cstdint>
#include <string>

#include "berth/text/source.hpp"

namespace berth::compose {

std::size_t indent_of(std::string_view line);

// The line, or one just above it, that is indented with a tab; 0: none.
std::uint32_t line_with_tab(const text::SourceFile& file, std::uint32_t line);
// "; so are lines 6 and 7", or nothing.
std::string other_tabs(const text::SourceFile& file, std::uint32_t line);

struct TextPlace {
  std::uint32_t line = 1, column = 1;  // in bytes
};

// May be empty. `message` is what the reader says.
std::string hint_for_line(const text::SourceFile& file, const TextPlace& at, const std::string& message);

}  // namespace berth::compose
