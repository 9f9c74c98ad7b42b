// The descriptors of a loop in one epoll set, level-triggered; Asio watches the set as a single descriptor. Registering
// costs one system call, an event none besides the epoll_wait of its batch.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "berth/sys/unique_fd.hpp"

namespace berth::async {

class DescriptorSet : public std::enable_shared_from_this<DescriptorSet> {
 public:
  enum class Direction { Readable, Writable };
  struct Interest {
    int fd = -1;
    Direction direction = Direction::Readable;
    std::function<void()> callback;
    bool active = true;
  };

  explicit DescriptorSet(boost::asio::io_context& context);
  ~DescriptorSet();
  // Throws Failure where the kernel refuses the descriptor.
  std::shared_ptr<Interest> add(int fd, Direction direction, std::function<void()> callback);
  void remove(const Interest& interest);

 private:
  struct Entry {
    std::uint32_t generation = 0;  // tells an event of a closed descriptor from one of its number's next owner
    bool always_ready = false;     // regular files: epoll takes none, poll(2) calls them ready
    std::vector<std::shared_ptr<Interest>> interests;
  };

  void update(int fd, Entry& entry, int operation);
  void arm();
  void dispatch();
  void call(int fd, std::uint32_t generation, bool readable, bool writable);
  void turn_of_files();

  boost::asio::io_context& context_;
  sys::UniqueFd epoll_;
  boost::asio::posix::stream_descriptor waiter_;
  std::unordered_map<int, Entry> entries_;
  std::uint32_t generation_ = 0;
  std::size_t in_epoll_ = 0;
  std::size_t files_ = 0;
  bool armed_ = false;
  bool files_posted_ = false;
};

}  // namespace berth::async
