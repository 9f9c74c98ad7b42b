// `explain`: the page of a diagnostic's code.
#include "berth/compose/explain.hpp"

#include <algorithm>

#include "berth/text/suggest.hpp"
#include "commands.hpp"

namespace berth::cli {
namespace {

std::string indented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    const std::string_view line = text.substr(0, end + 1);
    out += (line == "\n" ? "" : "    ") + std::string(line);
    text.remove_prefix(end + 1);
  }
  return out.ends_with('\n') ? out : out + "\n";
}

std::string page_text(const compose::ExplainPage& page) {
  return std::string(page.code) + ": " + std::string(page.title) + "\n\n" + std::string(page.text) +
         "\n\nThis is wrong:\n\n" + indented(page.mistake) + "\nThis is right:\n\n" + indented(page.mend);
}

std::string page_list(const std::vector<compose::ExplainPage>& pages) {
  std::size_t width = 0;
  for (const auto& page : pages) width = std::max(width, page.code.size());
  std::string out;
  for (const auto& page : pages)
    out += std::string(page.code) + std::string(width + 2 - page.code.size(), ' ') + std::string(page.title) + "\n";
  return out;
}

}  // namespace

int run_explain(const App& app) {
  const auto pages = compose::explain_pages();
  if (app.line.options.flag("list")) {
    print(page_list(pages));
    return kOk;
  }
  if (app.line.operands.empty())
    throw Failure(
        Error::make(ErrorKind::Invalid, "`explain` needs a code")
            .with_hint("it stands in brackets after a message; `" + app.program + " explain --list` has all"));
  std::string code = app.line.operands[0];  // also with its brackets, as it is copied
  if (code.starts_with('[') && code.ends_with(']')) code = code.substr(1, code.size() - 2);
  if (const auto page = compose::find_explain_page(code)) {
    print(page_text(*page));
    return kOk;
  }
  std::vector<std::string> known;
  for (const auto& page : pages) known.emplace_back(page.code);
  const auto near = text::nearest(code, known);
  throw Failure(
      Error::make(ErrorKind::NotFound, "no diagnostic has the code `" + code + "`")
          .with_hint(near ? "did you mean `" + *near + "`?" : "`" + app.program + " explain --list` has all codes"));
}

}  // namespace berth::cli
