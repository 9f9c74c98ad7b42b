// Finds the keys that leave a terminal among what is typed (docker's --detach-keys: `ctrl-p,ctrl-q`). Pure.
#pragma once

#include <string>
#include <string_view>

#include "berth/base/error.hpp"

namespace berth::cli {

class DetachKeys {
 public:
  // Single characters and `ctrl-X` (X: a letter or one of @[\]^_), separated by commas. Empty: nothing detaches.
  static Result<DetachKeys> parse(std::string_view text);

  // Appends to `out` what is to be passed on; true once the keys are complete (what was typed after them is dropped).
  // The beginning of the sequence is held back until it is clear that it is none.
  bool feed(std::string_view typed, std::string& out);

 private:
  std::string keys_;
  std::size_t seen_ = 0;
};

}  // namespace berth::cli
