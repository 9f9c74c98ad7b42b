#include "berth/async/loop.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "berth/async/manual_clock.hpp"
#include "berth/sys/unique_fd.hpp"

namespace berth::async {
namespace {

using namespace std::chrono_literals;
using sys::UniqueFd;

struct Pipe {
  UniqueFd read, write;
  Pipe() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    read.reset(ends[0]), write.reset(ends[1]);
  }
  void put(const char* text) { EXPECT_GT(::write(write.get(), text, strlen(text)), 0); }
  std::string take() {
    char bytes[100];
    const auto n = ::read(read.get(), bytes, sizeof bytes);
    return n > 0 ? std::string(bytes, static_cast<std::size_t>(n)) : std::string();
  }
};

TEST(Loop, ReturnsAtOnceWhenNothingIsWatched) {
  Loop loop;
  loop.run();
  Pipe pipe;
  auto watch = loop.on_readable(pipe.read.get(), [] {});
  watch.cancel();
  auto timer = loop.after(1h, [] {});
  timer.cancel();
  loop.run();
}

TEST(Loop, CallsBackForAsLongAsADescriptorIsReadable) {
  Loop loop;
  Pipe pipe;
  pipe.put("x");
  int calls = 0;
  Watch watch;
  watch = loop.on_readable(pipe.read.get(), [&] {
    if (++calls == 3) watch.cancel();
  });
  loop.run();
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(pipe.take(), "x");
}

TEST(Loop, NeverCallsFromInsideTheCallThatRegisters) {
  Loop loop;
  Pipe pipe;
  pipe.put("x");
  bool called = false;
  auto watch = loop.on_readable(pipe.read.get(), [&] { called = true, loop.stop(); });
  auto timer = loop.after(0s, [&] { called = true; });
  loop.post([&] { called = true; });
  EXPECT_FALSE(called);
  loop.run();
  EXPECT_TRUE(called);
}

TEST(Loop, ReportsTheHangUpOfTheOtherEnd) {
  Loop loop;
  Pipe pipe;
  bool ended = false;
  auto watch = loop.on_readable(pipe.read.get(), [&] { ended = pipe.take().empty(), loop.stop(); });
  loop.post([&] { pipe.write.reset(); });
  loop.run();
  EXPECT_TRUE(ended);
}

TEST(Loop, WatchesBothDirectionsOfOneDescriptor) {
  Loop loop;
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  UniqueFd left(ends[0]), right(ends[1]);
  std::string order;
  Watch readable, writable;
  readable = loop.on_readable(left.get(), [&] { order += 'r', readable.cancel(); });
  writable = loop.on_writable(left.get(), [&] {
    order += 'w', writable.cancel();
    EXPECT_EQ(write(right.get(), "x", 1), 1);
  });
  loop.run();
  EXPECT_EQ(order, "wr");
}

TEST(Loop, DoesNotTouchTheModeOfTheDescriptor) {
  // O_NONBLOCK belongs to the open file, which a terminal shares with the user's shell.
  Loop loop;
  Pipe pipe;
  pipe.put("x");
  auto watch = loop.on_readable(pipe.read.get(), [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(fcntl(pipe.read.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(Loop, TreatsARegularFileAsReady) {
  Loop loop;
  UniqueFd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  int calls = 0;
  Watch watch;
  watch = loop.on_readable(file.get(), [&] {
    if (++calls == 2) watch.cancel();
  });
  loop.run();
  EXPECT_EQ(calls, 2);
}

TEST(Loop, DestroyingAHandleCancelsAnEventThatIsAlreadyQueued) {
  Loop loop;
  Pipe first, second;
  first.put("x"), second.put("x");
  std::array<Watch, 2> watches;
  int calls = 0;
  auto other_goes = [&](std::size_t other) {
    ++calls;
    watches[other].cancel();
    watches[1 - other].cancel();
  };
  watches[0] = loop.on_readable(first.read.get(), [&] { other_goes(1); });
  watches[1] = loop.on_readable(second.read.get(), [&] { other_goes(0); });
  Timer late;
  auto early = loop.after(1ms, [&] { late.cancel(), ++calls; });
  late = loop.after(1ms, [&] { calls += 100; });
  std::this_thread::sleep_for(3ms);  // both timers have expired when the loop looks
  loop.run();
  EXPECT_EQ(calls, 2);
}

TEST(Loop, ACallbackMayDestroyItsOwnHandle) {
  Loop loop;
  Pipe pipe;
  pipe.put("x");
  std::optional<Watch> watch;
  std::optional<Timer> timer;
  auto guard = std::make_shared<int>(7);
  watch = loop.on_readable(pipe.read.get(), [&watch, guard] {
    watch.reset();
    EXPECT_EQ(*guard, 7);  // the callback is still whole
  });
  timer = loop.after(1ms, [&timer, guard] {
    timer.reset();
    EXPECT_EQ(*guard, 7);
  });
  loop.run();
  EXPECT_EQ(guard.use_count(), 1);
}

TEST(Loop, AnEventOfAClosedDescriptorDoesNotReachTheNextOwnerOfItsNumber) {
  Loop loop;
  Pipe first, second;
  first.put("x"), second.put("x");
  Watch a, b, fresh;
  int wrong = 0;
  Pipe quiet;
  auto swap = [&](Pipe& other, Watch& mine, Watch& its) {
    mine.cancel(), its.cancel();
    const int number = other.read.get();
    other.read.reset();
    UniqueFd again(fcntl(quiet.read.get(), F_DUPFD_CLOEXEC, number));
    ASSERT_EQ(again.get(), number);
    other.read = std::move(again);
    fresh = loop.on_readable(number, [&] { ++wrong; });
    loop.post([&] { fresh.cancel(); });
  };
  a = loop.on_readable(first.read.get(), [&] { swap(second, a, b); });
  b = loop.on_readable(second.read.get(), [&] { swap(first, b, a); });
  loop.run();
  EXPECT_EQ(wrong, 0);
}

TEST(Loop, TimersRunInOrderOfTheirTime) {
  Loop loop;
  std::string order;
  const auto start = loop.now();  // before after(): the delay counts from there
  auto c = loop.after(120ms, [&] { order += 'c'; });
  auto a = loop.after(1ms, [&] { order += 'a'; });
  auto b = loop.after(60ms, [&] { order += 'b'; });  // far apart: this thread may be held up in between
  loop.run();
  EXPECT_EQ(order, "abc");
  EXPECT_GE(loop.now() - start, 120ms);
}

TEST(Loop, WorksOnAnotherThreadAndAnswersOnItsOwn) {
  Loop loop;
  const auto mine = std::this_thread::get_id();
  std::thread::id worker, answer;
  loop.on_worker<std::thread::id>([] { return std::this_thread::get_id(); },
                                  [&](std::thread::id id) { worker = id, answer = std::this_thread::get_id(); });
  loop.run();  // waits for the work
  EXPECT_NE(worker, mine);
  EXPECT_EQ(answer, mine);
}

TEST(Loop, DeliversASignalAsAnEvent) {
  Loop loop;
  int signals = 0;
  auto watch = loop.on_signal(SIGUSR1, [&] { ++signals, loop.stop(); });
  loop.post([] { kill(getpid(), SIGUSR1); });
  loop.run();
  EXPECT_EQ(signals, 1);
}

TEST(Loop, PassesOnAnExceptionAndRunsAgainAfterIt) {
  Loop loop;
  Pipe pipe;
  pipe.put("x");
  int calls = 0;
  auto watch = loop.on_readable(pipe.read.get(), [&] {
    if (++calls == 1) throw std::runtime_error("first");
    loop.stop();
  });
  EXPECT_THROW(loop.run(), std::runtime_error);
  loop.run();
  EXPECT_EQ(calls, 2);
}

TEST(Loop, HandlesMayOutliveIt) {
  Watch watch;
  Timer timer;
  Pipe pipe;
  {
    Loop loop;
    watch = loop.on_readable(pipe.read.get(), [] {});
    timer = loop.after(1h, [] {});
  }
  watch.cancel();
}

TEST(Loop, WatchesAThousandDescriptorsCheaply) {
  rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 4096);
  setrlimit(RLIMIT_NOFILE, &limit);
  Loop loop;
  std::vector<Pipe> pipes(1000);
  std::vector<Watch> watches;
  std::size_t calls = 0;
  for (auto& pipe : pipes) watches.push_back(loop.on_readable(pipe.read.get(), [&] { pipe.take(), ++calls; }));
  timespec before, after;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  for (int round = 0; round < 20; ++round) {
    for (auto& pipe : pipes) pipe.put("x");
    auto check = loop.after(0s, [] {});
    while (calls < pipes.size() * static_cast<std::size_t>(round + 1)) {
      auto turn = loop.after(0s, [&] { loop.stop(); });
      loop.run();
    }
  }
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  const double seconds = double(after.tv_sec - before.tv_sec) + double(after.tv_nsec - before.tv_nsec) / 1e9;
  RecordProperty("microseconds_per_event", std::to_string(seconds / double(calls) * 1e6));
  EXPECT_EQ(calls, 20000u);
  EXPECT_LT(seconds, 5.0);  // some 2 µs each; the limit only catches what is quadratic
}

TEST(ManualClock, MovesOnlyForwardAndByHand) {
  ManualClock clock;
  const auto start = clock.now();
  clock.advance(2s);
  clock.advance_to(start + 1s);
  EXPECT_EQ(clock.now() - start, 2s);
}

}  // namespace
}  // namespace berth::async
