// Joins the pieces of long lines, stream by stream. What is not an entry is reported and skipped.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>

#include "berth/logs/reader.hpp"

namespace berth::logs {

class LineJoiner {
 public:
  using Sink = std::function<void(Line)>;
  // False where `json` is not an entry.
  bool take(std::string_view json, const Sink& sink);
  void flush(const Sink& sink);

 private:
  static constexpr std::size_t kLongestLine = 1 << 20;  // longer ones come in parts: a line without an end has a bound
  struct Open {
    std::string text;
    std::int64_t time = 0;
    bool any = false;
  };
  void emit(std::size_t stream, const Sink& sink);
  std::array<Open, 2> open_;
};

}  // namespace berth::logs
