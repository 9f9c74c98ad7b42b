// Every diagnostic code has a page whose examples are true, and a golden case:
// tests/golden/diagnostics/CODE[.variant].txt holds the files ("--- NAME", compose.yaml first), perhaps "--- options"
// (`env A=b`, `run`, `service NAME`, `file NAME`, `name NAME`), and "--- said", the exact text. UPDATE_GOLDEN=1 writes
// the latter.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "berth/compose/explain.hpp"
#include "case.hpp"
#include "codes.hpp"

namespace berth::compose {
namespace {

const std::filesystem::path kGolden = std::filesystem::path(BERTH_SOURCE_DIR) / "tests/golden/diagnostics";

using Sections = std::vector<std::pair<std::string, std::string>>;

// Text before the first "--- NAME" is compose.yaml.
Sections sections_of(std::string_view text) {
  Sections sections{{"compose.yaml", ""}};
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1);
    const auto line = text.substr(0, end + 1);
    if (line.starts_with("--- ")) {
      if (sections.size() == 1 && sections[0].second.empty()) sections.clear();
      sections.emplace_back(line.substr(4, line.find_last_not_of('\n') - 3), "");
    } else {
      sections.back().second += line;
    }
    text.remove_prefix(end + 1);
  }
  return sections;
}

void apply_options(Case& stack, const std::string& text) {
  std::istringstream lines(text);
  for (std::string word; lines >> word;) {
    std::string value;
    if (word != "run") lines >> value;
    if (word == "run") stack.options.purpose = Purpose::Run;
    if (word == "env")
      stack.environment.variables[value.substr(0, value.find('='))] = value.substr(value.find('=') + 1);
    if (word == "service") stack.options.services.push_back(value);
    if (word == "file") stack.options.files.push_back(value);
    if (word == "name") stack.options.project_name = value;
  }
}

LoadOutcome load_sections(const Sections& sections, Purpose purpose) {
  Case stack("");
  stack.options.purpose = purpose;
  stack.files.files.clear();
  for (const auto& [name, text] : sections) {
    if (name == "options")
      apply_options(stack, text);
    else if (name != "said" && name != "none")
      stack.file(name, text);
  }
  return stack.run();
}

bool says(const LoadOutcome& outcome, std::string_view code) {
  const auto& all = outcome.diagnostics.all();
  return std::any_of(all.begin(), all.end(), [&](const auto& diagnostic) { return diagnostic.code == code; });
}

std::string read_all(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(DiagnosticPages, ThereIsOneForEachCode) {
  std::vector<std::string> codes, pages;
  for (int i = 0; i < static_cast<int>(Code::Count); ++i) codes.emplace_back(name_of(static_cast<Code>(i)));
  for (const auto& page : explain_pages()) {
    pages.emplace_back(page.code);
    EXPECT_FALSE(page.title.empty() || page.text.empty() || page.mistake.empty() || page.mend.empty()) << page.code;
  }
  EXPECT_EQ(pages, codes);
}

TEST(DiagnosticPages, TheirExamplesAreTrue) {
  for (const auto& page : explain_pages()) {
    if (page.mistake.starts_with("$ ")) continue;
    const auto wrong = load_sections(sections_of(page.mistake), Purpose::Run);
    EXPECT_TRUE(says(wrong, page.code)) << page.code << "\n" << rendered(wrong);
    const auto mended = load_sections(sections_of(page.mend), Purpose::Run);
    EXPECT_TRUE(mended.loaded && !says(mended, page.code)) << page.code << "\n" << rendered(mended);
  }
}

TEST(DiagnosticGolden, EachCodeHasACaseAndSaysExactlyThis) {
  const bool update = std::getenv("UPDATE_GOLDEN") != nullptr;
  std::set<std::string> covered;
  for (const auto& entry : std::filesystem::directory_iterator(kGolden)) {
    const std::string file = entry.path().filename().string();
    const std::string code = file.substr(0, file.find('.'));
    auto sections = sections_of(read_all(entry.path()));
    const auto outcome = load_sections(sections, Purpose::Show);
    const std::string said = rendered(outcome);
    EXPECT_TRUE(says(outcome, code)) << file << "\n" << said;
    covered.insert(code);
    if (sections.back().first != "said") sections.emplace_back("said", "");
    if (!update) {
      EXPECT_EQ(sections.back().second, said) << file;
      continue;
    }
    sections.back().second = said;
    std::ofstream out(entry.path(), std::ios::binary);
    for (const auto& [name, text] : sections) out << "--- " << name << "\n" << text;
  }
  for (const auto& page : explain_pages()) EXPECT_TRUE(covered.count(std::string(page.code))) << page.code;
}

// A place is what an editor jumps to: only what lies in no file has none.
TEST(DiagnosticGolden, PointsIntoAFile) {
  static const std::set<std::string> kNowhere = {"no-compose-file", "no-such-service",  "project-name",
                                                 "empty-file",      "env-file-missing", "file-unreadable"};
  for (const auto& entry : std::filesystem::directory_iterator(kGolden)) {
    const auto outcome = load_sections(sections_of(read_all(entry.path())), Purpose::Show);
    for (const auto& diagnostic : outcome.diagnostics.all())
      EXPECT_TRUE(diagnostic.span || kNowhere.count(diagnostic.code)) << diagnostic.code << " " << diagnostic.message;
  }
}

}  // namespace
}  // namespace berth::compose
