#include "render/build_board.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "render/columns.hpp"

namespace berth::cli {
namespace {

constexpr std::size_t kOutputLines = 6;  // as BuildKit shows below a step

// Compat: "[web builder 2/4]"; a stage without a name is "stage-1", the first of them is not told.
std::string step_label(const std::string& name, const build::BuildEvent& event) {
  std::string stage = event.stage;
  if (stage.find_first_not_of("0123456789") == std::string::npos) stage = stage == "0" ? "" : "stage-" + stage;
  return fmt::format("[{}{}{} {}/{}]", name, stage.empty() ? "" : " ", stage, event.step, event.total);
}

}  // namespace

void BuildBoard::apply(const std::string& name, const build::BuildEvent& event, std::int64_t now) {
  using Kind = build::BuildEvent::Kind;
  const auto end = [&](Mark mark) {
    if (rows_.empty() || rows_.back().mark != Mark::Working) return;
    rows_.back().mark = mark;
    rows_.back().until = now;
    output_.clear();
  };
  switch (event.kind) {
    case Kind::Step:
      end(Mark::Done);
      rows_.push_back(
          {fmt::format("{} {}", step_label(name, event), printable(event.text.substr(0, event.text.find('\n')))), now,
           now, Mark::Working});
      break;
    case Kind::Cached: end(Mark::Cached); break;
    case Kind::Done: end(Mark::Done); break;
    case Kind::Output:
      output_.push_back(printable(event.text));
      if (output_.size() > kOutputLines) output_.pop_front();
      break;
    case Kind::Warning: break;
    case Kind::Failed: end(Mark::Failed); break;
    case Kind::Image:
      end(Mark::Done);
      rows_.push_back({fmt::format("image of {}: {}", name, event.text), now, now, Mark::Done});
      break;
  }
}

std::string BuildBoard::header(std::int64_t now, const Screen& screen) const {
  const auto done = std::count_if(rows_.begin(), rows_.end(),
                                  [](const Row& row) { return row.mark == Mark::Done || row.mark == Mark::Cached; });
  const bool works = std::any_of(rows_.begin(), rows_.end(), [](const Row& row) { return row.mark == Mark::Working; });
  const std::int64_t until = works ? now : rows_.back().until;
  const std::string text =
      fmt::format("[+] Building {} ({}/{})", elapsed_text(until - rows_.front().since), done, rows_.size());
  return paint(fit(text, screen.columns - 1), "34", screen.color && works);
}

std::string BuildBoard::line(const Row& row, std::int64_t now, const Screen& screen) const {
  const std::size_t room = screen.columns > 1 ? screen.columns - 1 : 1;
  const std::string time = elapsed_text((row.mark == Mark::Working ? now : row.until) - row.since);
  const std::string word = row.mark == Mark::Cached ? "CACHED " : row.mark == Mark::Failed ? "ERROR " : "";
  const std::string head = " => " + word + row.label;
  std::string text = room > time.size() + 12
                         ? pad(fit(head, room - time.size() - 1), room - time.size() - 1) + " " + time
                         : fit(head, room);
  if (row.mark == Mark::Working) return text;
  return paint(text, row.mark == Mark::Failed ? "31" : "34", screen.color);
}

std::vector<std::string> BuildBoard::whole(std::int64_t now, const Screen& screen) const {
  if (rows_.empty()) return {};
  std::vector<std::string> out{header(now, screen)};
  for (const Row& row : rows_) out.push_back(line(row, now, screen));
  return out;
}

std::vector<std::string> BuildBoard::frame(std::int64_t now, const Screen& screen) const {
  if (rows_.empty()) return {};
  std::vector<std::string> below;
  for (const auto& text : output_) below.push_back(fit(" => => # " + text, screen.columns - 1));
  // The step that runs and its output first; of the earlier steps the latest that there is room for.
  const std::size_t room = screen.rows > 2 ? screen.rows - 2 : 1;
  if (below.size() + 1 > room)
    below.erase(below.begin(), below.end() - static_cast<long>(std::max<std::size_t>(room, 1) - 1));
  std::size_t shown = std::min(rows_.size(), room - below.size());
  const bool says_so = shown < rows_.size() && shown > 1;
  if (says_so) --shown;
  std::vector<std::string> out{header(now, screen)};
  if (says_so) out.push_back(fit(fmt::format(" … {} earlier steps", rows_.size() - shown), screen.columns - 1));
  for (std::size_t i = rows_.size() - shown; i < rows_.size(); ++i) out.push_back(line(rows_[i], now, screen));
  out.insert(out.end(), below.begin(), below.end());
  return out;
}

}  // namespace berth::cli
