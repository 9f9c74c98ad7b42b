#include "berth/runtime/launcher.hpp"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "berth/init/plan.hpp"

namespace berth::runtime {

namespace {

constexpr std::size_t kArenaSize = 64 << 10;
constexpr std::size_t kStackSize = 16 << 10;  // as in the zygote
constexpr std::size_t kArenasInChunk = 16;    // a fresh page costs 20 µs, so the pool grows as it is needed
constexpr std::size_t kMaxChunks = 16;

init::PlanHeader* header_of(std::byte* memory) { return reinterpret_cast<init::PlanHeader*>(memory); }

bool is_dead_peer(const Error& error) { return error.errno_value() == EPIPE || error.errno_value() == ECONNRESET; }

// Processes of arm64 may have 39 bits of addresses only, those of user-mode Linux have 39.
std::uint64_t plan_base() {
  static const std::uint64_t base = [] {
    void* wanted = reinterpret_cast<void*>(init::kPlanBase);
    void* at = mmap(wanted, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (at == MAP_FAILED) return errno == ENOMEM ? init::kLowPlanBase : init::kPlanBase;
    munmap(at, 4096);
    return init::kPlanBase;
  }();
  return base;
}

Error child_lost(const std::string& name, const std::string& step) {
  return Error::make(ErrorKind::Failed, name + ": the process ended during its set-up, at: " + step);
}

}  // namespace

// Where the plan can be read while the child walks it.
struct Launch::MemoryView {
  std::byte* memory = nullptr;
  std::size_t mapped = 0;  // to unmap; 0: belongs to the pool
  ~MemoryView() {
    if (mapped) munmap(memory, mapped);
  }
};

// The launchers' way to a Launch's inside.
struct LaunchAccess {
  static std::shared_ptr<Launch> make(LaunchPlan& plan) {
    std::shared_ptr<Launch> launch(new Launch);
    launch->name_ = plan.name;
    launch->program_ = plan.program;
    launch->labels_ = std::move(plan.labels);
    launch->hints_ = std::move(plan.hints);
    launch->status_ = std::move(plan.status);
    launch->gate_ = std::move(plan.gate);
    launch->forks_ = plan.forks;
    launch->awaits_terminal_ = plan.terminal;
    return launch;
  }
  static void set_memory(Launch& launch, std::byte* memory, std::size_t mapped) {
    launch.memory_ = std::make_shared<Launch::MemoryView>();
    launch.memory_->memory = memory;
    launch.memory_->mapped = mapped;
  }
  static void on_release(Launch& launch, std::function<void()> release) { launch.release_memory_ = std::move(release); }
  static void launched(Launch& launch, int pid, sys::UniqueFd pidfd) {
    if (pid <= 0) {
      launch.failure_ = Error::system(-pid, "start", launch.name_);
      launch.refused_ = true;
    } else if (!launch.forks_) {
      launch.pid_ = pid;
      launch.pidfd_ = std::move(pidfd);
      if (launch.on_pid_) launch.on_pid_(pid);
    }
  }
  // Its child, if there is one, ends at the closed gate; the outcome comes once it has left the plan's memory.
  static void abandon(Launch& launch) {
    launch.failure_ = Error::system(ECHILD, "start", launch.name_);
    launch.abandoned_ = true;
    launch.gate_.reset();
  }
  static void on_pid(Launch& launch, std::function<void(int)> tell) { launch.on_pid_ = std::move(tell); }
};

Launch::~Launch() {
  gate_.reset();
  if (release_memory_) release_memory_();
}

Result<void> Launch::open_gate() {
  if (!gate_) return {};
  const char go = 1;
  const ssize_t written = write(gate_.get(), &go, 1);
  const int why = errno;
  gate_.reset();
  if (written == 1 || why == EPIPE) return {};  // it is gone: the outcome says so
  return Error::system(why, "open the gate of", name_);
}

LaunchOutcome Launch::decide() {
  LaunchOutcome outcome;
  outcome.exit_code = failure_code_;
  const auto* header = memory_ ? header_of(memory_->memory) : nullptr;
  const std::uint32_t reached = header ? header->reached : 0;
  if (failure_) {
    outcome.error = *failure_;
  } else if (header && reached + 1 == header->count) {
    outcome.running = true;
    outcome.exit_code = 0;
  } else {
    // Whose birth nobody has told of: its zygote died, and that is seen here before it is seen there.
    outcome.error = pid_ <= 0 && !forks_
                        ? Error::system(ECHILD, "start", name_)
                        : child_lost(name_, reached < labels_.size() ? labels_[reached] : "its first step");
  }
  if (auto release = std::exchange(release_memory_, nullptr)) release();
  memory_.reset();
  status_.reset();
  gate_.reset();
  return outcome;
}

std::optional<LaunchOutcome> Launch::on_status() {
  if (refused_) return decide();
  while (status_) {
    init::Status status{};
    iovec part{&status, sizeof status};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const ssize_t size = recvmsg(status_.get(), &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return std::nullopt;
    if (size <= 0) {
      // The child has run its program or ended, and either way left the plan's memory before this end was closed. The
      // kernel says so by `alive`, but not where the zygote died before its child.
      if (memory_) header_of(memory_->memory)->alive = 0;
      return decide();
    }
    sys::UniqueFd fd;
    if (cmsghdr* rights = CMSG_FIRSTHDR(&header); rights && rights->cmsg_type == SCM_RIGHTS) {
      int number;
      std::memcpy(&number, CMSG_DATA(rights), sizeof number);
      fd.reset(number);
    }
    switch (status.kind) {
      case init::StatusKind::Failed: {
        if (abandoned_) break;
        const auto op = static_cast<std::size_t>(status.op);
        const bool exec = op + 1 == labels_.size();
        failure_ = Error::system(status.value, op < labels_.size() ? labels_[op] : "set up", "");
        for (const auto& hint : hints_)
          if (hint.op == op && hint.error == status.value) failure_ = std::move(*failure_).with_hint(hint.text);
        failure_code_ = !exec ? init::kSetupFailed : status.value == ENOENT ? init::kNotFound : init::kNotExecutable;
        break;
      }
      case init::StatusKind::Forked:
        pid_ = status.value;
        pidfd_ = std::move(fd);
        if (on_pid_) on_pid_(pid_);
        break;
      case init::StatusKind::Terminal:
        terminal_ = std::move(fd);
        awaits_terminal_ = false;
        break;
    }
  }
  return std::nullopt;
}

// --- the supervisor's launcher
// ---------------------------------------------------------------------------------------------

struct StackLauncher::State {
  sys::UniqueFd zygote;
  KeeperLink& keeper;
  struct Chunk {
    std::byte* memory = nullptr;
    sys::UniqueFd file;
    bool leased[kArenasInChunk] = {};
    bool written[kArenasInChunk] = {};  // has pages
  };
  std::vector<Chunk> chunks;
  struct Waiting {
    std::shared_ptr<Launch> launch;
    std::uint64_t base;
    bool by_keeper;
  };
  std::vector<Waiting> waiting;
  std::shared_ptr<int> life = std::make_shared<int>(0);  // leases may outlive us

  State(sys::UniqueFd socket, KeeperLink& link) : zygote(std::move(socket)), keeper(link) {}
  ~State() {
    for (auto& chunk : chunks) munmap(chunk.memory, kArenaSize * kArenasInChunk);
  }

  Result<void> announce(const Chunk& chunk) {
    auto message = make_message(init::Kind::Map);
    message.base = reinterpret_cast<std::uint64_t>(chunk.memory);
    message.size = kArenaSize * kArenasInChunk;
    return send_message(zygote.get(), message, {chunk.file.get()});
  }

  Result<void> grow() {
    Chunk chunk;
    const std::size_t size = kArenaSize * kArenasInChunk;
    chunk.file.reset(memfd_create("launch-plans", MFD_CLOEXEC));
    if (!chunk.file || ftruncate(chunk.file.get(), static_cast<off_t>(size)) != 0)
      return Error::system(errno, "make memory for", "launch plans");
    // The same address here and in the zygote.
    void* wanted = reinterpret_cast<void*>(plan_base() + (chunks.size() + 1) * size);
    void* at = mmap(wanted, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, chunk.file.get(), 0);
    if (at == MAP_FAILED) return Error::system(errno, "map memory for", "launch plans");
    chunk.memory = static_cast<std::byte*>(at);
    chunks.push_back(std::move(chunk));
    return announce(chunks.back());
  }

  // Nothing: none free.
  std::byte* lease(std::function<void()>& release) {
    for (std::size_t c = 0; c < chunks.size(); ++c)
      for (std::size_t i = 0; i < kArenasInChunk; ++i) {
        std::byte* memory = chunks[c].memory + i * kArenaSize;
        // A child that was given up may still be on its way out of this memory.
        if (chunks[c].leased[i] || header_of(memory)->alive) continue;
        chunks[c].leased[i] = chunks[c].written[i] = true;
        release = [this, c, i, alive = std::weak_ptr<int>(life)] {
          if (!alive.expired()) chunks[c].leased[i] = false;
        };
        return memory;
      }
    return nullptr;
  }

  // The message is in the keeper's queue before the gate opens, so the keeper has it before the child can end by its
  // program.
  std::function<void(int)> namer(const std::string& name) {
    return [this, name, alive = std::weak_ptr<int>(life)](int pid) {
      if (!alive.expired()) (void)keeper.name_child(pid, name);
    };
  }

  Result<std::shared_ptr<Launch>> by_zygote(LaunchPlan& plan);
  Result<std::shared_ptr<Launch>> by_keeper(LaunchPlan& plan);

  std::shared_ptr<Launch> answered(bool keeper_side, std::uint64_t base, const std::string& name, int pid,
                                   sys::UniqueFd pidfd) {
    const auto at = std::find_if(waiting.begin(), waiting.end(), [&](const Waiting& w) {
      return w.by_keeper == keeper_side && (keeper_side ? w.launch->name() == name : w.base == base);
    });
    if (at == waiting.end()) return nullptr;
    auto launch = std::move(at->launch);
    waiting.erase(at);
    LaunchAccess::launched(*launch, pid, std::move(pidfd));
    return launch;
  }
};

StackLauncher::StackLauncher(sys::UniqueFd zygote, KeeperLink& keeper)
    : state_(std::make_unique<State>(std::move(zygote), keeper)) {}
StackLauncher::~StackLauncher() = default;

Result<std::shared_ptr<Launch>> StackLauncher::State::by_zygote(LaunchPlan& plan) {
  std::function<void()> release;
  std::byte* memory = lease(release);
  if (!memory && chunks.size() < kMaxChunks) {
    if (auto grown = grow(); !grown) {
      if (is_dead_peer(grown.error())) return by_keeper(plan);  // the next zygote is told of the chunk
      return grown.error();
    }
    memory = lease(release);
  }
  if (!memory) return by_keeper(plan);
  plan.place(memory, reinterpret_cast<std::uint64_t>(memory));
  auto message = make_message(init::Kind::Launch, plan.name);
  message.base = reinterpret_cast<std::uint64_t>(memory);
  message.size = kArenaSize;
  message.flags = plan.clone_flags;
  if (auto sent = send_message(zygote.get(), message, plan.fds); !sent) {
    release();
    if (is_dead_peer(sent.error())) return by_keeper(plan);  // on_zygote_readable() asks for another
    return sent.error();
  }
  auto launch = LaunchAccess::make(plan);
  LaunchAccess::set_memory(*launch, memory, 0);
  LaunchAccess::on_release(*launch, std::move(release));
  LaunchAccess::on_pid(*launch, namer(launch->name()));
  waiting.push_back({launch, message.base, false});
  return launch;
}

Result<std::shared_ptr<Launch>> StackLauncher::State::by_keeper(LaunchPlan& plan) {
  const std::size_t size = (plan.bytes.size() + 4095) & ~std::size_t{4095};
  sys::UniqueFd file(memfd_create("launch-plan", MFD_CLOEXEC));
  if (!file || ftruncate(file.get(), static_cast<off_t>(size)) != 0)
    return Error::system(errno, "make memory for", "a launch plan");
  void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (at == MAP_FAILED) return Error::system(errno, "map memory for", "a launch plan");
  plan.place(static_cast<std::byte*>(at), plan_base());
  auto launch = LaunchAccess::make(plan);
  LaunchAccess::set_memory(*launch, static_cast<std::byte*>(at), size);
  auto message = make_message(init::Kind::Launch, plan.name);
  message.base = plan_base();
  message.size = size;
  message.flags = plan.clone_flags;
  message.value = plan.forks ? init::kLaunchUnnamed : 0;
  if (plan.forks) LaunchAccess::on_pid(*launch, namer(launch->name()));
  std::vector<int> fds{file.get()};
  fds.insert(fds.end(), plan.fds.begin(), plan.fds.end());
  BERTH_TRY(keeper.send(message, fds));
  waiting.push_back({launch, 0, true});
  return launch;
}

Result<std::shared_ptr<Launch>> StackLauncher::launch(LaunchPlan plan) {
  const bool fits = plan.bytes.size() + kStackSize <= kArenaSize;
  auto launch = plan.own_memory || !fits || !state_->zygote ? state_->by_keeper(plan) : state_->by_zygote(plan);
  if (!launch) return launch.error().while_doing("starting " + plan.name);
  return launch;
}

void StackLauncher::release_memory() {
  for (auto& chunk : state_->chunks)
    for (std::size_t i = 0; i < kArenasInChunk; ++i) {
      std::byte* memory = chunk.memory + i * kArenaSize;
      if (!chunk.written[i] || chunk.leased[i] || header_of(memory)->alive) continue;
      // In the zygote too: the pages belong to the file that both have mapped.
      if (madvise(memory, kArenaSize, MADV_REMOVE) == 0) chunk.written[i] = false;
    }
}

int StackLauncher::zygote_fd() const noexcept { return state_->zygote.get(); }

std::vector<std::shared_ptr<Launch>> StackLauncher::on_zygote_readable() {
  std::vector<std::shared_ptr<Launch>> known;
  while (state_->zygote) {
    auto received = receive_message(state_->zygote.get(), MSG_DONTWAIT);
    if (!received && received.error().errno_value() == EAGAIN) break;
    if (received && *received) {
      auto& [message, fds] = **received;
      sys::UniqueFd pidfd = fds.empty() ? sys::UniqueFd() : std::move(fds.front());
      if (auto launch = state_->answered(false, message.base, message.name, message.pid, std::move(pidfd)))
        known.push_back(launch);
      continue;
    }
    // It died, most likely with a child whose cgroup ran out of memory. Those it had cloned tell by their own status
    // sockets.
    state_->zygote.reset();
    (void)state_->keeper.ask_for_zygote();
    for (auto at = state_->waiting.begin(); at != state_->waiting.end();) {
      if (at->by_keeper) {
        ++at;
        continue;
      }
      LaunchAccess::abandon(*at->launch);
      at = state_->waiting.erase(at);
    }
  }
  return known;
}

std::vector<std::shared_ptr<Launch>> StackLauncher::on_keeper_event(const KeeperEvent& event) {
  std::vector<std::shared_ptr<Launch>> known;
  if (const auto* launched = std::get_if<ChildLaunched>(&event)) {
    auto& pidfd = const_cast<ChildLaunched*>(launched)->pidfd;
    if (auto launch = state_->answered(true, 0, launched->name, launched->pid, std::move(pidfd)))
      known.push_back(launch);
  } else if (const auto* zygote = std::get_if<ZygoteArrived>(&event)) {
    state_->zygote = std::move(zygote->socket);
    for (const auto& chunk : state_->chunks)
      if (state_->zygote) (void)state_->announce(chunk);
  }
  return known;
}

// --- children of the calling process
// ---------------------------------------------------------------------------------------

Result<std::shared_ptr<Launch>> DirectLauncher::launch(LaunchPlan plan) {
  if (plan.forks) return Error::make(ErrorKind::Unsupported, "joining a pid namespace needs the keeper");
  const std::size_t size = (plan.bytes.size() + 4095) & ~std::size_t{4095};
  void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return Error::system(errno, "map memory for", "a launch plan");
  auto* memory = static_cast<std::byte*>(at);
  plan.place(memory, reinterpret_cast<std::uint64_t>(memory));
  auto* header = header_of(memory);
  for (std::size_t i = 0; i < plan.fds.size(); ++i) header->slot[i] = plan.fds[i];
  auto launch = LaunchAccess::make(plan);
  LaunchAccess::set_memory(*launch, memory, size);

  int pidfd = -1;
  clone_args args{};
  args.flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND | plan.clone_flags;
  args.pidfd = init::word(&pidfd);
  args.exit_signal = SIGCHLD;
  const int gate = launch->gate_.get(), status = launch->status_.get();
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const long pid = init::call(SYS_clone3, init::word(&args), sizeof args);
  if (pid == 0) {
    init::close_fd(gate);  // with a copy of the writing end it would never see the gate's end
    init::close_fd(status);
    init::walk(header);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return Error::system(static_cast<int>(-pid), "start", plan.name);
  LaunchAccess::launched(*launch, static_cast<int>(pid), sys::UniqueFd(pidfd));
  return launch;
}

LaunchOutcome finish_launch(Launch& launch) {
  if (auto opened = launch.open_gate(); !opened) return {.running = false, .exit_code = 125, .error = opened.error()};
  for (;;) {
    if (auto outcome = launch.on_status()) return *outcome;
    pollfd watched{launch.status_fd(), POLLIN, 0};
    poll(&watched, 1, -1);
  }
}

Result<int> reap(int pidfd) {
  siginfo_t info{};
  while (waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info, WEXITED) != 0)
    if (errno != EINTR) return Error::system(errno, "wait for", "a child process");
  return info.si_code == CLD_EXITED ? (info.si_status & 255) << 8 : info.si_status;
}

}  // namespace berth::runtime
