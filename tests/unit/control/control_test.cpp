#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "berth/control/client.hpp"
#include "berth/control/frame.hpp"
#include "berth/control/server.hpp"
#include "berth/sys/file.hpp"

namespace berth::control {
namespace {

using namespace std::chrono_literals;
using sys::UniqueFd;

struct Directory {
  std::string path;
  Directory() {
    char name[] = "/tmp/berth-control-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    path = name;
  }
  ~Directory() { static_cast<void>(sys::remove_tree(path)); }
};

TEST(Frame, ComesBackFromAnyCutOfItsBytes) {
  const auto bytes = encode_frame(3, "{\"a\":1}") + encode_frame(7, "") + encode_frame(9, std::string(70000, 'x'));
  for (std::size_t step : {1u, 3u, 8u, 4096u, 1000000u}) {
    FrameDecoder decoder;
    std::vector<Frame> frames;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      decoder.feed(std::string_view(bytes).substr(at, step));
      for (;;) {
        auto frame = decoder.next();
        ASSERT_TRUE(frame);
        if (!*frame) break;
        frames.push_back(std::move(**frame));
      }
    }
    ASSERT_EQ(frames.size(), 3u);
    EXPECT_EQ(frames[0].payload, "{\"a\":1}");
    EXPECT_EQ(frames[1].kind, 7);
    EXPECT_EQ(frames[2].payload.size(), 70000u);
    EXPECT_TRUE(decoder.is_between_frames());
  }
}

TEST(Frame, RefusesLengthsAndDescriptorCountsBeyondTheLimit) {
  FrameDecoder longer(100);
  longer.feed(encode_frame(1, std::string(101, 'x')).substr(0, kHeaderBytes));
  EXPECT_EQ(longer.next().error().kind(), ErrorKind::Protocol);
  FrameDecoder without;
  without.feed(encode_frame(1, "{}", 2));
  EXPECT_EQ(without.next().error().kind(), ErrorKind::Protocol);
}

TEST(Frame, GivesDescriptorsToTheFrameThatClaimsThem) {
  FrameDecoder decoder;
  std::vector<UniqueFd> fds;
  fds.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int number = fds[0].get();
  decoder.feed(encode_frame(1, "{}") + encode_frame(2, "{}", 1), std::move(fds));
  auto first = decoder.next(), second = decoder.next();
  ASSERT_TRUE(first && *first && second && *second);
  EXPECT_TRUE((*first)->descriptors.empty());
  ASSERT_EQ((*second)->descriptors.size(), 1u);
  EXPECT_EQ((*second)->descriptors[0].get(), number);
}

TEST(Messages, SurviveTheWire) {
  Up up;
  up.project.name = ProjectName("shop");
  up.project.services["web"].image = "nginx";
  up.project.services["web"].command = std::vector<std::string>{};
  up.project.services["web"].environment["KEY"] = std::nullopt;
  up.options.recreate = plan::Recreate::Force;
  up.options.timeout = 3s;
  up.images["nginx"].digest = ImageDigest("sha256:0");
  up.attach = true;
  LogLine line;
  line.text = std::string("a\0b\n", 4);
  line.time = 1790000000000000001;
  Done done;
  done.ok = false, done.exit_code = 3;
  done.errors.push_back(problem_of(Error::make(ErrorKind::Busy, "port taken").with_hint("use another")));
  Exec exec;
  exec.terminal = TerminalSize{24, 80};
  for (const Message& message :
       std::vector<Message>{up, line, done, exec, Hello{1, "x"}, Cancel{true}, Exited{"a", "b", 137, true, true}}) {
    auto back = decode(kind_of(message), encode(message));
    ASSERT_TRUE(back) << name_of(message) << back.error().to_string();
    EXPECT_TRUE(*back == message) << name_of(message);
  }
}

TEST(Messages, KeepTheFrozenKinds) {
  EXPECT_EQ(kind_of(Hello{}), 1);
  EXPECT_EQ(kind_of(HelloReply{}), 2);
  EXPECT_EQ(kind_of(Shutdown{}), 3);
  EXPECT_EQ(kind_of(Problem{}), 4);
  EXPECT_EQ(kind_of(Done{}), 5);
  EXPECT_EQ(encode(Hello{1, "b"}), R"({"protocol":1,"build":"b"})");
  EXPECT_FALSE(decode(0, "{}"));
  EXPECT_FALSE(decode(999, "{}"));
  EXPECT_FALSE(decode(6, "[]"));
}

// A server on its own loop in another thread; `serve` gets each request.
struct Served {
  Directory directory;
  std::string path;
  std::string build = "server";
  std::function<void(Connection&, Message&, std::vector<UniqueFd>&, const Peer&)> serve;
  std::thread thread;

