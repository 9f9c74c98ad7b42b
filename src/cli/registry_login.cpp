#include "registry_login.hpp"

#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include "berth/registry/credentials.hpp"
#include "berth/registry/login.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/signal_fd.hpp"

namespace berth::cli {
namespace {

constexpr std::size_t kLongestSecret = 64u << 10;

// What is typed is not shown; the terminal is as it was afterwards, whatever happens.
class HiddenInput {
 public:
  HiddenInput() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) == 0;
  }
  ~HiddenInput() {
    if (changed_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  HiddenInput(const HiddenInput&) = delete;
  HiddenInput& operator=(const HiddenInput&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

std::string read_line() {
  std::string line;
  char c = 0;
  while (line.size() < kLongestSecret && ::read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
    if (c != '\r') line += c;
  return line;
}

std::string asked(const char* question) {
  print(question);
  std::fflush(stdout);
  return read_line();
}

std::string asked_hidden(const char* question) {
  print(question);
  std::fflush(stdout);
  const HiddenInput hidden;
  std::string line = read_line();
  print("\n");
  return line;
}

std::string server_host(const std::string& server) {
  return must(registry::registry_host(server.empty() ? "docker.io" : server));
}

// As far as it was given; asks for the rest.
registry::Credential credential_of(const LoginWish& wish) {
  registry::Credential credential;
  credential.user = wish.user.value_or("");
  if (wish.password_from_stdin) {
    if (credential.user.empty()) throw Failure(Error::make(ErrorKind::Invalid, "--password-stdin needs --username"));
    if (wish.password)
      throw Failure(Error::make(ErrorKind::Invalid, "--password and --password-stdin exclude each other"));
    credential.password = must(sys::read_all(STDIN_FILENO, "the password", kLongestSecret));
    while (credential.password.ends_with('\n') || credential.password.ends_with('\r')) credential.password.pop_back();
  } else if (wish.password) {
    print_warning("a password on the command line can be seen by others; --password-stdin is safer");
    credential.password = *wish.password;
  }
  const bool complete = !credential.user.empty() && !credential.password.empty();
  if (!complete && (!::isatty(STDIN_FILENO) || wish.password_from_stdin))
    throw Failure(Error::make(ErrorKind::Invalid, "there is no terminal to ask for user name and password")
                      .with_hint("give both: `-u NAME --password-stdin < FILE`"));
  if (credential.user.empty()) credential.user = asked("Username: ");
  if (credential.password.empty()) credential.password = asked_hidden("Password: ");
  if (credential.user.empty() || credential.password.empty())
    throw Failure(Error::make(ErrorKind::Invalid, "user name and password must not be empty"));
  return credential;
}

}  // namespace

void login(const App& app, const LoginWish& wish) {
  const std::string host = server_host(wish.server);
  const registry::CredentialFiles files(app.environment);
  if (!wish.user && !wish.password && !wish.password_from_stdin) {
    // Compat: what is known already is tried first.
    const auto known = must(files.find(host));
    if (known && registry::try_credential(app.environment, host, *known)) {
      print("Login Succeeded\n");
      return;
    }
  }
  const auto credential = credential_of(wish);
  const auto interrupt = must(sys::watch_signals({SIGINT, SIGTERM}));
  must(registry::try_credential(app.environment, host, credential, interrupt.get()));
  const auto kept = must(files.store(host, credential));
  if (kept.helper.empty())
    print_warning("the password is stored unencrypted in `" + kept.path +
                  "`; a credential helper would keep it better");
  print("Login Succeeded\n");
}

void logout(const App& app, const std::string& server) {
  const std::string host = server_host(server);
  const bool found = must(registry::CredentialFiles(app.environment).erase(host));
  // Compat: docker's words; nothing to forget is no failure.
  print(found ? "Removing login credentials for " + host + "\n" : "Not logged in to " + host + "\n");
}

}  // namespace berth::cli
