#include "attached_client.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "berth/control/client.hpp"
#include "detach_keys.hpp"
#include "stack_client.hpp"
#include "stack_view.hpp"
#include "stdio_copy.hpp"

namespace berth::cli {
namespace {

enum class Kind { Exec, Run, Attach };

class RawTerminal {
 public:
  RawTerminal() {
    if (::tcgetattr(STDIN_FILENO, &before_) < 0) throw Failure(Error::system(errno, "read the mode of the terminal"));
    termios raw = before_;
    ::cfmakeraw(&raw);
    if (::tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
      throw Failure(Error::system(errno, "set the mode of the terminal"));
  }
  RawTerminal(const RawTerminal&) = delete;
  ~RawTerminal() { ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_); }

 private:
  termios before_;
};

struct Pipe {
  sys::UniqueFd read, write;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) throw Failure(Error::system(errno, "make a pipe"));
  return {sys::UniqueFd(ends[0]), sys::UniqueFd(ends[1])};
}

// Pipes, files and /dev/null go to the program as they are. A terminal never does (the program could type into it), nor
// a directory (the program would be out of its container).
bool can_be_given(int fd) {
  struct stat status;
  if (::fstat(fd, &status) < 0) return false;
  return S_ISFIFO(status.st_mode) || S_ISREG(status.st_mode) ||
         (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3));
}

// The descriptors of a request, and the copying that stands between them and ours.
class Streams {
 public:
  explicit Streams(async::Loop& loop) : loop_(loop) {}

  void give_input(bool interactive) {
    if (!interactive) {
      own(sys::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
    } else if (can_be_given(STDIN_FILENO)) {
      given_.push_back(STDIN_FILENO);
    } else {
      auto pipe = make_pipe();
      own(std::move(pipe.read));
      copy_in(std::move(pipe.write), true);
    }
  }
  void give_output(int fd, bool always_copied, bool shown) {
    if (!shown) return own(sys::UniqueFd(::open("/dev/null", O_WRONLY | O_CLOEXEC)));
    if (!always_copied && can_be_given(fd)) return given_.push_back(fd);
    auto pipe = make_pipe();
    own(std::move(pipe.write));
    copy_out(std::move(pipe.read), fd);
  }
  void copy_in(sys::UniqueFd to, bool close_at_end, CopyIn::Filter filter = {}) {
    in_ = std::make_unique<CopyIn>(loop_, STDIN_FILENO, std::move(to), close_at_end, std::move(filter));
  }
  void copy_out(sys::UniqueFd from, int to) { out_.push_back(std::make_unique<CopyOut>(loop_, std::move(from), to)); }

  const std::vector<int>& given() const { return given_; }
  void sent() { owned_.clear(); }  // the other side has its copies: ours would hide the end
  void finish(bool to_the_end) {
    in_.reset();
    for (auto& copy : out_) copy->finish(to_the_end);
  }

 private:
  void own(sys::UniqueFd fd) {
    given_.push_back(fd.get());
    owned_.push_back(std::move(fd));
  }

  async::Loop& loop_;
  std::vector<int> given_;
  std::vector<sys::UniqueFd> owned_;
  std::unique_ptr<CopyIn> in_;
  std::vector<std::unique_ptr<CopyOut>> out_;
};

// Our signals, sent on to the program.
class SignalRelay {
 public:
  // `kills`: a third Ctrl-C ends the program for good.
  SignalRelay(control::Client& client, bool terminal, bool kills) : client_(client) {
    static constexpr std::pair<int, const char*> kSent[] = {{SIGINT, "INT"},   {SIGTERM, "TERM"}, {SIGHUP, "HUP"},
                                                            {SIGQUIT, "QUIT"}, {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"}};
    for (const auto& [number, name] : kSent) {
      if (terminal && number == SIGHUP) continue;  // our terminal is gone: end as usual, which hangs up the other one
      watches_.push_back(client.loop().on_signal(number, [this, kills, number = number, name = name] {
        const int interrupts = number == SIGINT || number == SIGTERM ? ++interrupts_ : 0;
        // A lost connection ends receive().
        if (started)
          (void)client_.send(control::Signal{kills && interrupts > 2 ? "KILL" : name});
        else if (interrupts > 0)
          (void)client_.send(control::Cancel{.force = interrupts > 1});
      }));
    }
  }

  bool started = false;  // before, what starts it is cancelled

 private:
  control::Client& client_;
  int interrupts_ = 0;
  std::vector<async::Watch> watches_;
};

void resize(int terminal) {
  const auto size = terminal_size();
  winsize wanted{size.rows, size.columns, 0, 0};
  ::ioctl(terminal, TIOCSWINSZ, &wanted);
}

int duplicate(int fd) { return ::fcntl(fd, F_DUPFD_CLOEXEC, 0); }

// `run` and `attach`: output comes through pipes that end; an exec's through descriptors of its own, or its terminal.
int attach(const App& app, const ProjectName& project, const control::Message& request, Kind kind,
           const Manner& manner) {
  ::signal(SIGPIPE, SIG_IGN);  // a program that does not read its stdin must not end us
  DetachKeys keys = must(DetachKeys::parse(manner.detach_keys));
  const bool piped = kind != Kind::Exec, terminal = manner.terminal;
  const auto client = connect_to_stack(app, project);
  StackView view(app, project, client->loop());
  view.show_raw();
  Streams streams(client->loop());
  if (!terminal && (kind == Kind::Exec || (kind == Kind::Run && manner.interactive)))
    streams.give_input(manner.interactive);
  if (!terminal || piped) streams.give_output(STDOUT_FILENO, piped, manner.out);
  if (!terminal) streams.give_output(STDERR_FILENO, piped, manner.err);
  must(client->send(request, streams.given()));
  streams.sent();

  std::optional<SignalRelay> signals;
  if (manner.signals) signals.emplace(*client, terminal, kind != Kind::Attach);
  std::optional<RawTerminal> raw;
  async::Watch resized;
  sys::UniqueFd master;
  bool detached = false;
  const auto typed = [&](std::string_view text, std::string& out) {
    if (!keys.feed(text, out)) return true;
    detached = true;
    (void)client->send(control::Detach{});
    return false;
  };
  const auto start_terminal = [&](sys::UniqueFd fd) {
    master = std::move(fd);
    if (!piped) streams.copy_out(sys::UniqueFd(duplicate(master.get())), STDOUT_FILENO);
    if (!manner.interactive) return;
    raw.emplace();
    resize(master.get());
    resized = client->loop().on_signal(SIGWINCH, [&] { resize(master.get()); });
    streams.copy_in(sys::UniqueFd(duplicate(master.get())), false, typed);
  };
  std::optional<int> exit_code;
  const auto received = client->receive([&](control::Message message, std::vector<sys::UniqueFd> descriptors) {
    if (std::holds_alternative<control::ExecStarted>(message)) {
      if (signals) signals->started = true;
      if (manner.started) manner.started();
      if (!descriptors.empty() && terminal)
        start_terminal(std::move(descriptors.front()));
      else if (!descriptors.empty() && manner.interactive)  // a pipe that stays open: others may type later
        streams.copy_in(std::move(descriptors.front()), false);
    }
    if (std::holds_alternative<control::Done>(message)) {
      streams.finish(piped && !detached);
      raw.reset();
    }
    exit_code = view.show(message);
    return exit_code ? control::Client::Next::Stop : control::Client::Next::Continue;
  });
  if (!received) {
    streams.finish(false);
    raw.reset();
    throw Failure(received.error().while_doing("waiting for the supervisor of `" + project.value + "`"));
  }
  return exit_code.value_or(kFailed);
}

}  // namespace

bool wants_terminal(const App& app) {
  const OptionValues& given = app.line.options;
  return !given.flag("no-tty") && !given.flag("no-TTY") && ::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO);
}

control::TerminalSize terminal_size() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0) return {24, 80};
  return {size.ws_row, size.ws_col};
}

