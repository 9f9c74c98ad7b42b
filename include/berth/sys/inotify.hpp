// Changes of directories as events. The descriptor is non-blocking; watch it with the loop.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "berth/base/error.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::sys {

struct DirectoryChange {
  int watch = -1;    // as add() returned it; -1: events were lost, look at everything
  std::string name;  // of the entry; empty: the directory itself went away
};

class Inotify {
 public:
  static Result<Inotify> create();
  int fd() const noexcept { return fd_.get(); }
  // Entries that are written to, appear or vanish. Twice the same directory gives the same number.
  Result<int> add(const std::string& directory);
  // One file: somebody who wrote to it closes it, or it loses its name.
  Result<int> add_end_of_writing(const std::string& file);
  void remove(int watch);  // harmless where the directory is gone
  Result<std::vector<DirectoryChange>> read();

 private:
  explicit Inotify(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace berth::sys
