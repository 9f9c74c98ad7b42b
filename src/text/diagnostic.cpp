#include "berth/text/diagnostic.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace berth::text {

void Diagnostics::add(Diagnostic diagnostic) {
  if (diagnostic.severity == Severity::Error) ++errors_;
  all_.push_back(std::move(diagnostic));
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
  errors_ += other.errors_;
  std::move(other.all_.begin(), other.all_.end(), std::back_inserter(all_));
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

// One entry a code point, so that columns count what people see; control characters would move the terminal's cursor.
std::vector<std::string> shown_columns(std::string_view line) {
  std::vector<std::string> columns;
  for (std::size_t at = 0; at < line.size();) {
    const auto lead = static_cast<unsigned char>(line[at]);
    std::size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    length = std::min(length, line.size() - at);
    const bool printable = lead >= 0x20 && lead != 0x7f && !(length == 1 && lead >= 0x80);
    columns.push_back(lead == '\t' ? " " : printable ? std::string(line.substr(at, length)) : "?");
    at += length;
  }
  return columns;
}

std::string paint(const DiagnosticStyle& style, const char* color, const std::string& text) {
  return style.color ? color + text + "\033[0m" : text;
}

void render_place(std::string& out, const Span& span, const std::string& hint, const char* color,
                  const DiagnosticStyle& style) {
  if (!span.file || span.line == 0 || span.line > span.file->line_count()) {
    if (!hint.empty()) out += "  hint: " + hint + "\n";
    return;
  }
  const auto columns = shown_columns(span.file->line(span.line));
  const std::size_t caret = std::min<std::size_t>(span.column ? span.column - 1 : 0, columns.size());
  std::size_t end = span.end_line == span.line ? span.end_column - 1 : columns.size();
  end = std::clamp(end, caret + 1, std::max(columns.size(), caret + 1));
  // Long lines are cut around the caret; the marks say so.
  const std::size_t from = caret > kShownColumns - 40 ? caret - 40 : 0;
  const std::size_t to = std::min(columns.size(), from + kShownColumns);
  std::string shown = from ? "..." : "";
  for (std::size_t i = from; i < to; ++i) shown += columns[i];
  if (to < columns.size()) shown += "...";
  while (!shown.empty() && shown.back() == ' ') shown.pop_back();

  const std::string number = std::to_string(span.line);
  out += " " + number + " | " + shown + "\n";
  const std::size_t width = std::min(end, std::max(to, caret + 1)) - caret;
  const std::string mark = "^" + std::string(width - 1, '~');
  out += " " + std::string(number.size(), ' ') + " | " + std::string(caret - from + (from ? 3 : 0), ' ') +
         paint(style, color, mark);
  if (!hint.empty()) out += " " + hint;
  out += "\n";
}

void render_part(std::string& out, Severity severity, const std::string& code, const Span& span,
                 const std::string& message, const std::string& hint, const DiagnosticStyle& style) {
  const std::string place = span.to_string();
  if (!place.empty()) out += paint(style, "\033[1m", place + ":") + " ";
  out += paint(style, severity_color(severity), std::string(severity_name(severity)) + ":") + " " + message;
  if (!code.empty()) out += " [" + code + "]";
  out += "\n";
  render_place(out, span, hint, severity_color(severity), style);
}

}  // namespace

std::string render(const Diagnostic& diagnostic, const DiagnosticStyle& style) {
  std::string out;
  render_part(out, diagnostic.severity, diagnostic.code, diagnostic.span, diagnostic.message, diagnostic.hint, style);
  for (const auto& note : diagnostic.notes) render_part(out, Severity::Note, {}, note.span, note.message, {}, style);
  return out;
}

}  // namespace berth::text
