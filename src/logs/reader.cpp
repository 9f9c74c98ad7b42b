#include "berth/logs/reader.hpp"

#include <utility>

#include "history.hpp"

namespace berth::logs {

Result<void> read_lines(const std::vector<Source>& sources, const Range& range, const LineSink& sink,
                        std::size_t* malformed) {
  std::vector<History> histories;
  for (const auto& source : sources) {
    histories.emplace_back(source, range, History::AtEnd::Flush);
    BERTH_TRY(histories.back().open());
  }
  std::size_t bad = 0;
  auto merged = merge(histories, sink, bad);
  if (!merged) return merged.error();
  if (malformed) *malformed = bad;
  return {};
}

std::vector<std::string> last_lines(const std::string& path, std::size_t count) {
  std::vector<std::string> out;
  Range range;
  range.tail = count;
  const std::vector<Source> sources{Source{"", path, ""}};
  const auto read = read_lines(sources, range, [&](const Line& line) {
    out.push_back(line.text);
    return true;
  });
  if (!read) out.clear();
  return out;
}

}  // namespace berth::logs
