#include "berth/text/diagnostic.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

namespace berth::text {

void Diagnostics::add(Diagnostic diagnostic) {
  std::size_t& count = diagnostic.severity == Severity::Error ? errors_ : others_;
  if (++count <= kMost) all_.push_back(std::move(diagnostic));
}

void Diagnostics::error(Span span, std::string message, std::string hint) {
  add({.severity = Severity::Error,
       .code = {},
       .span = std::move(span),
       .message = std::move(message),
       .notes = {},
       .hint = std::move(hint)});
}

void Diagnostics::warning(Span span, std::string message, std::string hint) {
  add({.severity = Severity::Warning,
       .code = {},
       .span = std::move(span),
       .message = std::move(message),
       .notes = {},
       .hint = std::move(hint)});
}

void Diagnostics::append(Diagnostics other) {
  const std::size_t errors = other.errors_, others = other.others_;
  const std::size_t errors_before = errors_, others_before = others_;
  for (auto& diagnostic : other.all_) add(std::move(diagnostic));
  errors_ = errors_before + errors;
  others_ = others_before + others;
}

void Diagnostics::arrange(const std::vector<std::shared_ptr<const SourceFile>>& files) {
  std::map<std::string_view, std::size_t> order;
  for (const auto& file : files) order.emplace(file->path(), order.size() + 1);
  for (const auto& diagnostic : all_)
    if (diagnostic.span) order.emplace(diagnostic.span.file->path(), order.size() + 1);
  const auto key = [&](const Diagnostic& one) {
    return std::tuple(one.span ? order[one.span.file->path()] : 0, one.span.line, one.span.column);
  };
  std::stable_sort(all_.begin(), all_.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  const auto twice = [&](const Diagnostic& a, const Diagnostic& b) {
    return a.severity == b.severity && key(a) == key(b) && a.message == b.message && a.hint == b.hint;
  };
  all_.erase(std::unique(all_.begin(), all_.end(), twice), all_.end());
  if (errors_ <= kMost && others_ <= kMost) return;
  Diagnostic more;
  more.severity = Severity::Note;
  more.message = "there are more of them; the first " + std::to_string(kMost) + " are shown";
  all_.push_back(std::move(more));
}

namespace {

constexpr std::size_t kShownColumns = 120;

const char* severity_name(Severity severity) {
  switch (severity) {
    case Severity::Error: return "error";
    case Severity::Warning: return "warning";
    case Severity::Note: return "note";
  }
  return "";
}

const char* severity_color(Severity severity) {
  switch (severity) {
    case Severity::Error: return "\033[1;31m";
    case Severity::Warning: return "\033[1;33m";
    case Severity::Note: return "\033[1;36m";
  }
  return "";
}

struct CodePoint {
  std::size_t length = 1;
  bool printable = true;  // and standing still: neither a control character nor one that turns the letters around it
};

CodePoint code_point_at(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {.length = 1, .printable = lead >= 0x20 && lead != 0x7f};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
  if (length == 1 || lead > 0xf4 || at + length > text.size()) return {.length = 1, .printable = false};
  std::uint32_t value = lead & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[at + i]);
    if ((byte & 0xc0) != 0x80) return {.length = 1, .printable = false};
    value = value << 6 | (byte & 0x3f);
  }
  const bool moves = value < 0xa0 || (value >= 0x200b && value <= 0x200f) || (value >= 0x2028 && value <= 0x202e) ||
                     (value >= 0x2066 && value <= 0x2069) || value == 0xfeff;
  return {.length = length, .printable = !moves};
}

struct Excerpt {
  std::string text;
  std::size_t columns = 0;  // of the whole line
};

// The columns [from, to) of a line, one a code point, so that they count what people see.
Excerpt excerpt(std::string_view line, std::size_t from, std::size_t to) {
  Excerpt cut;
  for (std::size_t at = 0; at < line.size(); ++cut.columns) {
    const CodePoint point = code_point_at(line, at);
    if (cut.columns >= from && cut.columns < to)
      cut.text += line[at] == '\t' ? " " : point.printable ? std::string(line.substr(at, point.length)) : "?";
    at += point.length;
  }
  return cut;
}

// A message, or a hint: one line of bounded length.
std::string sentence(const std::string& text) {
  constexpr std::size_t kMostBytes = 2000;
  if (text.size() <= kMostBytes) return visible(text);
  std::size_t end = kMostBytes;
  while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return visible(std::string_view(text).substr(0, end)) + "...";
}

std::string paint(const DiagnosticStyle& style, const char* color, const std::string& text) {
  return style.color ? color + text + "\033[0m" : text;
}

void render_place(std::string& out, const Span& span, const std::string& hint, const char* color,
                  const DiagnosticStyle& style) {
  if (!span.file || span.line == 0 || span.line > span.file->line_count()) {
    if (!hint.empty()) out += "  hint: " + sentence(hint) + "\n";
    return;
  }
  const std::string_view line = span.file->line(span.line);
  const std::size_t columns = excerpt(line, 0, 0).columns;
  const std::size_t caret = std::min<std::size_t>(span.column ? span.column - 1 : 0, columns);
  std::size_t end = span.end_line == span.line ? span.end_column - 1 : columns;
  end = std::clamp(end, caret + 1, std::max(columns, caret + 1));
  // Long lines are cut around the caret; the marks say so.
  const std::size_t from = caret > kShownColumns - 40 ? caret - 40 : 0;
  const std::size_t to = std::min(columns, from + kShownColumns);
  std::string shown = (from ? "..." : "") + excerpt(line, from, to).text;
  if (to < columns) shown += "...";
  while (!shown.empty() && shown.back() == ' ') shown.pop_back();

  const std::string number = std::to_string(span.line);
  out += " " + number + " | " + shown + "\n";
  const std::size_t width = std::min(end, std::max(to, caret + 1)) - caret;
  const std::string mark = "^" + std::string(width - 1, '~');
  out += " " + std::string(number.size(), ' ') + " | " + std::string(caret - from + (from ? 3 : 0), ' ') +
         paint(style, color, mark);
  if (!hint.empty()) out += " " + sentence(hint);
  out += "\n";
}

void render_part(std::string& out, Severity severity, const std::string& code, const Span& span,
                 const std::string& message, const std::string& hint, const DiagnosticStyle& style) {
  const std::string place = visible(span.to_string());
  if (!place.empty()) out += paint(style, "\033[1m", place + ":") + " ";
  out += paint(style, severity_color(severity), std::string(severity_name(severity)) + ":") + " " + sentence(message);
  if (!code.empty()) out += " [" + code + "]";
  out += "\n";
  render_place(out, span, hint, severity_color(severity), style);
}

}  // namespace

