#include "berth/logs/container_log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "berth/logs/format.hpp"
#include "berth/logs/pump.hpp"
#include "berth/logs/reader.hpp"
#include "berth/sys/file.hpp"

namespace berth::logs {
namespace {

using sys::UniqueFd;

struct Bench {
  std::string directory;
  LogFiles files;
  UniqueFd read, write;
  Bench() {
    char name[] = "/dev/shm/berth-logs-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    directory = name;
    files.log = directory + "/c-json.log", files.commit = directory + "/commit";
    files.stage_stdout = directory + "/out", files.stage_stderr = directory + "/err";
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    read.reset(ends[0]), write.reset(ends[1]);
  }
  ~Bench() { static_cast<void>(sys::remove_tree(directory)); }
  std::unique_ptr<ContainerLog> open(Policy policy = {}) {
    auto log = ContainerLog::open(files, std::move(policy));
    EXPECT_TRUE(log) << log.error().to_string();
    EXPECT_TRUE((*log)->attach(Stream::Stdout, UniqueFd(fcntl(read.get(), F_DUPFD_CLOEXEC, 0))));
    return std::move(*log);
  }
  void put(const std::string& text) {
    ASSERT_EQ(::write(write.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::string content(const std::string& path) {
    auto text = sys::read_file(path);
    return text ? *text : "";
  }
  std::vector<std::string> texts(const std::string& path) {
    std::vector<std::string> out;
    std::istringstream lines(content(path));
    for (std::string line; std::getline(lines, line);) {
      auto entry = parse_json_line(line);
      EXPECT_TRUE(entry) << line;
      if (entry) out.push_back(entry->text);
    }
    return out;
  }
};

TEST(JsonLine, IsWhatDockerWrites) {
  std::string out;
  append_json_line(out, "a\"b\\c\t<&>\x01\r\n", Stream::Stderr, format_log_time(1), "{\"k\":\"v\"}");
  EXPECT_EQ(
      out,
      "{\"log\":\"a\\\"b\\\\c\\u0009\\u003c\\u0026\\u003e\\u0001\\r\\n\",\"stream\":\"stderr\",\"attrs\":{\"k\":\"v\"},"
      "\"time\":\"1970-01-01T00:00:00.000000001Z\"}\n");
}

TEST(JsonLine, ReplacesWhatIsNotUtf8ByteByByte) {
  for (const std::string bytes : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "ok\xe2\x82", "\x80\x80"}) {
    std::string escaped, valid, line;
    append_escaped(escaped, bytes);
    append_valid_utf8(valid, bytes);
    append_json_line(line, bytes, Stream::Stdout, format_log_time(0));
    auto entry = parse_json_line(line);
    ASSERT_TRUE(entry) << line;
    EXPECT_EQ(entry->text, valid);
  }
  std::string kept;
  append_escaped(kept, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 a long line of plain text\xe2\x80\xa8");
  EXPECT_EQ(kept, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 a long line of plain text\\u2028");
}

TEST(ContainerLog, WritesWholeLinesAndKeepsTheUnfinishedOneForLater) {
  Bench bench;
  auto log = bench.open();
  bench.put("one\ntwo");
  EXPECT_EQ(*log->on_readable(Stream::Stdout, 5), ContainerLog::Progress::Drained);
  EXPECT_EQ(bench.texts(bench.files.log), (std::vector<std::string>{"one\n"}));
  log = bench.open();  // another process
  bench.put("!\nend");
  ASSERT_TRUE(log->on_readable(Stream::Stdout, 6));
  ASSERT_TRUE(log->finish(7));
  EXPECT_EQ(bench.texts(bench.files.log), (std::vector<std::string>{"one\n", "two!\n", "end\n"}));
}

TEST(ContainerLog, SplitsLongLinesAsDockerDoes) {
  Bench bench;
  auto log = bench.open();
  bench.put(std::string(40000, 'x') + "\n");
  ASSERT_TRUE(log->on_readable(Stream::Stdout, 1));
  const auto texts = bench.texts(bench.files.log);
  ASSERT_EQ(texts.size(), 3u);
  EXPECT_EQ(texts[0].size(), 16384u);
  EXPECT_EQ(texts[1].size(), 16384u);
  EXPECT_EQ(texts[2], std::string(40000 - 2 * 16384, 'x') + "\n");
}

TEST(ContainerLog, TellsItsSubscriberWhereEachLineStands) {
  Bench bench;
  auto log = bench.open();
  std::vector<std::pair<std::string, std::uint64_t>> seen;
  log->subscribe([&](const LiveEntry& entry) { seen.emplace_back(entry.bytes, entry.position.offset); });
  bench.put("a\nb\n");
  ASSERT_TRUE(log->on_readable(Stream::Stdout, 1));
  ASSERT_EQ(seen.size(), 2u);
  const auto content = bench.content(bench.files.log);
  EXPECT_EQ(content.substr(seen[1].second, 10), "{\"log\":\"b\\");
  EXPECT_EQ(log->end().offset, content.size());
}

TEST(ContainerLog, RotatesAndLosesOnlyTheOldestFile) {
  Bench bench;
  Policy policy;
  policy.max_size = 1000, policy.max_files = 3;
  auto log = bench.open(policy);
  for (int i = 0; i < 100; ++i) {
    bench.put("line " + std::to_string(i) + "\n");
    ASSERT_TRUE(log->on_readable(Stream::Stdout, 1));
  }
  std::vector<std::string> all;
  for (const auto* end : {".2", ".1", ""})
    for (auto& text : bench.texts(bench.files.log + end)) all.push_back(text);
  ASSERT_GT(all.size(), 20u);
  EXPECT_EQ(all.back(), "line 99\n");
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], "line " + std::to_string(100 - all.size() + i) + "\n");
  EXPECT_FALSE(sys::exists(bench.files.log + ".3"));
  ASSERT_TRUE(ContainerLog::remove(bench.files));
  EXPECT_TRUE(sys::list_directory(bench.directory)->empty());
}

TEST(ContainerLog, WithoutAFileStillFeedsItsSubscriber) {
  Bench bench;
  Policy policy;
  policy.driver = Driver::None;
  auto log = bench.open(policy);
  std::string seen;
  log->subscribe([&](const LiveEntry& entry) { seen += entry.bytes; });
  bench.put("a\n");
  ASSERT_TRUE(log->on_readable(Stream::Stdout, 1));
  EXPECT_EQ(seen, "a\n");
  EXPECT_FALSE(sys::exists(bench.files.log));
}

TEST(ContainerLog, CopiesToATapAsItComesAndWaitsForASlowOne) {
  Bench bench;
  auto log = bench.open();
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  UniqueFd reader(ends[0]);
  ASSERT_EQ(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
  log->tap(Stream::Stdout, UniqueFd(ends[1]));
  const auto take = [&] {
    std::string bytes(65536, 0);
    bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(reader.get(), bytes.data(), bytes.size()))));
    return bytes;
  };
  bench.put("sure? ");  // an unfinished line: not in the log yet, but shown
  ASSERT_TRUE(log->on_readable(Stream::Stdout, 1));
  EXPECT_EQ(take(), "sure? ");
  EXPECT_EQ(bench.content(bench.files.log), "");

