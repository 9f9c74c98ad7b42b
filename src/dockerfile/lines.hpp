// Physical lines → logical ones: continuations joined, comments taken out, heredoc bodies attached, directives read.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "berth/dockerfile/dockerfile.hpp"

namespace berth::dockerfile {

struct LogicalLine {
  // Where text[offset…] came from, up to the next piece.
  struct Piece {
    std::size_t offset = 0;
    std::uint32_t line = 0;
    std::size_t column = 0;  // byte within the line
  };
  std::string text;  // leading blanks of the first line gone
  std::vector<Piece> pieces;
  std::uint32_t first_line = 0;
  std::uint32_t last_line = 0;  // heredocs included
  std::vector<Heredoc> heredocs;
  std::vector<std::string> comments;  // directly above, without `#`
  bool empty_continuation = false;
};

struct Directives {
  char escape = '\\';
  std::string syntax;
  std::string check;
  std::uint32_t check_line = 0;
  std::uint32_t syntax_line = 0;
};

Directives read_directives(const std::shared_ptr<const text::SourceFile>& source, text::Diagnostics& found);
std::vector<LogicalLine> read_lines(const std::shared_ptr<const text::SourceFile>& source, char escape,
                                    text::Diagnostics& found);

text::Span span_of(const std::shared_ptr<const text::SourceFile>& source, const LogicalLine& line, std::size_t begin,
                   std::size_t end);
text::Span whole_span(const std::shared_ptr<const text::SourceFile>& source, std::uint32_t first, std::uint32_t last);

}  // namespace berth::dockerfile
