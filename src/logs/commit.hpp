// The commit record of a container's log: two slots in a mapped file, written in turn; the one with the higher sequence
// counts. A slot is complete once its sequence is: a SIGKILL between two stores leaves the other slot in force.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "berth/base/error.hpp"
#include "berth/sys/regular_file.hpp"

namespace berth::logs {

struct CommitState {
  std::uint64_t generation = 0;
  std::uint64_t log_offset = 0;
  std::array<std::uint64_t, 2> stage_offset{};
  std::array<std::uint64_t, 2> dropped{};  // bytes that a full disk cost, still to be told in the log
  std::uint64_t rotating_inode = 0;        // of the file that is being rotated away; 0: none
};

class CommitRecord {
 public:
  // An empty path keeps the state in memory only (driver none).
  static Result<CommitRecord> open(const std::string& path);
  bool is_new() const noexcept { return sequence_ == 0; }
  CommitState load() const;
  void store(const CommitState& state);

 private:
  struct Slot {
    std::atomic<std::uint64_t> sequence;
    CommitState state;
  };
  sys::SharedMapping mapping_;
  std::uint64_t sequence_ = 0;
  CommitState memory_;
};

}  // namespace berth::logs
