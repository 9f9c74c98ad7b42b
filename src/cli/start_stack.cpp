#include "start_stack.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "berth/async/loop.hpp"
#include "berth/base/build_id.hpp"
#include "berth/control/client.hpp"
#include "berth/image/store.hpp"
#include "berth/runtime/start_pair.hpp"
#include "berth/state/paths.hpp"
#include "berth/state/records.hpp"
#include "berth/sys/cgroup.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/inotify.hpp"
#include "berth/sys/unix_socket.hpp"
#include "build_images.hpp"
#include "stack.hpp"

namespace berth::cli {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);

std::string own_program() {
  std::error_code failed;
  std::string program = std::filesystem::read_symlink("/proc/self/exe", failed).string();
  if (failed) throw Failure(Error::system(failed.value(), "find the program itself"));
  return program;
}

// The program that the stack's keeper starts, by the command line of the supervisor that it started.
bool is_installed_program(int supervisor) {
  auto text = sys::read_file("/proc/" + std::to_string(supervisor) + "/cmdline", 1u << 16);
  return text && text->substr(0, text->find('\0')) == own_program();
}

// Nothing: nobody serves the stack, or not any more.
std::unique_ptr<control::Client> reach(const App& app, const ProjectName& project) {
  auto client = control::Client::connect(app.paths.control_socket(project), build_id(), kPatience);
  if (client) return std::move(*client);
  const ErrorKind kind = client.error().kind();
  if (kind == ErrorKind::TimedOut || kind == ErrorKind::Permission || kind == ErrorKind::Protocol)
    throw Failure(client.error().while_doing("asking the supervisor of `" + project.value + "`"));
  return nullptr;
}

bool answers(const App& app, const ProjectName& project) { return reach(app, project) != nullptr; }

// A supervisor of another build whose keeper starts this program ends; its successor is of this build.
void renew_supervisor(const ProjectName& project, std::unique_ptr<control::Client> client) {
  const auto& server = client->server();
  if (server.build == build_id() || !is_installed_program(server.pid)) return;
  auto ended = client->shut_down_server(build_id(), kPatience);
  if (ended) return;
  if (!server.accepted) throw Failure(ended.error().while_doing("replacing berth " + server.build));
  print_warning("berth " + server.build + " goes on serving `" + project.value + "`: " + ended.error().to_string());
}

sys::UniqueFd lock_stack(const App& app, const ProjectName& project, const std::string& what) {
  auto lock = state::try_lock_project(app.paths, project, what);
  if (lock) return std::move(*lock);
  if (lock.error().kind() != ErrorKind::Busy) throw Failure(lock.error());
  const auto holder = state::lock_holder(app.paths, project);
  print_note("waiting for another berth" +
             (holder ? " `" + holder->what + "` (pid " + std::to_string(holder->pid) + ")" : std::string()));
  return must(state::lock_project(app.paths, project, what));
}

// The keeper's lock, with nobody else starting a pair. Nothing: a pair is there that does not end.
std::optional<sys::UniqueFd> take_keeper_lock(const App& app, const ProjectName& project) {
  const std::string path = app.paths.keeper_lock(project);
  auto lock = sys::try_lock_file(path, sys::LockMode::Exclusive);
  if (lock) return std::move(*lock);
  if (lock.error().kind() != ErrorKind::Busy) throw Failure(lock.error());
  if (!runtime::is_ending(app.paths.run(project))) return std::nullopt;
  return must(sys::lock_file(path, sys::LockMode::Exclusive));
}

std::string last_words(const App& app, const ProjectName& project) {
  if (auto reason = runtime::keeper_reason(app.paths.run(project))) return *reason;
  auto text = sys::read_file(app.paths.run(project) + "/supervisor.log", 1u << 16);
  if (!text || text->empty()) return "it said nothing";
  while (!text->empty() && text->back() == '\n') text->pop_back();
  const auto line = text->rfind('\n');
  return line == std::string::npos ? *text : text->substr(line + 1);
}

