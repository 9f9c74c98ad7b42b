#include "berth/runtime/start_pair.hpp"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>

#include "berth/keeper/programs.hpp"
#include "berth/runtime/keeper_link.hpp"
#include "berth/sys/cgroup.hpp"
#include "berth/sys/file.hpp"

namespace berth::runtime {

namespace {

// Descriptors of the keeper while it is being started: everything else is closed.
constexpr int kProgramFd = 3, kLockFd = 4, kAdoptFd = 5, kReportFd = 6;

struct Descriptors {
  int program, lock, adopt, report, null;
};

[[noreturn]] void give_up(int report) {
  const int why = errno;
  (void)!write(report, &why, sizeof why);
  _exit(1);
}

// Between fork and exec: only system calls.
[[noreturn]] void become_keeper(const Descriptors& from, char* const* argv) {
  // First all out of the way of the fixed numbers.
  const int program = fcntl(from.program, F_DUPFD_CLOEXEC, 16), lock = fcntl(from.lock, F_DUPFD_CLOEXEC, 16);
  const int adopt = from.adopt >= 0 ? fcntl(from.adopt, F_DUPFD_CLOEXEC, 16) : -1;
  const int report = fcntl(from.report, F_DUPFD_CLOEXEC, 16);
  if (program < 0 || lock < 0 || report < 0) give_up(from.report);
  for (int n = 0; n < 3; ++n) dup2(from.null, n);
  dup3(program, kProgramFd, O_CLOEXEC);
  dup2(lock, kLockFd);
  if (adopt >= 0)
    dup3(adopt, kAdoptFd, 0);
  else
    close(kAdoptFd);
  dup3(report, kReportFd, O_CLOEXEC);
  syscall(SYS_close_range, kReportFd + 1, ~0u, 0);
  char* const environment[] = {const_cast<char*>("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
                               nullptr};
  syscall(SYS_execveat, kProgramFd, "", argv, environment, AT_EMPTY_PATH);
  give_up(kReportFd);
}

}  // namespace

// The keeper's end of a conversation that parks the control socket and ends: its message waits in the socket.
static Result<sys::UniqueFd> hand_over_control(int control_fd) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return Error::system(errno, "make", "a pair of sockets");
  sys::UniqueFd ours(ends[0]), keepers(ends[1]);
  BERTH_TRY(send_message(ours.get(), make_message(init::Kind::Park, kControlName), {control_fd}));
  return keepers;
}

Result<void> start_pair(const StartPair& request) {
  if (request.supervisor_argv.empty() || request.lock_fd < 0)
    return Error::make(ErrorKind::Invalid, "a keeper needs a supervisor and its lock");
  sys::UniqueFd control;
  int adopt_fd = request.adopt_fd;
  if (request.control_fd >= 0) {
    if (adopt_fd >= 0) return Error::make(ErrorKind::Invalid, "a keeper adopts from one socket");
    auto handed = hand_over_control(request.control_fd);
    if (!handed) return handed.error();
    control = std::move(*handed);
    adopt_fd = control.get();
  }
  BERTH_TRY(sys::make_directories(request.run_dir + "/exits"));
  const std::string ending = request.run_dir + "/ending";
  if (unlink(ending.c_str()) != 0 && errno != ENOENT) return Error::system(errno, "remove", ending);
  auto program = keeper_memfd();
  if (!program) return program.error();
  auto null = sys::open("/dev/null", O_RDWR);
  if (!null) return null.error();
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return Error::system(errno, "make", "a pipe");
  sys::UniqueFd report_read(report[0]), report_write(report[1]);

  std::vector<std::string> words{"berth-keeper", request.run_dir, std::to_string(kLockFd),
                                 adopt_fd >= 0 ? std::to_string(kAdoptFd) : "-1"};
  words.insert(words.end(), request.supervisor_argv.begin(), request.supervisor_argv.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  const Descriptors descriptors{program->get(), request.lock_fd, adopt_fd, report_write.get(), null->get()};
  const pid_t first = fork();
  if (first < 0) return Error::system(errno, "start", "the keeper");
  if (first == 0) {
    if (setsid() < 0) give_up(descriptors.report);
    sys::leave_callers_cgroups(getpid(), request.cgroup);
    const pid_t second = fork();  // no session leader, and not the caller's child
    if (second < 0) give_up(descriptors.report);
    if (second > 0) _exit(0);
    become_keeper(descriptors, argv.data());
  }
  report_write.reset();
  int status = 0;
  while (waitpid(first, &status, 0) < 0 && errno == EINTR) {}
  int why = 0;
  const ssize_t size = read(report_read.get(), &why, sizeof why);  // ends with exec
  if (size == static_cast<ssize_t>(sizeof why)) return Error::system(why, "start", "the keeper");
  return {};
}

// The keeper does the same when it gets Quit.
Result<void> mark_ending(const std::string& run_dir) {
  return sys::write_file_atomic(run_dir + "/ending", "", sys::Durability::Volatile);
}

bool is_ending(const std::string& run_dir) { return sys::exists(run_dir + "/ending"); }

std::optional<std::string> keeper_reason(const std::string& run_dir) {
  auto text = sys::read_file(run_dir + "/keeper.reason", 4096);
  if (!text) return std::nullopt;
  text->erase(text->find_last_not_of('\n') + 1);
  return *text;
}

Result<void> retry_supervisor(const std::string& run_dir) {
  const std::string path = run_dir + "/keeper.reason";
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return Error::system(errno, "remove", path);
}

std::optional<int> read_exit_record(const std::string& run_dir, const std::string& name) {
  auto text = sys::read_file(run_dir + "/exits/" + name, 64);
  int status = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), status).ec != std::errc())
    return std::nullopt;
  return status;
}

void remove_exit_record(const std::string& run_dir, const std::string& name) {
  (void)unlink((run_dir + "/exits/" + name).c_str());
}

}  // namespace berth::runtime
