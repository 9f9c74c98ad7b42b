#include "start_stack.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "berth/async/loop.hpp"
#include "berth/control/client.hpp"
#include "berth/image/store.hpp"
#include "berth/runtime/start_pair.hpp"
#include "berth/sys/cgroup.hpp"
#include "berth/sys/file.hpp"
#include "berth/sys/inotify.hpp"
#include "berth/sys/unix_socket.hpp"
#include "build_images.hpp"

namespace berth::cli {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);

bool answers(const App& app, const ProjectName& project) {
  auto client = control::Client::connect(app.paths.control_socket(project), BERTH_VERSION, kPatience);
  if (client) return true;
  if (client.error().kind() == ErrorKind::NotFound) return false;
  throw Failure(client.error().while_doing("asking the supervisor of `" + project.value + "`"));
}

std::string last_words(const App& app, const ProjectName& project) {
  if (auto reason = runtime::keeper_reason(app.paths.run(project))) return *reason;
  auto text = sys::read_file(app.paths.run(project) + "/supervisor.log", 1u << 16);
  if (!text || text->empty()) return "it said nothing";
  while (!text->empty() && text->back() == '\n') text->pop_back();
  const auto line = text->rfind('\n');
  return line == std::string::npos ? *text : text->substr(line + 1);
}

// The socket's file appears in the run directory; each change there is a reason to try.
void await_supervisor(const App& app, const ProjectName& project, sys::Inotify& changes) {
  async::Loop loop;
  bool up = false;
  const auto look = [&] {
    must(changes.read());
    up = answers(app, project);
    if (up) loop.stop();
  };
  const auto watch = loop.on_readable(changes.fd(), look);
  const auto patience = loop.after(kPatience, [&] { loop.stop(); });
  up = answers(app, project);
  if (!up) loop.run();
  if (!up)
    throw Failure(Error::make(ErrorKind::TimedOut, "the supervisor of `" + project.value +
                                                       "` does not come up: " + last_words(app, project)));
}

}  // namespace

void ensure_supervisor(const App& app, const ProjectName& project) {
  must(state::open_roots(app.paths));
  must(state::make_project_directories(app.paths, project));
  if (answers(app, project)) return;
  auto lock = sys::try_lock_file(app.paths.keeper_lock(project), sys::LockMode::Exclusive);
  if (!lock) {
    if (lock.error().kind() != ErrorKind::Busy) throw Failure(lock.error());
    // A keeper is there without a supervisor that answers: it is starting one, or has given up on it.
    sys::Inotify changes = must(sys::Inotify::create());
    must(changes.add(app.paths.run(project)));
    must(runtime::retry_supervisor(app.paths.run(project)));
    return await_supervisor(app, project, changes);
  }
  std::error_code failed;
  const std::string program = std::filesystem::read_symlink("/proc/self/exe", failed).string();
  if (failed) throw Failure(Error::system(failed.value(), "find the program itself"));
  // We listen in the supervisor's stead, so that it can be asked at once: it answers as soon as it is there.
  auto listening = must(sys::listen_unix(app.paths.control_socket(project)));
  runtime::StartPair pair;
  pair.run_dir = app.paths.run(project);
  pair.supervisor_argv = {program, "__supervisor", app.paths.root, app.paths.run_root, project.value};
  pair.lock_fd = lock->get();
  pair.cgroup = "berth/" + project.value + "/keeper";
  pair.control_fd = listening.get();
  must(runtime::start_pair(pair));
  lock->reset();  // the keeper holds it now, and the socket
  listening.reset();
  auto client = control::Client::connect(app.paths.control_socket(project), BERTH_VERSION, kPatience);
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

void remove_run_directory(const App& app, const ProjectName& project) {
  const std::string directory = app.paths.run(project);
  if (!sys::exists(directory)) return;
  auto lock = must(sys::lock_file(app.paths.keeper_lock(project), sys::LockMode::Exclusive));
  must(sys::remove_tree(directory));
  // Innermost first. A parent that another stack still uses is busy, and stays.
  for (const std::string& name : {"berth/" + project.value + "/keeper", "berth/" + project.value, std::string("berth")})
    if (auto removed = sys::CgroupSet::find(name).remove(); !removed && removed.error().kind() != ErrorKind::Busy)
      throw Failure(removed.error());
}

}  // namespace berth::cli
