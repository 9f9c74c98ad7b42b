#include "workflow_annotation.hpp"

#include <filesystem>
#include <string_view>

namespace berth::cli {
namespace {

// Workflow commands end at a newline; `%`, CR and LF are escaped (and `:` and `,` in properties).
std::string escaped(std::string_view text, bool property) {
  std::string out;
  for (const char c : text) {
    if (c == '%')
      out += "%25";
    else if (c == '\r')
      out += "%0D";
    else if (c == '\n')
      out += "%0A";
    else if (property && c == ':')
      out += "%3A";
    else if (property && c == ',')
      out += "%2C";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += '?';  // the log is read on terminals, too
    else
      out += c;
  }
  return out;
}

std::string below_workspace(const std::string& path, const std::string& directory, const std::string& workspace) {
  const std::string whole = (std::filesystem::path(directory) / path).lexically_normal().string();
  if (workspace.empty()) return path;
  const std::string prefix = workspace.ends_with('/') ? workspace : workspace + "/";
  return whole.starts_with(prefix) ? whole.substr(prefix.size()) : whole;
}

std::string properties(const text::Diagnostic& diagnostic, const std::string& directory, const std::string& workspace) {
  std::string all;
  const auto add = [&all](const char* name, const std::string& value) {
    all += (all.empty() ? " " : ",") + std::string(name) + "=" + escaped(value, true);
  };
  if (const text::Span& span = diagnostic.span) {
    add("file", below_workspace(span.file->path(), directory, workspace));
    if (span.line) {
      add("line", std::to_string(span.line));
      add("col", std::to_string(span.column));
      if (span.end_line == span.line && span.end_column > span.column)
        add("endColumn", std::to_string(span.end_column));
    }
  }
  if (!diagnostic.code.empty()) add("title", diagnostic.code);
  return all;
}

}  // namespace

std::string workflow_annotation(const text::Diagnostic& diagnostic, const std::string& directory,
                                const std::string& workspace) {
  const char* level = diagnostic.severity == text::Severity::Error     ? "error"
                      : diagnostic.severity == text::Severity::Warning ? "warning"
                                                                       : "notice";
  std::string message = diagnostic.message;
  for (const auto& note : diagnostic.notes) {
    const std::string place = note.span.to_string();
    message += "\n" + (place.empty() ? "" : place + ": ") + note.message;
  }
  if (!diagnostic.hint.empty()) message += "\nhint: " + diagnostic.hint;
  return std::string("::") + level + properties(diagnostic, directory, workspace) + "::" + escaped(message, false);
}

}  // namespace berth::cli
