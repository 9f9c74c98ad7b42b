#include "berth/sys/child_program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "berth/sys/unique_fd.hpp"

namespace berth::sys {
namespace {

struct Pipe {
  UniqueFd reading, writing;

  static Result<Pipe> make() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) return Error::system(errno, "create", "pipe");
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  }
};

struct SpawnSettings {
  SpawnSettings() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// Feeds and drains until the program closes its output; false where it is to be killed.
Result<void> converse(Pipe& in, Pipe& out, Pipe& err, std::string_view input, std::size_t limit, int stop_fd,
                      ProgramOutput& result) {
  ::fcntl(in.writing.get(), F_SETFL, O_NONBLOCK);
  if (input.empty()) in.writing.reset();
  std::array<char, 16384> buffer;
  while (out.reading || err.reading) {
    pollfd ready[4] = {{in.writing ? in.writing.get() : -1, POLLOUT, 0},
                       {out.reading ? out.reading.get() : -1, POLLIN, 0},
                       {err.reading ? err.reading.get() : -1, POLLIN, 0},
                       {stop_fd, POLLIN, 0}};
    if (::poll(ready, 4, -1) < 0) {
      if (errno == EINTR) continue;
      return Error::system(errno, "wait for", "a program");
    }
    if (ready[3].revents) return Error::make(ErrorKind::Cancelled, "interrupted");
    if (ready[0].revents) {
      const ssize_t n = ::write(in.writing.get(), input.data(), input.size());
      if (n > 0) input.remove_prefix(static_cast<std::size_t>(n));
      // A program that does not want its input is no error.
      if (input.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) in.writing.reset();
    }
    for (auto [at, pipe, text] : {std::tuple{1, &out, &result.out}, std::tuple{2, &err, &result.err}}) {
      if (!ready[at].revents) continue;
      const ssize_t n = ::read(pipe->reading.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        pipe->reading.reset();
        continue;
      }
      text->append(buffer.data(), static_cast<std::size_t>(n));
      if (text->size() > limit) return Error::make(ErrorKind::Protocol, "it printed too much");
    }
  }
  return {};
}

}  // namespace

Result<std::string> find_program(const std::string& name, const std::string& search_path) {
  std::string folder;
  for (const char c : search_path + ":") {
    if (c != ':') {
      folder += c;
      continue;
    }
    // Compat: an empty or relative entry of PATH would mean the current directory; such are passed over.
    const std::string path = folder + "/" + name;
    struct stat info {};
    if (folder.starts_with('/') && ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
        ::access(path.c_str(), X_OK) == 0)
      return path;
    folder.clear();
  }
  return Error::make(ErrorKind::NotFound, "there is no program `" + name + "` in $PATH");
}

Result<ProgramOutput> run_program(const std::string& path, const std::vector<std::string>& arguments,
                                  const std::map<std::string, std::string>& environment, std::string_view input,
                                  std::size_t limit, int stop_fd) {
  auto in = Pipe::make();
  if (!in) return in.error();
  auto out = Pipe::make();
  if (!out) return out.error();
  auto err = Pipe::make();
  if (!err) return err.error();
  SpawnSettings settings;
  posix_spawn_file_actions_adddup2(&settings.actions, in->reading.get(), 0);
  posix_spawn_file_actions_adddup2(&settings.actions, out->writing.get(), 1);
  posix_spawn_file_actions_adddup2(&settings.actions, err->writing.get(), 2);
  posix_spawn_file_actions_addclosefrom_np(&settings.actions, 3);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&settings.attributes, &none);
  posix_spawnattr_setsigdefault(&settings.attributes, &all);
  posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> argv{path}, variables;
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, path.c_str(), &settings.actions, &settings.attributes, pointers(argv).data(),
                                   pointers(variables).data());
  if (failed != 0) return Error::system(failed, "start", path);
  in->reading.reset();
  out->writing.reset();
  err->writing.reset();
  ProgramOutput result;
  auto talked = converse(*in, *out, *err, input, limit, stop_fd, result);
  if (!talked) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (!talked) return talked.error().while_doing("running `" + path + "`");
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace berth::sys
