// The live picture of what a command does to a stack: one line for each network, volume and container, in the order in
// which they came up. A pure state machine: events in, frames out; time comes with the events and with frame().
//
//   [+] Running 2/4
//    ✔ Network shop_default   Created                            0.0s
//    ✔ Container shop-db-1    Started                            0.2s
//    ⠹ Container shop-web-1   Recreating   image changed         0.1s
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "berth/engine/event.hpp"

namespace berth::cli {

struct Screen {
  std::size_t columns = 80;
  std::size_t rows = 24;
  bool color = true;
};

class Board {
 public:
  void apply(const engine::Event& event);

  // At most `screen.rows - 1` lines, each narrower than the screen. What goes on comes before what is done where there
  // is no room for both.
  std::vector<std::string> frame(std::int64_t now, const Screen& screen) const;
  // Everything, whatever the height: what stays on the screen in the end.
  std::vector<std::string> whole(std::int64_t now, const Screen& screen) const;
  // "✔ 2 containers started, 1 replaced; 1 network created (1.2s)"; empty where nothing came.
  std::string summary(std::int64_t now, bool color) const;

  bool empty() const noexcept { return rows_.empty(); }

 private:
  enum class Mark { Working, Done, Failed, Skipped };
  struct Row {
    engine::Event last;  // the step it is in
    std::string note;    // what is waited for, why it is made anew, what went wrong
    std::int64_t since = 0;
    std::int64_t until = 0;  // where it is not working
    Mark mark = Mark::Working;
    bool replaced = false;
  };

  std::vector<const Row*> all() const;
  std::vector<std::string> lines(const std::vector<const Row*>& rows, std::int64_t now, const Screen& screen) const;
  std::string header(const Screen& screen) const;

  std::map<std::pair<engine::Subject, std::string>, std::size_t> places_;
  std::vector<Row> rows_;
};

// "4.1s", "1m05s"
std::string elapsed_text(std::int64_t nanoseconds);
// The mark of something that goes on; turns with the time.
std::string spinner(std::int64_t nanoseconds);
// In colour, where wanted: green, red, yellow, blue, bold.
std::string paint(const std::string& text, const char* sgr, bool color);

}  // namespace berth::cli
