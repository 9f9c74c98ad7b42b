// Terminal columns of text: what is seen, not what is stored. Escape sequences and combining marks take none, CJK and
// emoji two. Pure; no locale.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace berth::cli {

std::size_t columns_of(std::string_view text);
// At most `columns` wide, cut with `…`; for text without escape sequences.
std::string fit(std::string_view text, std::size_t columns);
// Filled with blanks up to `columns`.
std::string pad(std::string_view text, std::size_t columns);
// One line of a program's output as it may be shown inside a frame: escape sequences and control characters are gone,
// tabs are blanks, and of what a carriage return overwrote only the last is left.
std::string printable(std::string_view text);

}  // namespace berth::cli
