// The live picture of image builds: the steps of each, and below the one that runs the last lines it printed. A pure
// state machine like Board: events and times in, frames out.
//
//   [+] Building 3.2s (2/3)
//    => CACHED [web builder 1/4] WORKDIR /app                    0.0s
//    => [web builder 2/4] RUN apt-get update                     2.9s
//    => => # Get:1 http://deb.debian.org/debian bookworm InRelease
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "berth/build/build.hpp"
#include "render/board.hpp"

namespace berth::cli {

class BuildBoard {
 public:
  // `name`: of the service whose image is built. Warnings and failures with their text are the caller's to print.
  void apply(const std::string& name, const build::BuildEvent& event, std::int64_t now);

  std::vector<std::string> frame(std::int64_t now, const Screen& screen) const;
  std::vector<std::string> whole(std::int64_t now, const Screen& screen) const;  // without output lines

  bool empty() const noexcept { return rows_.empty(); }

 private:
  enum class Mark { Working, Done, Cached, Failed };
  struct Row {
    std::string label;  // "[web builder 2/4] RUN ..."
    std::int64_t since = 0, until = 0;
    Mark mark = Mark::Working;
  };

  std::string header(std::int64_t now, const Screen& screen) const;
  std::string line(const Row& row, std::int64_t now, const Screen& screen) const;

  std::vector<Row> rows_;
  std::deque<std::string> output_;  // of the last row
};

}  // namespace berth::cli
