#include "lines.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "arguments.hpp"

namespace berth::dockerfile {
namespace {

constexpr std::size_t kLongestLine = 65535;

std::string_view without_blanks(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n\v\f");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n\v\f") - begin + 1);
}

std::string lower_text(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Where the continuation's escape stands; npos where the line does not go on. `foo \\` is an escaped escape.
std::size_t continuation(std::string_view line, char escape) {
  const auto last = line.find_last_not_of(" \t");
  if (last == std::string_view::npos || line[last] != escape) return std::string_view::npos;
  return last > 0 && line[last - 1] == escape ? std::string_view::npos : last;
}

bool takes_heredocs(std::string_view line) {
  const std::string first = lower_text(line.substr(0, line.find_first_of(" \t\v\f\r")));
  if (first == "onbuild") {
    const auto rest = line.find_first_not_of(" \t", first.size());
    return rest != std::string_view::npos && takes_heredocs(line.substr(rest));
  }
  return first == "run" || first == "copy" || first == "add";
}

struct Reader {
  const std::shared_ptr<const text::SourceFile>& source;
  char escape;
  text::Diagnostics& found;
  std::uint32_t at = 1;

  bool done() const { return at > source->line_count(); }
  std::string_view line(std::uint32_t number) const {
    std::string_view text = source->line(number);
    if (number == 1 && text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    return text;
  }

  // The line with its own end, for heredoc bodies.
  std::string raw_line(std::uint32_t number) const {
    const std::string_view text = source->line(number);
    const char* end = text.data() + text.size();
    const char* file_end = source->content().data() + source->content().size();
    std::string out(text);
    while (end < file_end && (*end == '\r' || *end == '\n')) {
      out += *end;
      if (*end++ == '\n') break;
    }
    return out;
  }

  void read_heredocs(LogicalLine& logical) {
    if (!takes_heredocs(logical.text)) return;
    for (Heredoc& heredoc : heredocs_in(logical.text)) {
      bool closed = false;
      while (!done() && !closed) {
        std::string raw = raw_line(at++);
        std::string_view text = raw;
        if (heredoc.strip_tabs) text.remove_prefix(std::min(text.find_first_not_of('\t'), text.size()));
        std::string_view bare = text;
        while (bare.ends_with('\n') || bare.ends_with('\r')) bare.remove_suffix(1);
        closed = bare == heredoc.name;
        if (!closed) heredoc.body += text;
      }
      if (!closed)
        found.error(whole_span(source, logical.first_line, logical.first_line),
                    "unterminated heredoc `" + heredoc.name + "`", "add a line that holds only `" + heredoc.name + "`");
      logical.heredocs.push_back(std::move(heredoc));
    }
  }

  void join(LogicalLine& logical) {
    bool more = true;
    for (bool first = true; more && !done(); first = false) {
      const std::uint32_t number = at++;
      std::string_view text = line(number);
      if (text.size() > kLongestLine)
        found.error(whole_span(source, number, number), "dockerfile line greater than max allowed size of 65535");
      const auto start = text.find_first_not_of(" \t\v\f\r");
      if (!first && start == std::string_view::npos) {
        logical.empty_continuation = true;
        continue;
      }
      if (!first && text[start] == '#') continue;
      const std::size_t column = first && start != std::string_view::npos ? start : 0;
      const auto end = continuation(text, escape);
      more = end != std::string_view::npos;
      logical.pieces.push_back(
          {logical.text.size(), number, column + (number == 1 && text.data() != source->line(1).data() ? 3 : 0)});
      logical.text += text.substr(column, (more ? end : text.size()) - column);
      logical.last_line = number;
    }
  }
};

}  // namespace

text::Span whole_span(const std::shared_ptr<const text::SourceFile>& source, std::uint32_t first, std::uint32_t last) {
  return {source, first, 1, last, static_cast<std::uint32_t>(source->line(last).size() + 1)};
}

text::Span span_of(const std::shared_ptr<const text::SourceFile>& source, const LogicalLine& line, std::size_t begin,
                   std::size_t end) {
  const auto place = [&](std::size_t offset, std::uint32_t& number, std::uint32_t& column) {
    auto piece = std::upper_bound(line.pieces.begin(), line.pieces.end(), offset,
                                  [](std::size_t o, const auto& p) { return o < p.offset; });
    if (piece == line.pieces.begin()) return;
    --piece;
    number = piece->line;
    const std::string_view before = source->line(number).substr(0, piece->column + (offset - piece->offset));
    column = 1 + static_cast<std::uint32_t>(
                     std::count_if(before.begin(), before.end(), [](char c) { return (c & 0xc0) != 0x80; }));
  };
  text::Span span{source, line.first_line, 1, line.first_line, 1};
  place(begin, span.line, span.column);
  place(end > begin ? end - 1 : begin, span.end_line, span.end_column);
  ++span.end_column;
  return span;
}

Directives read_directives(const std::shared_ptr<const text::SourceFile>& source, text::Diagnostics& found) {
  Directives out;
  std::set<std::string> seen;
  for (std::uint32_t number = 1; number <= source->line_count(); ++number) {
    std::string_view line = source->line(number);
    if (number == 1 && line.starts_with("\xef\xbb\xbf")) line.remove_prefix(3);
    line = without_blanks(line);
    if (!line.starts_with('#')) break;
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) break;
    const std::string key = lower_text(without_blanks(line.substr(1, equals - 1)));
    const std::string value(without_blanks(line.substr(equals + 1)));
    if (key != "syntax" && key != "escape" && key != "check") break;
    const auto span = whole_span(source, number, number);
    if (!seen.insert(key).second)
      found.error(span, "only one " + key + " parser directive can be used");
    else if (key == "syntax") {
      out.syntax = value.substr(0, value.find(' '));
      out.syntax_line = number;
    } else if (key == "check") {
      out.check = value;
      out.check_line = number;
    } else if (value == "\\" || value == "`")
      out.escape = value[0];
    else
      found.error(span, "invalid escape token '" + value + "' does not match ` or \\");
  }
  return out;
}

std::vector<LogicalLine> read_lines(const std::shared_ptr<const text::SourceFile>& source, char escape,
                                    text::Diagnostics& found) {
  Reader reader{source, escape, found};
  std::vector<LogicalLine> lines;
  std::vector<std::string> comments;
  while (!reader.done()) {
    const std::string_view text = without_blanks(reader.line(reader.at));
    if (text.empty() || text.starts_with('#')) {
      if (text.size() <= 1)
        comments.clear();
      else
        comments.emplace_back(without_blanks(text.substr(1)));
      ++reader.at;
      continue;
    }
    LogicalLine logical;
    logical.first_line = logical.last_line = reader.at;
    logical.comments = std::exchange(comments, {});
    reader.join(logical);
    reader.read_heredocs(logical);
    logical.last_line = std::max(logical.last_line, reader.at - 1);
    lines.push_back(std::move(logical));
  }
  return lines;
}

}  // namespace berth::dockerfile