  void start() {
    if (path.empty()) path = directory.path + "/control.sock";
    std::atomic<bool> ready = false;
    thread = std::thread([this, &ready] {
      async::Loop loop;
      std::vector<std::unique_ptr<Connection>> connections;
      auto server = Server::listen(loop, path, build, [&](std::unique_ptr<Connection> connection, Peer peer) {
        auto* raw = connection.get();
        connections.push_back(std::move(connection));
        Connection::Callbacks callbacks;
        callbacks.on_message = [this, raw, peer, &loop](Message message, std::vector<UniqueFd> fds) {
          if (std::holds_alternative<Shutdown>(message)) {
            EXPECT_TRUE(raw->send(Done{}));
            return loop.stop();
          }
          serve(*raw, message, fds, peer);
        };
        callbacks.on_closed = [](std::optional<Error>) {};
        raw->start(std::move(callbacks));
      });
      EXPECT_TRUE(server) << server.error().to_string();
      ready = true;
      ready.notify_one();
      loop.run();
    });
    ready.wait(false);
  }
  ~Served() {
    auto client = Client::connect(path, "test");
    EXPECT_TRUE(client);
    if (client) {
      EXPECT_TRUE((*client)->shut_down_server("test"));
    }
    thread.join();
  }
};

TEST(Server, AnswersARequestWithEventsAndDone) {
  Served served;
  served.serve = [](Connection& connection, Message& message, auto&, const Peer& peer) {
    ASSERT_TRUE(std::holds_alternative<Down>(message));
    EXPECT_EQ(peer.pid, getpid());
    EXPECT_EQ(peer.build, "client");
    EventMessage event;
    event.event.name = "web-1";
    EXPECT_TRUE(connection.send(event));
    Done done;
    done.exit_code = 7;
    EXPECT_TRUE(connection.send(done));
    connection.close_when_sent();
  };
  served.start();
  auto client = Client::connect(served.path, "client");
  ASSERT_TRUE(client) << client.error().to_string();
  EXPECT_TRUE((*client)->server().accepted);
  EXPECT_EQ((*client)->server().build, "server");
  ASSERT_TRUE((*client)->send(Down{}));
  std::vector<std::string> names;
  int code = 0;
  ASSERT_TRUE((*client)->receive([&](Message message, auto) {
    names.push_back(name_of(message));
    if (auto* done = std::get_if<Done>(&message)) code = done->exit_code;
    return Client::Next::Continue;
  }));
  EXPECT_EQ(names, (std::vector<std::string>{"EventMessage", "Done"}));
  EXPECT_EQ(code, 7);
}

TEST(Server, TakesALargeProjectAndDescriptorsBehindIt) {
  Served served;
  served.serve = [](Connection& connection, Message& message, std::vector<UniqueFd>& fds, const Peer&) {
    if (std::holds_alternative<Up>(message)) return;
    ASSERT_TRUE(std::holds_alternative<Exec>(message));
    ASSERT_EQ(fds.size(), 2u);
    EXPECT_EQ(write(fds[1].get(), "hello", 5), 5);
    EXPECT_TRUE(connection.send(Done{}));
  };
  served.start();
  auto client = Client::connect(served.path, "client");
  ASSERT_TRUE(client);
  Up up;
  for (int i = 0; i < 2000; ++i)
    up.project.services["s" + std::to_string(i)].environment["BIG"] = std::string(1000, 'x');
  ASSERT_TRUE((*client)->send(up));  // 2 MB: more than the socket takes at once
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  UniqueFd reader(ends[0]), writer(ends[1]);
  ASSERT_TRUE((*client)->send(Exec{}, {reader.get(), writer.get()}));
  ASSERT_TRUE((*client)->receive([](Message, auto) { return Client::Next::Continue; }));
  char bytes[8];
  EXPECT_EQ(read(reader.get(), bytes, sizeof bytes), 5);
}

TEST(Server, ListensAtPathsThatNoSocketAddressHolds) {
  Served served;
  const auto deep = served.directory.path + "/" + std::string(90, 'd') + "/" + std::string(60, 'e');
  ASSERT_TRUE(sys::make_directories(deep));
  served.path = deep + "/control.sock";
  served.serve = [](Connection&, Message&, auto&, const Peer&) {};
  served.start();
  auto client = Client::connect(served.path, "client");
  EXPECT_TRUE(client);
  struct stat status;
  ASSERT_EQ(stat(served.path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(Server, TakesOnlyShutdownFromAnotherProtocol) {
  Served served;
  served.serve = [](Connection&, Message&, auto&, const Peer&) {
    FAIL() << "a request of another protocol came through";
  };
  served.start();
  async::Loop loop;
  auto socket = sys::connect_unix(served.path);
  ASSERT_TRUE(socket);
  Connection connection(loop, std::move(*socket));
  std::vector<std::string> names;
  bool accepted = true;
  Connection::Callbacks callbacks;
  callbacks.on_message = [&](Message message, auto) {
    names.push_back(name_of(message));
    if (auto* reply = std::get_if<HelloReply>(&message)) accepted = reply->accepted;
  };
  callbacks.on_closed = [&](std::optional<Error> error) {
    EXPECT_FALSE(error) << error->to_string();
    loop.stop();
  };
  connection.start(std::move(callbacks));
  ASSERT_TRUE(connection.send(Hello{kProtocol + 1, "future"}));
  ASSERT_TRUE(connection.send(Down{}));
  loop.run();
  EXPECT_FALSE(accepted);
  EXPECT_EQ(names, (std::vector<std::string>{"HelloReply", "Problem", "Done"}));
}

TEST(Client, SaysNotFoundWhereNobodyListens) {
  Directory directory;
  EXPECT_EQ(Client::connect(directory.path + "/control.sock", "x").error().kind(), ErrorKind::NotFound);
  {
    auto dead = sys::listen_unix(directory.path + "/control.sock");
    ASSERT_TRUE(dead);
  }
  EXPECT_EQ(Client::connect(directory.path + "/control.sock", "x").error().kind(), ErrorKind::NotFound);
}

TEST(Client, GivesUpOnASupervisorThatIsStopped) {
  Directory directory;
  auto listening = sys::listen_unix(directory.path + "/control.sock");
  ASSERT_TRUE(listening);
  EXPECT_EQ(Client::connect(directory.path + "/control.sock", "x", 20ms).error().kind(), ErrorKind::TimedOut);
}

TEST(Connection, TellsASlowReaderWhereToReadOnAndNeverWaits) {
  async::Loop loop;
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  Connection fast(loop, UniqueFd(ends[0]));
  Connection slow(loop, UniqueFd(ends[1]));
  LogLine line;
  line.container = "web-1";
  line.text = std::string(1000, 'x') + "\n";
  std::uint64_t sent = 0;
  while (line.offset = sent, fast.offer(line, "/log")) ++sent;
  EXPECT_FALSE(fast.offer(line, "/log"));
  EXPECT_LT(fast.queued_bytes(), 2 * kLogQueueBytes);
  std::uint64_t received = 0;
  std::optional<LogsBehind> notice;
  Connection::Callbacks callbacks;
  callbacks.on_message = [&](Message message, auto) {
    if (auto* got = std::get_if<LogLine>(&message)) {
      EXPECT_EQ(got->offset, received++);
    }
    if (auto* got = std::get_if<LogsBehind>(&message)) notice = *got, loop.stop();
  };
  callbacks.on_closed = [](std::optional<Error>) {};
  slow.start(std::move(callbacks));
  loop.run();
  EXPECT_EQ(received, sent);
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->offset, sent);  // the first line that it did not get
  EXPECT_EQ(notice->path, "/log");
}

TEST(Connection, MayBeDestroyedByItsOwnCallback) {
  async::Loop loop;
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  Connection left(loop, UniqueFd(ends[0]));
  auto right = std::make_unique<Connection>(loop, UniqueFd(ends[1]));
  int messages = 0;
  Connection::Callbacks callbacks;
  callbacks.on_message = [&](Message, auto) { ++messages, right.reset(), loop.stop(); };
  right->start(std::move(callbacks));
  ASSERT_TRUE(left.send(Cancel{}));
  ASSERT_TRUE(left.send(Cancel{}));
  loop.run();
  EXPECT_EQ(messages, 1);
}

}  // namespace
}  // namespace berth::control
