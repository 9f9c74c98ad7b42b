// Progress as the command line asks for it: the live picture on a terminal, else a line an event. What else is to be
// seen meanwhile goes through above(), so that picture and lines do not write over each other.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include "render/board.hpp"
#include "render/build_board.hpp"
#include "render/live_area.hpp"
#include "render/progress.hpp"
#include "render/transfer_board.hpp"

namespace berth::cli {

class LiveProgress {
 public:
  static constexpr auto kTick = std::chrono::milliseconds(100);

  explicit LiveProgress(const App& app);
  ~LiveProgress();  // the terminal is usable again, whatever happened
  LiveProgress(const LiveProgress&) = delete;
  LiveProgress& operator=(const LiveProgress&) = delete;

  void event(const engine::Event& event);
  void build(const std::string& name, const build::BuildEvent& event);
  void transfer(const registry::TransferEvent& event);
  // Prints above the picture.
  void above(std::FILE* out, std::string_view text);
  // Draws again what moves. To be called every kTick while is_live().
  void tick();
  bool is_live() const noexcept { return live_; }
  // The picture in full stays on the screen, with `summarize` followed by a line that sums it up. What comes later
  // begins a new one.
  void leave(bool summarize);

 private:
  void draw();
  Screen screen() const;
  void write(const std::string& text);

  ProgressMode mode_;
  int fd_;
  bool color_, live_ = false;
  Board board_;
  BuildBoard build_;
  TransferBoard transfers_;
  LiveArea area_;
};

}  // namespace berth::cli
