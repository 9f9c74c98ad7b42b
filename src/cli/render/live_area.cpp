#include "render/live_area.hpp"

#include "render/columns.hpp"

namespace berth::cli {

std::string LiveArea::to_top(std::size_t columns) const {
  std::size_t rows = 0;
  for (const std::size_t width : widths_)
    rows += columns == 0 || width <= columns ? 1 : (width + columns - 1) / columns;
  return rows == 0 ? "" : "\r\033[" + std::to_string(rows) + "A";
}

std::string LiveArea::draw(const std::vector<std::string>& lines, std::size_t columns) {
  // Each line clears what is left of the older one, the end clears older lines below: nothing flickers.
  std::string out = to_top(columns);
  if (!cursor_hidden_ && !lines.empty()) out += "\033[?25l";
  cursor_hidden_ = cursor_hidden_ || !lines.empty();
  widths_.clear();
  for (const auto& line : lines) {
    out += line + "\033[K\n";
    widths_.push_back(columns_of(line));
  }
  return out + "\033[J";
}

std::string LiveArea::erase(std::size_t columns) {
  if (widths_.empty()) return "";
  std::string out = to_top(columns) + "\033[J";
  widths_.clear();
  return out;
}

std::string LiveArea::leave() {
  widths_.clear();
  if (!cursor_hidden_) return "";
  cursor_hidden_ = false;
  return "\033[?25h";
}

}  // namespace berth::cli
