#include "descriptors.hpp"

#include <errno.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <boost/asio/post.hpp>

#include "berth/base/assert.hpp"
#include "berth/base/error.hpp"

namespace berth::async {

DescriptorSet::DescriptorSet(boost::asio::io_context& context)
    : context_(context), epoll_(epoll_create1(EPOLL_CLOEXEC)), waiter_(context) {
  if (!epoll_) throw Failure(Error::system(errno, "create an epoll set"));
  waiter_.assign(epoll_.get());
}

// Asio must not close what epoll_ owns.
DescriptorSet::~DescriptorSet() { waiter_.release(); }

std::shared_ptr<DescriptorSet::Interest> DescriptorSet::add(int fd, Direction direction,
                                                            std::function<void()> callback) {
  auto interest = std::make_shared<Interest>();
  interest->fd = fd;
  interest->direction = direction;
  interest->callback = std::move(callback);
  auto [at, fresh] = entries_.try_emplace(fd);
  if (fresh) at->second.generation = ++generation_;
  at->second.interests.push_back(interest);
  try {
    if (!at->second.always_ready) update(fd, at->second, fresh ? EPOLL_CTL_ADD : EPOLL_CTL_MOD);
  } catch (...) {
    at->second.interests.pop_back();
    if (fresh) entries_.erase(at);
    throw;
  }
  arm();
  return interest;
}

void DescriptorSet::update(int fd, Entry& entry, int operation) {
  epoll_event event{};
  for (const auto& interest : entry.interests)
    event.events |= interest->direction == Direction::Readable ? EPOLLIN : EPOLLOUT;
  event.data.u64 = std::uint64_t{entry.generation} << 32 | static_cast<std::uint32_t>(fd);
  if (epoll_ctl(epoll_.get(), operation, fd, &event) == 0) {
    if (operation == EPOLL_CTL_ADD) ++in_epoll_;
    return;
  }
  if (operation != EPOLL_CTL_ADD || errno != EPERM)
    throw Failure(Error::system(errno, "watch descriptor", std::to_string(fd)));
  entry.always_ready = true;
  ++files_;
}

void DescriptorSet::remove(const Interest& interest) {
  auto at = entries_.find(interest.fd);
  if (at == entries_.end()) return;
  auto& interests = at->second.interests;
  std::erase_if(interests, [&](const auto& other) { return other.get() == &interest; });
  if (at->second.always_ready) {
    if (!interests.empty()) return;
    --files_;
  } else if (!interests.empty()) {
    update(interest.fd, at->second, EPOLL_CTL_MOD);
    return;
  } else {
    // Fails where the owner closed the descriptor first; the kernel has forgotten it then.
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, interest.fd, nullptr);
    --in_epoll_;
    if (in_epoll_ == 0 && armed_) waiter_.cancel();  // so that run() returns when nothing is left to do
  }
  entries_.erase(at);
}

void DescriptorSet::arm() {
  if (in_epoll_ != 0 && !armed_) {
    armed_ = true;
    waiter_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       [weak = weak_from_this()](const boost::system::error_code& failed) {
                         auto self = weak.lock();
                         if (!self) return;
                         self->armed_ = false;
                         struct Rearm {
                           DescriptorSet& set;
                           ~Rearm() { set.arm(); }  // also when a callback throws
                         } rearm{*self};
                         if (!failed) self->dispatch();
                       });
  }
  if (files_ != 0 && !files_posted_) {
    files_posted_ = true;
    boost::asio::post(context_, [weak = weak_from_this()] {
      auto self = weak.lock();
      if (!self) return;
      self->files_posted_ = false;
      self->turn_of_files();
      self->arm();
    });
  }
}

void DescriptorSet::dispatch() {
  std::array<epoll_event, 64> events;
  const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    const bool ended = (event.events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0;
    call(static_cast<int>(event.data.u64 & 0xffffffffu), static_cast<std::uint32_t>(event.data.u64 >> 32),
         ended || (event.events & EPOLLIN) != 0, ended || (event.events & EPOLLOUT) != 0);
    if (context_.stopped()) return;
  }
}

// The entry may go with any callback: work on a copy of its list, and ask each interest whether it still holds.
void DescriptorSet::call(int fd, std::uint32_t generation, bool readable, bool writable) {
  const auto at = entries_.find(fd);
  if (at == entries_.end() || at->second.generation != generation) return;
  const auto interests = at->second.interests;
  for (const auto& interest : interests)
    if (interest->active && (interest->direction == Direction::Readable ? readable : writable)) interest->callback();
}

void DescriptorSet::turn_of_files() {
  std::vector<std::pair<int, std::uint32_t>> ready;
  for (const auto& [fd, entry] : entries_)
    if (entry.always_ready) ready.emplace_back(fd, entry.generation);
  for (const auto& [fd, generation] : ready) call(fd, generation, true, true);
}

}  // namespace berth::async
