// The last lines of a terminal, drawn again and again in place. Pure: frames in, the bytes to write out.
//
//   out(area.draw(frame, columns));      // takes the place of the frame before
//   out(area.erase(columns));            // the screen is free: print lines above, then draw() again
//   out(area.draw(last, columns)); out(area.leave());    // what is drawn stays, the cursor is below it
//
// Lines must be narrower than the terminal and one row each. Where it was made narrower since, lines are taken to have
// been wrapped, as terminals that reflow do.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace berth::cli {

class LiveArea {
 public:
  std::string draw(const std::vector<std::string>& lines, std::size_t columns);
  std::string erase(std::size_t columns);
  std::string leave();
  bool is_drawn() const noexcept { return !widths_.empty(); }

 private:
  std::string to_top(std::size_t columns) const;

  std::vector<std::size_t> widths_;  // of the lines that are on the screen
  bool cursor_hidden_ = false;
};

}  // namespace berth::cli