  const std::string much(6000, 'x');
  bench.put(much);
  EXPECT_EQ(*log->on_readable(Stream::Stdout, 1), ContainerLog::Progress::More);
  EXPECT_EQ(*log->on_readable(Stream::Stdout, 1), ContainerLog::Progress::Held);
  std::string seen = take();
  EXPECT_EQ(*log->on_readable(Stream::Stdout, 1), ContainerLog::Progress::More);
  seen += take();
  EXPECT_EQ(seen, much);

  bench.put(much + "end\n");
  ASSERT_TRUE(log->finish(1));  // does not wait
  auto tap = log->take_tap(Stream::Stdout);
  tap.pipe.reset();
  EXPECT_EQ(take() + tap.owed, much + "end\n");
  std::string all;
  for (const auto& text : bench.texts(bench.files.log)) all += text;
  EXPECT_EQ(all, "sure? " + much + much + "end\n");
}

TEST(ContainerLog, ForgetsATapThatNobodyReads) {
  ::signal(SIGPIPE, SIG_IGN);
  Bench bench;
  auto log = bench.open();
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  log->tap(Stream::Stdout, UniqueFd(ends[1]));
  bench.put("line\n");
  ASSERT_TRUE(log->on_readable(Stream::Stdout, 1));
  EXPECT_EQ(log->tap_of(Stream::Stdout), -1);
  EXPECT_EQ(bench.texts(bench.files.log), (std::vector<std::string>{"line\n"}));
}

TEST(ContainerLog, NeverBlocksTheContainerOnAFullDiskAndSaysWhatWasLost) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to mount a small disk";
  Bench bench;
  const auto disk = bench.directory + "/disk";
  ASSERT_TRUE(sys::make_directories(disk));
  const pid_t child = fork();
  if (child == 0) {
    // Its own mount namespace: nothing is left to unmount.
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) _exit(77);
    if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") != 0) _exit(77);
    bench.files.log = disk + "/c-json.log";
    auto log = bench.open();
    const std::string line(999, 'x');
    for (int i = 0; i < 3000; ++i) {
      if (::write(bench.write.get(), (line + "\n").data(), 1000) != 1000) _exit(2);
      if (!log->on_readable(Stream::Stdout, i)) _exit(3);
    }
    if (!log->is_blocked()) _exit(4);
    if (mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT, "size=64m") != 0) _exit(5);
    if (!log->retry(1) || log->is_blocked()) _exit(6);
    bench.put("last\n");
    if (!log->on_readable(Stream::Stdout, 2)) _exit(7);
    const auto texts = bench.texts(bench.files.log);
    std::size_t kept = 0, lost = 0;
    for (const auto& text : texts) {
      if (text.starts_with("[berth: "))
        lost += std::stoul(text.substr(8));
      else
        kept += text.size();
    }
    if (texts.back() != "last\n") _exit(8);
    _exit(kept + lost == 3000 * 1000 + 5 && lost > 0 ? 0 : 9);
  }
  int status;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "may not mount here";
  EXPECT_EQ(status, 0) << "step " << WEXITSTATUS(status);
}