// The socket's file appears in the run directory, or the mark of a pair that ends; each change there is a reason to
// try. False: the pair that was waited for ends.
bool await_supervisor(const App& app, const ProjectName& project) {
  sys::Inotify changes = must(sys::Inotify::create());
  must(changes.add(app.paths.run(project)));
  async::Loop loop;
  bool up = false, ending = false;
  const auto look = [&] {
    must(changes.read());
    ending = runtime::is_ending(app.paths.run(project));
    up = !ending && answers(app, project);
    if (up || ending) loop.stop();
  };
  const auto watch = loop.on_readable(changes.fd(), look);
  const auto patience = loop.after(kPatience, [&] { loop.stop(); });
  look();
  if (!up && !ending) loop.run();
  if (!up && !ending)
    throw Failure(Error::make(ErrorKind::TimedOut, "the supervisor of `" + project.value +
                                                       "` does not come up: " + last_words(app, project)));
  return up;
}

void start_pair(const App& app, const ProjectName& project, int keeper_lock) {
  // We listen in the supervisor's stead, so that it can be asked at once: it answers as soon as it is there.
  const auto listening = must(sys::listen_unix(app.paths.control_socket(project)));
  runtime::StartPair pair;
  pair.control_fd = listening.get();
  pair.run_dir = app.paths.run(project);
  pair.supervisor_argv = {own_program(), "__supervisor", app.paths.root, app.paths.run_root, project.value};
  pair.lock_fd = keeper_lock;
  pair.cgroup = state::keeper_cgroup(project);
  must(runtime::start_pair(pair));
}

}  // namespace

void ensure_supervisor(const App& app, const ProjectName& project) {
  must(state::open_roots(app.paths));
  must(runtime::retry_supervisor(app.paths.run(project)));  // where the keeper has given up on it
  if (auto client = reach(app, project)) return renew_supervisor(project, std::move(client));
  const auto lock = lock_stack(app, project, std::string(app.line.command->name));
  if (answers(app, project)) return;  // somebody else was first
  auto keeper_lock = take_keeper_lock(app, project);
  // A keeper without a supervisor that answers is starting one, or about to end.
  if (!keeper_lock && await_supervisor(app, project)) return;
  if (!keeper_lock) keeper_lock = must(sys::lock_file(app.paths.keeper_lock(project), sys::LockMode::Exclusive));
  start_pair(app, project, keeper_lock->get());
  keeper_lock->reset();  // the keeper holds it now
  auto client = control::Client::connect(app.paths.control_socket(project), build_id(), kPatience);
  if (!client)
    throw Failure(
        client.error().while_doing("starting the supervisor of `" + project.value + "`: " + last_words(app, project)));
}

std::map<std::string, engine::ImageFacts> image_facts(const App& app, const model::Project& project) {
  const image::ImageStore store = must(image::ImageStore::open(app.paths.root));
  std::map<std::string, engine::ImageFacts> facts;
  for (const auto& [name, service] : project.services) {
    const std::string reference = model::image_name(project, service);
    const auto digest = store.find(reference);
    if (digest)
      facts[reference] = must(store.facts(*digest));
    else if (digest.error().kind() != ErrorKind::NotFound)
      throw Failure(digest.error());
  }
  return facts;
}

void remove_project(const App& app, const ProjectName& project) {
  const auto lock = lock_stack(app, project, "down");
  const auto keeper_lock = take_keeper_lock(app, project);
  if (!keeper_lock) return;                              // another command has brought the stack up again
  if (!stored_containers(app, project).empty()) return;  // and it has ended already
  must(state::remove_project(app.paths, project));
  // The keeper has let go of its lock; this is when it has left its group.
  (void)sys::CgroupSet::find(state::keeper_cgroup(project)).await_end(std::chrono::seconds(1));
  // Innermost first. A parent that another stack still uses is busy, and stays.
  for (const std::string& name : {state::keeper_cgroup(project), state::stack_cgroup(project), std::string("berth")})
    if (auto removed = sys::CgroupSet::find(name).remove_if_empty();
        !removed && removed.error().kind() != ErrorKind::Busy)
      throw Failure(removed.error());
}

}  // namespace berth::cli
