#include "berth/async/loop.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <list>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "berth/base/assert.hpp"
#include "berth/sys/unique_fd.hpp"
#include "descriptors.hpp"

namespace berth::async {

namespace asio = boost::asio;

struct Watch::State {
  std::weak_ptr<DescriptorSet> descriptors;
  std::shared_ptr<DescriptorSet::Interest> interest;
  sys::UniqueFd owned;  // a signalfd

  ~State() {
    interest->active = false;
    if (auto set = descriptors.lock()) set->remove(*interest);
  }
};

// The pending wait owns the core, not the handle: a handle may outlive the loop, an Asio timer may not outlive its
// context.
struct Timer::State {
  struct Core {
    explicit Core(asio::io_context& context) : timer(context) {}
    asio::steady_timer timer;
    std::function<void()> callback;
    bool active = true;
  };
  std::weak_ptr<Core> core;

  ~State() {
    if (auto pending = core.lock()) {
      pending->active = false;
      pending->timer.cancel();
    }
  }
};

namespace {

// Signals are for the loop's thread; a worker inherits a full mask.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

struct Loop::Impl {
  explicit Impl(std::size_t count) : worker_count(count) {}
  std::size_t worker_count;
  asio::io_context context{1};
  std::shared_ptr<DescriptorSet> descriptors = std::make_shared<DescriptorSet>(context);
  std::unique_ptr<asio::thread_pool> workers;

  asio::thread_pool& pool() {
    if (!workers) {
      AllSignalsBlocked blocked;
      workers = std::make_unique<asio::thread_pool>(worker_count);
    }
    return *workers;
  }
  // Work that is running still posts to the context: wait for it first.
  ~Impl() {
    if (workers) workers->join();
  }
};

Watch::Watch() = default;
Watch::Watch(std::unique_ptr<State> state) : state_(std::move(state)) {}
Watch::Watch(Watch&&) noexcept = default;
Watch& Watch::operator=(Watch&&) noexcept = default;
Watch::~Watch() = default;
void Watch::cancel() { state_.reset(); }

Timer::Timer() = default;
Timer::Timer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Timer::Timer(Timer&&) noexcept = default;
Timer& Timer::operator=(Timer&&) noexcept = default;
Timer::~Timer() = default;
void Timer::cancel() { state_.reset(); }

Loop::Loop(std::size_t workers) : impl_(std::make_unique<Impl>(workers)) {}
Loop::~Loop() = default;

Clock::time_point Loop::now() const { return Clock::now(); }

namespace {
std::unique_ptr<Watch::State> watch_descriptor(const std::shared_ptr<DescriptorSet>& set, int fd,
                                               DescriptorSet::Direction direction, std::function<void()> callback) {
  auto state = std::make_unique<Watch::State>();
  state->interest = set->add(fd, direction, std::move(callback));
  state->descriptors = set;
  return state;
}
}  // namespace

Watch Loop::on_readable(int fd, std::function<void()> callback) {
  return Watch(watch_descriptor(impl_->descriptors, fd, DescriptorSet::Direction::Readable, std::move(callback)));
}

Watch Loop::on_writable(int fd, std::function<void()> callback) {
  return Watch(watch_descriptor(impl_->descriptors, fd, DescriptorSet::Direction::Writable, std::move(callback)));
}

Timer Loop::after(Clock::duration delay, std::function<void()> callback) {
  auto core = std::make_shared<Timer::State::Core>(impl_->context);
  auto state = std::make_unique<Timer::State>();
  state->core = core;
  core->callback = std::move(callback);
  core->timer.expires_after(delay);
  core->timer.async_wait([shared = core](const boost::system::error_code&) {
    // An expiry that was queued before the cancel comes without an error: only `active` says that the owner is gone.
    if (!std::exchange(shared->active, false)) return;
    auto call = std::move(shared->callback);
    call();
  });
  return Timer(std::move(state));
}

void Loop::post(std::function<void()> callback) { asio::post(impl_->context, std::move(callback)); }

void Loop::run_on_worker(std::function<void()> work, std::function<void()> done) {
  // The guard keeps run() from returning while the work is under way.
  auto guard = asio::make_work_guard(impl_->context);
  asio::post(impl_->pool(),
             [work = std::move(work), done = std::move(done), guard, &context = impl_->context]() mutable noexcept {
               work();
               asio::post(context, std::move(done));
               guard.reset();
             });
}

Watch Loop::on_signal(int signal_number, std::function<void()> callback) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal_number);
  BERTH_ASSERT(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  sys::UniqueFd fd(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) throw Failure(Error::system(errno, "watch a signal"));
  const int number = fd.get();
  auto state = watch_descriptor(impl_->descriptors, number, DescriptorSet::Direction::Readable,
                                [number, call = std::move(callback)] {
                                  signalfd_siginfo taken;
                                  if (read(number, &taken, sizeof taken) == sizeof taken) call();
                                });
  state->owned = std::move(fd);
  return Watch(std::move(state));
}

void Loop::run() {
  impl_->context.run();
  impl_->context.restart();  // so that the next run() works, after stop() and after running out of work
}

void Loop::stop() { impl_->context.stop(); }

}  // namespace berth::async