// R1: the writer of the log is killed at random moments of a flood; the read end of the pipe lives on in this process.
TEST(ContainerLog, LosesAndDoublesNothingWhenItsProcessIsKilled) {
  Bench bench;
  constexpr int kLines = 200000;
  const pid_t flood = fork();
  if (flood == 0) {
    std::string text;
    for (int i = 0; i < kLines; ++i) {
      text += std::to_string(i) + " some text of a usual length\n";
      if (text.size() < 3000 && i + 1 < kLines) continue;
      for (std::size_t at = 0; at < text.size();) {
        const auto n = ::write(bench.write.get(), text.data() + at, text.size() - at);
        if (n < 0) _exit(1);
        at += static_cast<std::size_t>(n);
      }
      text.clear();
    }
    _exit(0);
  }
  bench.write.reset();
  Policy policy;
  policy.max_size = 3 << 20, policy.max_files = 100;
  std::mt19937 random(7);
  int kills = 0;
  for (bool done = false; !done;) {
    const pid_t child = fork();
    if (child == 0) {
      auto log = ContainerLog::open(bench.files, policy);
      if (!log || !(*log)->retry(wall_clock_now())) _exit(2);
      if (!(*log)->attach(Stream::Stdout, UniqueFd(fcntl(bench.read.get(), F_DUPFD_CLOEXEC, 0)))) _exit(3);
      for (;;) {
        pollfd wait{bench.read.get(), POLLIN, 0};
        poll(&wait, 1, 1000);
        auto progress = (*log)->on_readable(Stream::Stdout, wall_clock_now());
        if (!progress) _exit(4);
        if (*progress == ContainerLog::Progress::Ended) break;
      }
      _exit((*log)->finish(wall_clock_now()) ? 0 : 5);
    }
    usleep(random() % 3000);
    const bool kill_it = kills < 400;
    if (kill_it) kill(child, SIGKILL);
    int status;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
      ++kills;
    else {
      ASSERT_EQ(WEXITSTATUS(status), 0);
      done = true;
    }
  }
  int status;
  ASSERT_EQ(waitpid(flood, &status, 0), flood);
  EXPECT_EQ(status, 0);
  std::vector<std::string> lines;
  int files = 1;
  while (sys::exists(bench.files.log + "." + std::to_string(files))) ++files;
  for (int i = files - 1; i >= 0; --i)
    for (auto& text : bench.texts(i == 0 ? bench.files.log : bench.files.log + "." + std::to_string(i)))
      lines.push_back(text);
  ASSERT_EQ(lines.size(), static_cast<std::size_t>(kLines));
  for (int i = 0; i < kLines; ++i) ASSERT_EQ(std::atoi(lines[static_cast<std::size_t>(i)].c_str()), i);
  EXPECT_GT(kills, 30);
  RecordProperty("kills", kills);
  RecordProperty("files", files);
  printf("kills %d, files %d\n", kills, files);
}

