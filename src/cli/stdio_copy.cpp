#include "stdio_copy.hpp"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <utility>

#include "berth/sys/file.hpp"
#include "berth/sys/regular_file.hpp"

namespace berth::cli {
namespace {
constexpr std::size_t kBatch = 64 << 10;
}

CopyIn::CopyIn(async::Loop& loop, int from, sys::UniqueFd to, bool close_at_end, Filter filter)
    : loop_(loop), from_(from), to_(std::move(to)), close_at_end_(close_at_end), filter_(std::move(filter)) {
  must(sys::set_nonblocking(to_.get()));
  watch_ = loop_.on_readable(from_, [this] { read(); });
}

void CopyIn::read() {
  std::string bytes(kBatch, '\0');
  const ssize_t size = ::read(from_, bytes.data(), bytes.size());
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
  bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  if (size <= 0)
    ended_ = true;
  else if (!filter_)
    pending_ = std::move(bytes);
  else if (!filter_(bytes, pending_))
    ended_ = true;
  write();
}

void CopyIn::write() {
  auto written = pending_.empty() ? Result<std::size_t>(0) : sys::write_some(to_.get(), pending_);
  if (!written) {  // nobody reads any more
    watch_.cancel();
    return to_.reset();
  }
  pending_.erase(0, *written);
  if (!pending_.empty()) {
    watch_ = loop_.on_writable(to_.get(), [this] { write(); });
  } else if (ended_) {
    watch_.cancel();
    if (close_at_end_) to_.reset();
  } else {
    watch_ = loop_.on_readable(from_, [this] { read(); });
  }
}

CopyOut::CopyOut(async::Loop& loop, sys::UniqueFd from, int to) : from_(std::move(from)), to_(to) {
  must(sys::set_nonblocking(from_.get()));
  watch_ = loop.on_readable(from_.get(), [this] {
    if (move() == Step::Ended) watch_.cancel();
  });
}

CopyOut::Step CopyOut::move() {
  if (!from_) return Step::Ended;
  char bytes[kBatch];
  ssize_t size;
  do size = ::read(from_.get(), bytes, sizeof bytes);
  while (size < 0 && errno == EINTR);
  if (size < 0 && errno == EAGAIN) return Step::Nothing;
  if (size > 0 && sys::write_all(to_, std::string_view(bytes, static_cast<std::size_t>(size)), "output"))
    return Step::Some;
  watch_.cancel();
  from_.reset();  // the end (a terminal's is EIO), or nobody reads us
  return Step::Ended;
}

void CopyOut::finish(bool to_the_end) {
  watch_.cancel();
  for (;;) {
    const Step step = move();
    if (step == Step::Ended || (step == Step::Nothing && !to_the_end)) return;
    pollfd wait{from_.get(), POLLIN, 0};
    if (step == Step::Nothing) ::poll(&wait, 1, -1);
  }
}

}  // namespace berth::cli
