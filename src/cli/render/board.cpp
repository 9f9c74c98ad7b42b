#include "render/board.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/describe/enum_to_string.hpp>

#include "render/columns.hpp"
#include "render/progress.hpp"

namespace berth::cli {
namespace {

using engine::Event;
using engine::Step;
using engine::Subject;

constexpr const char* kGreen = "32";
constexpr const char* kRed = "31";
constexpr const char* kYellow = "33";
constexpr const char* kBlue = "34";

// Whether the step is one that goes on.
bool is_under_way(Step step) {
  switch (step) {
    case Step::Creating:
    case Step::Starting:
    case Step::Waiting:
    case Step::Stopping:
    case Step::Killing:
    case Step::Pausing:
    case Step::Unpausing:
    case Step::Restarting:
    case Step::Recreating:
    case Step::Removing:
    case Step::Renaming: return true;
    case Step::Created:
    case Step::Started:
    case Step::Running:
    case Step::Healthy:
    case Step::Completed:
    case Step::Exited:
    case Step::Stopped:
    case Step::Killed:
    case Step::Paused:
    case Step::Unpaused:
    case Step::Restarted:
    case Step::Recreated:
    case Step::Removed:
    case Step::Renamed:
    case Step::Skipped:
    case Step::Warning:
    case Step::Unhealthy:
    case Step::Error: break;
  }
  return false;
}

std::string note_of(const Event& event) {
  switch (event.step) {
    case Step::Waiting: return event.text.empty() ? event.reason : event.text;
    case Step::Recreating:
    case Step::Recreated:
    case Step::Skipped: return event.reason;
    case Step::Error: return event.text;
    default: return {};
  }
}

std::string plural(std::size_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace

std::string elapsed_text(std::int64_t nanoseconds) {
  const std::int64_t tenths = std::max<std::int64_t>(0, nanoseconds) / 100'000'000;
  if (tenths < 600) return fmt::format("{}.{}s", tenths / 10, tenths % 10);
  const std::int64_t seconds = tenths / 10;
  return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
}

std::string spinner(std::int64_t nanoseconds) {
  static constexpr std::array kTurn{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
  return kTurn[static_cast<std::size_t>(std::max<std::int64_t>(0, nanoseconds) / 100'000'000) % kTurn.size()];
}

std::string paint(const std::string& text, const char* sgr, bool color) {
  return color ? std::string("\033[") + sgr + "m" + text + "\033[0m" : text;
}

void Board::apply(const Event& event) {
  // Warnings are printed above; a name that is given back after a replacement is no news.
  if (event.step == Step::Warning || event.step == Step::Renaming || event.step == Step::Renamed) return;
  if (event.subject == Subject::Project) return;
  const auto [place, fresh] = places_.try_emplace({event.subject, event.name}, rows_.size());
  if (fresh) {
    rows_.emplace_back();
    rows_.back().since = event.time;
  }
  Row& row = rows_[place->second];
  const bool was_working = !fresh && row.mark == Mark::Working;
  const bool works = is_under_way(event.step);
  // The clock shows the work, not the time in between in which others were waited for.
  if (works && !was_working && !fresh) row.since = event.time - (row.until - row.since);
  row.last = event;
  row.note = note_of(event);
  row.replaced = row.replaced || event.step == Step::Recreated;
  row.until = event.time;
  row.mark = event.step == Step::Error     ? Mark::Failed
             : event.step == Step::Skipped ? Mark::Skipped
             : works                       ? Mark::Working
                                           : Mark::Done;
}

std::vector<const Board::Row*> Board::all() const {
  std::vector<const Row*> rows;
  for (const Row& row : rows_) rows.push_back(&row);
  return rows;
}

std::string Board::header(const Screen& screen) const {
  const auto done = std::count_if(rows_.begin(), rows_.end(), [](const Row& row) { return row.mark == Mark::Done; });
  const auto all_done = static_cast<std::size_t>(done) == rows_.size();
  return paint(fit(fmt::format("[+] Running {}/{}", done, rows_.size()), screen.columns - 1), kBlue,
               screen.color && !all_done);
}

std::vector<std::string> Board::lines(const std::vector<const Row*>& rows, std::int64_t now,
                                      const Screen& screen) const {
  std::size_t id_width = 0, step_width = 0;
  for (const Row& row : rows_) id_width = std::max(id_width, columns_of(event_id(row.last)));
  for (const Row& row : rows_)
    step_width = std::max<std::size_t>(step_width, std::string(step_word(row.last.step)).size());
  const std::size_t room = screen.columns > 1 ? screen.columns - 1 : 1;
  std::vector<std::string> out;
  for (const Row* row : rows) {
    const char* mark_color = row->mark == Mark::Done      ? kGreen
                             : row->mark == Mark::Failed  ? kRed
                             : row->mark == Mark::Skipped ? kYellow
                                                          : kBlue;
    const std::string mark = row->mark == Mark::Done      ? "✔"
                             : row->mark == Mark::Failed  ? "✘"
                             : row->mark == Mark::Skipped ? "-"
                                                          : spinner(now - row->since);
    const bool works = row->mark == Mark::Working;
    const std::string time = elapsed_text((works ? now : row->until) - row->since);
    const std::string step = step_word(row->last.step);
    // " M ID  STEP  NOTE …  TIME". Where it is narrow the note goes first, then the clock, then the noun.
    const std::size_t fixed = 3 + id_width + 2 + step_width;
    std::string line;
    if (fixed + 2 + time.size() <= room) {
      std::string note = row->note.empty() ? "" : "  " + printable(row->note);
      const std::size_t note_room = room - fixed - time.size() - 2;
      note = note_room > 8 ? fit(note, note_room) : "";
      line = pad(event_id(row->last), id_width) + "  " + paint(pad(step, step_width), mark_color, screen.color) +
             pad(note, note_room) + "  " + time;
    } else {
      const std::size_t name_room = room > 3 + 2 + step.size() ? room - 3 - 2 - step.size() : 0;
      const std::string id = event_id(row->last);
      line = fit(columns_of(id) <= name_room ? id : row->last.name, name_room) + "  " +
             paint(step, mark_color, screen.color);
      if (name_room == 0) line = fit(step, room > 3 ? room - 3 : 0);
    }
    if (room < 4)
      out.push_back(fit(mark, room));
    else
      out.push_back(" " + paint(mark, mark_color, screen.color) + " " + line);
  }
  return out;
}

std::vector<std::string> Board::whole(std::int64_t now, const Screen& screen) const {
  if (rows_.empty()) return {};
  std::vector<std::string> out{header(screen)};
  for (auto& line : lines(all(), now, screen)) out.push_back(std::move(line));
  return out;
}

std::vector<std::string> Board::frame(std::int64_t now, const Screen& screen) const {
  if (rows_.size() + 2 <= screen.rows) return whole(now, screen);
  if (screen.rows < 4) return {header(screen)};
  // Header, rows, "… N more": failures and what goes on first, then what changed last; shown in their usual order.
  auto chosen = all();
  const std::size_t room = screen.rows - 3;
  std::stable_sort(chosen.begin(), chosen.end(), [](const Row* a, const Row* b) {
    const auto rank = [](const Row* row) { return row->mark == Mark::Failed ? 0 : row->mark == Mark::Working ? 1 : 2; };
    return rank(a) != rank(b) ? rank(a) < rank(b) : a->until > b->until;
  });
  chosen.resize(std::min(chosen.size(), room));
  std::sort(chosen.begin(), chosen.end());
  std::vector<std::string> out{header(screen)};
  for (auto& line : lines(chosen, now, screen)) out.push_back(std::move(line));
  std::size_t working = 0;
  for (const Row& row : rows_)
    if (row.mark == Mark::Working && std::find(chosen.begin(), chosen.end(), &row) == chosen.end()) ++working;
  std::string more = fmt::format(" … {} more", rows_.size() - chosen.size());
  if (working > 0) more += fmt::format(", {} of them at work", working);
  out.push_back(fit(more, screen.columns - 1));
  return out;
}

std::string Board::summary(std::int64_t now, bool color) const {
  if (rows_.empty()) return "";
  std::map<std::string, std::size_t> containers, networks, volumes;
  std::int64_t begun = rows_.front().since;
  std::size_t failed = 0, skipped = 0;
  for (const Row& row : rows_) {
    begun = std::min(begun, row.since);
    if (row.mark == Mark::Failed) ++failed;
    if (row.mark == Mark::Skipped) ++skipped;
    if (row.mark != Mark::Done) continue;
    std::string word = step_word(row.last.step);
    std::transform(word.begin(), word.end(), word.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    if (row.last.step == Step::Running) word = "unchanged";
    if (row.replaced && (row.last.step == Step::Started || row.last.step == Step::Recreated)) word = "replaced";
    auto& counts = row.last.subject == Subject::Network  ? networks
                   : row.last.subject == Subject::Volume ? volumes
                                                         : containers;
    ++counts[word];
  }
  const std::string took = " (" + elapsed_text(now - begun) + ")";
  if (failed + skipped > 0) {
    std::string text = fmt::format("{} failed", plural(failed, "action"));
    if (skipped > 0) text += fmt::format(", {} skipped because of that", skipped);
    return paint("✘ " + text + took, kRed, color);
  }
  std::string text;
  const auto add = [&](const std::map<std::string, std::size_t>& counts, const char* noun) {
    bool first = true;
    // The commonest first carries the noun: "3 containers started, 1 replaced".
    std::vector<std::pair<std::string, std::size_t>> sorted(counts.begin(), counts.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    for (const auto& [word, count] : sorted) {
      text += text.empty() ? "" : first ? "; " : ", ";
      text += (first ? plural(count, noun) : std::to_string(count)) + " " + word;
      first = false;
    }
  };
  add(containers, "container");
  add(networks, "network");
  add(volumes, "volume");
  if (text.empty()) return "";
  return paint("✔ ", kGreen, color) + text + took;
}

}  // namespace berth::cli
