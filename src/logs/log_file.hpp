// One open json-file, read line by line from a position. Half lines stay unread until their newline is there.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::logs {

class LogFile {
 public:
  LogFile(sys::UniqueFd fd, std::string name, std::uint64_t inode)
      : fd_(std::move(fd)), name_(std::move(name)), inode_(inode) {}
  // Reads a block; each whole line without its newline goes to `line`. False where there was nothing whole.
  Result<bool> read(const std::function<void(std::string_view)>& line);
  // Stands before the last `count` lines then, or at the start; how many there are.
  std::size_t seek_to_tail(std::size_t count);
  void seek(std::uint64_t offset) { offset_ = offset; }
  std::uint64_t inode() const noexcept { return inode_; }

 private:
  sys::UniqueFd fd_;
  std::string name_;
  std::uint64_t inode_;
  std::uint64_t offset_ = 0;
};

// The file and its rotated predecessors, oldest first; none where there is no log.
Result<std::vector<LogFile>> open_generations(const std::string& path);

}  // namespace berth::logs