TEST(Reader, MergesByTimeAndTakesTheTailOverRotatedFiles) {
  Bench first, second;
  Policy policy;
  policy.max_size = 700;
  auto a = first.open(policy);
  auto b = second.open();
  for (int i = 0; i < 12; ++i) {
    auto& bench = i % 2 ? second : first;
    bench.put("l" + std::to_string(i) + "\n");
    ASSERT_TRUE((i % 2 ? b : a)->on_readable(Stream::Stdout, 100 + i));
  }
  const std::vector<Source> sources{{"a", first.files.log, ""}, {"b", second.files.log, ""}};
  std::string seen;
  const auto sink = [&](const Line& line) { return seen += line.source->name + line.text + " ", true; };
  Range range;
  ASSERT_TRUE(read_lines(sources, range, sink));
  EXPECT_EQ(seen, "al0 bl1 al2 bl3 al4 bl5 al6 bl7 al8 bl9 al10 bl11 ");
  seen.clear(), range.tail = 2;
  ASSERT_TRUE(read_lines(sources, range, sink));
  EXPECT_EQ(seen, "al8 bl9 al10 bl11 ");
  seen.clear(), range.tail = std::nullopt, range.since = 103, range.until = 105;
  ASSERT_TRUE(read_lines(sources, range, sink));
  EXPECT_EQ(seen, "bl3 al4 bl5 ");
}

TEST(Reader, JoinsThePiecesOfLongLinesAlsoInTheTail) {
  Bench bench;
  auto log = bench.open();
  bench.put("first\n" + std::string(40000, 'x') + "\n");
  ASSERT_TRUE(log->on_readable(Stream::Stdout, 1));
  EXPECT_EQ(last_lines(bench.files.log, 1), (std::vector<std::string>{std::string(40000, 'x')}));
  EXPECT_EQ(last_lines(bench.files.log, 5).size(), 2u);
  EXPECT_TRUE(last_lines(bench.directory + "/none", 5).empty());
}

