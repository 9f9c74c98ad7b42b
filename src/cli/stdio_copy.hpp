// Copies bytes from one descriptor to another on a loop: what is typed into a container, what it prints out of one.
#pragma once

#include <functional>
#include <string>

#include "berth/async/loop.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::cli {

// Into a container: never blocks (a program that does not read must not stop what it prints), and closes its end once
// the source has ended.
class CopyIn {
 public:
  // `filter` appends what is to be passed on to its second argument; false: stop copying.
  using Filter = std::function<bool(std::string_view, std::string&)>;
  // `from` is borrowed, `to` becomes non-blocking. `close_at_end`: a pipe; not a terminal, which has no end.
  CopyIn(async::Loop& loop, int from, sys::UniqueFd to, bool close_at_end, Filter filter = {});

 private:
  void read();
  void write();

  async::Loop& loop_;
  int from_;
  sys::UniqueFd to_;
  bool close_at_end_;
  Filter filter_;
  std::string pending_;
  bool ended_ = false;
  async::Watch watch_;
};

// Out of a container, to our own stdout or stderr. Writing may block: whoever reads us is waited for.
class CopyOut {
 public:
  // `from` becomes non-blocking; `to` is borrowed. A `to` that nobody reads any more ends it.
  CopyOut(async::Loop& loop, sys::UniqueFd from, int to);
  // What is there now, or with `to_the_end` all until the other side has closed (blocking).
  void finish(bool to_the_end);

 private:
  enum class Step { Some, Nothing, Ended };
  Step move();

  sys::UniqueFd from_;
  int to_;
  async::Watch watch_;
};

}  // namespace berth::cli
