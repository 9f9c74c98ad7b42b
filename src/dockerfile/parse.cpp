#include <algorithm>
#include <cctype>

#include "berth/dockerfile/dockerfile.hpp"
#include "instructions.hpp"

namespace berth::dockerfile {
namespace {

void read_check_options(const std::string& text, const text::Span& span, CheckDirective& check,
                        text::Diagnostics& found) {
  std::string part;
  for (char c : text + ";") {
    if (c != ';') {
      part += c;
      continue;
    }
    const auto equals = part.find('=');
    std::string key = part.substr(0, equals);
    while (!key.empty() && key.front() == ' ') key.erase(0, 1);
    const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
    if (key == "skip")
      check.skip = checks_skipped_by({"check=skip=" + value});
    else if (key == "error")
      check.error = value == "true";
    else if (!key.empty() && key != "experimental")
      found.error(span, "invalid check option \"" + key + "\"");
    part.clear();
  }
}

bool is_from(std::string keyword) {
  for (char& c : keyword) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return keyword == "FROM";
}

}  // namespace

Dockerfile parse(std::string text, std::string path, text::Diagnostics& found) {
  Dockerfile file;
  const bool empty = text.empty();
  file.source = std::make_shared<const text::SourceFile>(std::move(path), std::move(text));
  text::Span top{file.source, 1, 1, 1, 1};
  if (empty) {
    found.error(top, "the Dockerfile cannot be empty");
    return file;
  }
  const Directives directives = read_directives(file.source, found);
  file.escape = directives.escape;
  file.syntax = directives.syntax;
  if (directives.syntax_line)
    file.syntax_span = whole_span(file.source, directives.syntax_line, directives.syntax_line);
  read_check_options(directives.check, whole_span(file.source, directives.check_line, directives.check_line),
                     file.check, found);
  const auto lines = read_lines(file.source, file.escape, found);
  if (lines.empty()) found.error(top, "file with no instructions");
  bool orphan_reported = false, any_from = false;
  for (const LogicalLine& line : lines) {
    InstructionReader reader{file.source, line, file.escape, found, 0, {}};
    const auto skipped = checks_skipped_by(line.comments);
    const auto skips = [](const std::set<std::string>& list) {
      return list.count("all") || list.count("NoEmptyContinuation");
    };
    if (line.empty_continuation && !skips(file.check.skip) && !skips(skipped)) {
      text::Diagnostic warning{
          text::Severity::Warning, "NoEmptyContinuation", reader.whole(), "empty continuation line", {}, {}};
      found.add(std::move(warning));
    }
    if (is_from(reader.keyword())) {
      any_from = true;
      if (auto stage = reader.read_from())
        file.stages.push_back(std::move(*stage));
      else
        file.stages.push_back(Stage{});  // keeps numeric references and the instructions below in their place
      continue;
    }
    auto instruction = reader.read();
    if (!instruction) continue;
    if (!file.stages.empty())
      file.stages.back().instructions.push_back(std::move(*instruction));
    else if (std::holds_alternative<Arg>(instruction->operation))
      file.global_args.push_back(std::move(*instruction));
    else if (!orphan_reported) {
      orphan_reported = true;
      found.error(instruction->span, "no build stage in current context",
                  "the first instruction must be FROM (or ARG)");
    }
  }
  if (!lines.empty() && !any_from && !orphan_reported && !found.has_errors())
    found.error(top, "dockerfile contains no stages to build");
  return file;
}

void replace_check(Dockerfile& file, const std::string& text, text::Diagnostics& found) {
  file.check = {};
  read_check_options(text, {}, file.check, found);
}

bool is_known_syntax(const std::string& syntax) {
  std::string name = syntax.substr(0, syntax.find('@'));
  const auto slash = name.rfind('/');
  if (slash != std::string::npos) name.erase(0, slash + 1);
  name.resize(std::min(name.find(':'), name.size()));
  return name == "dockerfile" || name == "dockerfile-upstream";
}

std::optional<Instruction> parse_trigger(const std::string& expression, text::Diagnostics& found) {
  auto source = std::make_shared<const text::SourceFile>("ONBUILD trigger", expression);
  std::shared_ptr<const text::SourceFile> shared = source;
  const auto lines = read_lines(shared, '\\', found);
  if (lines.size() != 1) {
    found.error({shared, 1, 1, 1, 1}, "an ONBUILD trigger must be one instruction");
    return std::nullopt;
  }
  return InstructionReader{shared, lines[0], '\\', found, 0, {}}.read(true);
}

}  // namespace berth::dockerfile
