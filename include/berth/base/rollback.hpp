// Undo steps of a set-up that may fail half-way: push the undo right after each success, commit() at the end.
// Undo steps run in reverse order in the destructor and must not throw.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace berth {

class Rollback {
 public:
  Rollback() = default;
  Rollback(Rollback&& other) noexcept : steps_(std::exchange(other.steps_, {})) {}
  Rollback& operator=(Rollback&&) = delete;
  ~Rollback() {
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) (*step)();
  }
  void push(std::function<void()> undo) { steps_.push_back(std::move(undo)); }
  void commit() noexcept { steps_.clear(); }

 private:
  std::vector<std::function<void()>> steps_;
};

}  // namespace berth
