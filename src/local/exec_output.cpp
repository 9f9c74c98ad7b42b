#include "berth/local/exec_output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace berth::local {

Result<std::shared_ptr<ExecOutput>> ExecOutput::open(async::Loop& loop, std::size_t bound, Sink sink) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return Error::system(errno, "make a pipe");
  auto output = std::make_shared<ExecOutput>();
  output->reading_.reset(ends[0]);
  output->writing_.reset(ends[1]);
  output->bound_ = bound;
  output->sink_ = std::move(sink);
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) return Error::system(errno, "make a pipe non-blocking");
  output->readable_ = loop.on_readable(ends[0], [weak = std::weak_ptr(output)] {
    if (const auto self = weak.lock()) self->drain();
  });
  return output;
}

void ExecOutput::drain() {
  char bytes[4096];
  // Others have their turn, too, while a program prints without end.
  for (int rounds = 0; rounds < 16 && readable_; ++rounds) {
    const ssize_t size = ::read(reading_.get(), bytes, sizeof bytes);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) {
      if (size == 0 || errno != EAGAIN) readable_.cancel();
      return;
    }
    const std::string_view read(bytes, static_cast<std::size_t>(size));
    kept_.append(read.substr(0, bound_ - kept_.size()));
    if (sink_) sink_(read);
  }
}

}  // namespace berth::local
