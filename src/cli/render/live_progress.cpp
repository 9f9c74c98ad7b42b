#include "render/live_progress.hpp"

#include <unistd.h>

#include "berth/sys/window_size.hpp"

namespace berth::cli {
namespace {

std::int64_t wall_time() {
  using std::chrono::system_clock;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace

LiveProgress::LiveProgress(const App& app)
    : mode_(progress_mode(app)), fd_(app.status_fd()), color_(fd_ == STDOUT_FILENO ? app.color_out : app.color_err) {}

LiveProgress::~LiveProgress() { leave(false); }

void LiveProgress::write(const std::string& text) {
  std::FILE* out = fd_ == STDOUT_FILENO ? stdout : stderr;
  std::fwrite(text.data(), 1, text.size(), out);
  std::fflush(out);
}

Screen LiveProgress::screen() const {
  Screen screen;
  if (const auto size = sys::window_size(fd_)) {
    screen.columns = size->columns;
    screen.rows = size->rows;
  }
  screen.color = color_;
  return screen;
}

void LiveProgress::draw() {
  const Screen now_screen = screen();
  const std::int64_t now = wall_time();
  auto lines = transfers_.frame(now, now_screen);
  if (lines.empty()) lines = build_.frame(now, now_screen);
  if (lines.empty()) lines = board_.frame(now, now_screen);
  if (lines.empty()) return;
  live_ = true;
  write(area_.draw(lines, now_screen.columns));
}

void LiveProgress::event(const engine::Event& event) {
  if (mode_ != ProgressMode::Tty) return write(progress_line(mode_, event));
  if (event.step == engine::Step::Warning) above(stderr, progress_line(mode_, event));
  board_.apply(event);
  draw();
}

void LiveProgress::build(const std::string& name, const build::BuildEvent& event) {
  const std::int64_t now = wall_time();
  if (mode_ != ProgressMode::Tty) return write(build_line(mode_, name, event, now));
  build_.apply(name, event, now);
  draw();
}

void LiveProgress::transfer(const registry::TransferEvent& event) {
  const std::int64_t now = wall_time();
  if (mode_ != ProgressMode::Tty) return write(transfer_line(mode_, event, now));
  const bool moves = event.phase == registry::Phase::Downloading || event.phase == registry::Phase::Uploading;
  transfers_.apply(event, now);
  if (!moves) draw();  // bytes wait for the next tick
}

void LiveProgress::above(std::FILE* out, std::string_view text) {
  if (area_.is_drawn()) write(area_.erase(screen().columns));
  std::fwrite(text.data(), 1, text.size(), out);
  std::fflush(out);  // the picture comes again with the next event or tick
}

void LiveProgress::tick() {
  if (live_) draw();
}

void LiveProgress::leave(bool summarize) {
  if (!live_) return;
  const Screen last = screen();
  const std::int64_t now = wall_time();
  auto lines = transfers_.whole(now, last);
  if (lines.empty()) lines = build_.whole(now, last);
  if (lines.empty()) lines = board_.whole(now, last);
  std::string text = area_.erase(last.columns);
  for (const auto& line : lines) text += line + "\n";
  if (const auto sum = board_.summary(now, last.color); summarize && !sum.empty()) text += sum + "\n";
  write(text + area_.leave());
  live_ = false;
  board_ = Board();
  build_ = BuildBoard();
  transfers_ = TransferBoard();
}

}  // namespace berth::cli