std::string visible(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string shown;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    const auto lead = static_cast<unsigned char>(text[at]);
    if (point.printable) {
      shown += text.substr(at, point.length);
    } else if (lead == '\n' || lead == '\t') {
      shown += lead == '\n' ? "\\n" : "\\t";
    } else if (point.length == 3) {  // the signs that turn letters around all have three bytes
      const unsigned value = (lead & 0x0fu) << 12 | (static_cast<unsigned char>(text[at + 1]) & 0x3fu) << 6 |
                             (static_cast<unsigned char>(text[at + 2]) & 0x3fu);
      shown += "\\u";
      for (int shift = 12; shift >= 0; shift -= 4) shown += kDigits[value >> shift & 15];
    } else {
      const unsigned byte = point.length == 2 ? static_cast<unsigned char>(text[at + 1]) : lead;
      shown += std::string("\\x") + kDigits[byte >> 4] + kDigits[byte & 15];
    }
    at += point.length;
  }
  return shown;
}

std::string render(const Diagnostic& diagnostic, const DiagnosticStyle& style) {
  std::string out;
  render_part(out, diagnostic.severity, diagnostic.code, diagnostic.span, diagnostic.message, diagnostic.hint, style);
  for (const auto& note : diagnostic.notes) render_part(out, Severity::Note, {}, note.span, note.message, {}, style);
  return out;
}

}  // namespace berth::text
