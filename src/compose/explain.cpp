#include "berth/compose/explain.hpp"

#include <algorithm>

#include "pages.hpp"

namespace berth::compose {

std::vector<ExplainPage> explain_pages() {
  std::vector<Page> pages;
  for (const auto& family : {kPagesOfText, kPagesOfStructure, kPagesOfModel})
    pages.insert(pages.end(), family.begin(), family.end());
  std::sort(pages.begin(), pages.end(), [](const Page& a, const Page& b) { return a.code < b.code; });
  std::vector<ExplainPage> all;
  all.reserve(pages.size());
  for (const auto& page : pages) all.push_back({name_of(page.code), page.title, page.text, page.mistake, page.mend});
  return all;
}

std::optional<ExplainPage> find_explain_page(std::string_view code) {
  for (const auto& page : explain_pages())
    if (page.code == code) return page;
  return std::nullopt;
}

}  // namespace berth::compose
