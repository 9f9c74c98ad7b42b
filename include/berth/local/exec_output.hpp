// What a program in a container prints, where nobody is attached to it: probes, hooks. A pipe that is read on the loop;
// its first bytes are kept, the rest is read and thrown away, so that the program is never blocked.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "berth/async/loop.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::local {

class ExecOutput {
 public:
  using Sink = std::function<void(std::string_view bytes)>;
  // Keeps `bound` bytes; `sink` gets all of them as they come.
  static Result<std::shared_ptr<ExecOutput>> open(async::Loop& loop, std::size_t bound, Sink sink = {});

  // For ExecSpec; close it once the program was asked for.
  int writing_end() const noexcept { return writing_.get(); }
  void close_writing_end() { writing_.reset(); }
  // The program has ended: reads what is there. Its descendants may still hold the pipe, and are not waited for.
  void drain();
  const std::string& kept() const noexcept { return kept_; }

 private:
  sys::UniqueFd reading_, writing_;
  async::Watch readable_;
  std::size_t bound_ = 0;
  Sink sink_;
  std::string kept_;
};

}  // namespace berth::local