TEST(Follower, IsByteIdenticalOverRotationAndGoesOnWhereALiveReaderFellBehind) {
  Bench bench;
  Policy policy;
  policy.max_size = 2000, policy.max_files = 50;
  auto log = bench.open(policy);
  std::vector<Position> positions;
  log->subscribe([&](const LiveEntry& entry) { positions.push_back(entry.position); });
  async::Loop loop;
  std::string expected, seen;
  int written = 0;
  const auto write = [&] {
    const auto line = "line " + std::to_string(written++);
    expected += line + "\n";
    bench.put(line + "\n");
    ASSERT_TRUE(log->on_readable(Stream::Stdout, written));
  };
  while (written < 30) write();
  auto follower = Follower::create(loop, [&](const Line& line) { return seen += line.text + "\n", true; });
  ASSERT_TRUE(follower);
  ASSERT_TRUE((*follower)->start({{"c", bench.files.log, bench.files.commit}}, Range{}));
  EXPECT_EQ(seen, expected);
  async::Timer next;
  std::function<void()> step = [&] {
    for (int i = 0; i < 100 && written < 700; ++i) write();
    next = written < 700 ? loop.after(std::chrono::microseconds(200), step)
                         : loop.after(std::chrono::milliseconds(50), [&] { loop.stop(); });
  };
  loop.post(step);
  loop.run();
  EXPECT_EQ(seen, expected);
  std::string rest;
  auto late = Follower::create(loop, [&](const Line& line) { return rest += line.text + "\n", true; });
  ASSERT_TRUE((*late)->add({"c", bench.files.log, bench.files.commit}, positions[500]));
  EXPECT_EQ(rest, expected.substr(expected.find("line 500\n")));
}

TEST(Pump, BringsLinesFromPipeToFile) {
  Bench bench;
  auto log = bench.open();
  async::Loop loop;
  Pump pump(loop, *log, [](const Error& error) { FAIL() << error.to_string(); });
  pump.start();
  log->subscribe([&](const LiveEntry& entry) {
    if (entry.bytes == "last\n") loop.stop();
  });
  loop.post([&] { bench.put("first\n"); });
  auto later = loop.after(std::chrono::milliseconds(2), [&] { bench.put("last\nrest"); });
  loop.run();
  bench.write.reset();
  ASSERT_TRUE(pump.finish());
  EXPECT_EQ(bench.texts(bench.files.log), (std::vector<std::string>{"first\n", "last\n", "rest\n"}));
}

TEST(Policy, RefusesWhatItCannotDo) {
  model::Logging logging;
  EXPECT_EQ(make_policy(std::nullopt, {}, {})->max_files, 3);
  logging.options = {{"max-size", "10m"}, {"max-file", "5"}, {"labels", "a,b"}};
  auto policy = make_policy(logging, {{"a", "1"}}, {});
  ASSERT_TRUE(policy);
  EXPECT_EQ(policy->max_size, 10 << 20);
  EXPECT_EQ(policy->attributes, "{\"a\":\"1\"}");
  for (const auto& [name, value] :
       std::map<std::string, std::string>{{"max-size", "x"}, {"max-file", "0"}, {"tag", "t"}, {"compress", "true"}}) {
    logging.options = {{name, value}};
    EXPECT_FALSE(make_policy(logging, {}, {})) << name;
  }
  logging.options.clear();
  logging.driver = "gelf";
  EXPECT_FALSE(make_policy(logging, {}, {}));
}

TEST(LineFormatter, PadsToTheLongestNameAndCyclesColours) {
  LineFormatter plain({.timestamps = true});
  plain.add_name("web-1"), plain.add_name("database-1");
  EXPECT_EQ(plain.line("web-1", "hello\n", 0), "web-1       | 1970-01-01T00:00:00.000000000Z hello\n");
  LineFormatter coloured({.color = true});
  EXPECT_EQ(coloured.line("a", "x\ny", 0), "\033[36ma  | \033[0mx\n\033[36ma  | \033[0my\n");
  EXPECT_EQ(coloured.line("b", "", 0), "\033[33mb  | \033[0m\n");
  LineFormatter bare({.prefix = false});
  EXPECT_EQ(bare.line("a", "x\n", 0), "x\n");
  EXPECT_EQ(bare.status("a", "exited with code 0"), "a exited with code 0\n");
  EXPECT_EQ(display_name("proj-web-1", "proj"), "web-1");
  EXPECT_EQ(display_name("custom", "proj"), "custom");
}

}  // namespace
}  // namespace berth::logs