int attach_to_exec(const App& app, const ProjectName& project, control::Exec request, const Manner& manner) {
  if (manner.terminal) request.terminal = terminal_size();
  return attach(app, project, std::move(request), Kind::Exec, manner);
}

int attach_to_exec(const App& app, const ProjectName& project, control::Exec request) {
  Manner manner;
  manner.terminal = wants_terminal(app);
  manner.interactive = app.line.options.text("interactive") != "false";
  return attach_to_exec(app, project, std::move(request), manner);
}

int attach_to_run(const App& app, const ProjectName& project, control::Run request, const Manner& manner) {
  request.interactive = manner.interactive;
  if (manner.terminal) request.terminal = terminal_size();
  return attach(app, project, std::move(request), Kind::Run, manner);
}

int attach_to_run(const App& app, const ProjectName& project, control::Run request) {
  Manner manner;
  manner.terminal = wants_terminal(app);
  manner.interactive = app.line.options.text("interactive") != "false";
  return attach_to_run(app, project, std::move(request), manner);
}

int attach_to_container(const App& app, const ProjectName& project, control::Attach request, const Manner& manner) {
  if (manner.terminal && manner.interactive && !::isatty(STDIN_FILENO))
    throw Failure(Error::make(ErrorKind::Invalid, "stdin is no terminal, but the container has one")
                      .with_hint("--no-stdin shows its output only"));
  return attach(app, project, std::move(request), Kind::Attach, manner);
}

Manner manner_of_attach(const App& app, bool terminal) {
  const OptionValues& given = app.line.options;
  Manner manner;
  manner.terminal = terminal;
  manner.interactive = !given.flag("no-stdin");
  manner.signals = given.text("sig-proxy") != "false";
  if (given.given("detach-keys")) manner.detach_keys = given.text("detach-keys");
  return manner;
}

}  // namespace berth::cli
