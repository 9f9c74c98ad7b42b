// sha256 over canonical forms: every field is preceded by its length, so that no two different lists hash alike.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace berth::build {

class Digest {
 public:
  Digest();
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& field(std::string_view bytes);  // with its length
  Digest& raw(std::string_view bytes);
  std::string hex();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace berth::build
