// `down`: containers and networks go, with -v volumes, with --rmi images; then what berth itself keeps of the project.
#include <algorithm>
#include <chrono>
#include <filesystem>

#include "berth/image/store.hpp"
#include "berth/model/json.hpp"
#include "berth/state/records.hpp"
#include "berth/sys/file.hpp"
#include "build_images.hpp"
#include "commands.hpp"
#include "compose_files.hpp"
#include "render/live_progress.hpp"
#include "stack.hpp"
#include "stack_client.hpp"
#include "start_stack.hpp"
#include "up_options.hpp"

namespace berth::cli {
namespace {

std::optional<model::Project> last_brought_up(const App& app, const ProjectName& name) {
  const auto text = sys::read_file(app.paths.project_file(name));
  if (!text) return std::nullopt;
  auto project = model::from_json_text(*text);
  return project ? std::optional(std::move(*project)) : std::nullopt;
}

// Compat: `local` are the images that have no name of their own in the file.
std::set<std::string> images_of(const model::Project& project, const std::vector<std::string>& services,
                                const std::string& which) {
  std::set<std::string> images;
  for (const auto& [name, service] : project.services)
    if (services.empty() || std::find(services.begin(), services.end(), name) != services.end())
      if (which == "all" || service.image.empty()) images.insert(image_name(project, service));
  return images;
}

void remove_images(const App& app, const std::set<std::string>& images) {
  image::ImageStore store = must(image::ImageStore::open(app.paths.root));
  LiveProgress progress(app);
  for (const auto& name : images) {
    const auto digest = store.find(name);
    if (!digest && digest.error().kind() == ErrorKind::NotFound) continue;
    if (!digest) throw Failure(digest.error());
    engine::Event event;
    event.subject = engine::Subject::Image;
    event.name = name;
    event.step = engine::Step::Removing;
    event.time = now_ns();
    progress.event(event);
    const auto removed = store.remove(name, image_users(app, *digest));
    event.time = now_ns();
    event.step = removed ? engine::Step::Removed : engine::Step::Warning;
    if (!removed) event.text = removed.error().to_string();
    progress.event(event);
  }
  progress.leave(false);
}

}  // namespace

int run_down(const App& app) {
  const OptionValues& given = app.line.options;
  const StackFiles files = stack_files(app);
  const ProjectName& project = files.name;
  control::Down down;
  down.options.services = app.line.operands;
  down.options.volumes = given.flag("volumes");
  down.options.remove_orphans = remove_orphans(app);
  down.options.timeout = grace_of(given);
  down.project = files.project;
  if (app.line.globals.flag("dry-run")) return show_plan(plan_of_down(app, files, down.options), "text", false);

  must(state::open_roots(app.paths));
  std::set<std::string> images;
  if (given.given("rmi"))
    if (const auto known = files.project ? files.project : last_brought_up(app, project))
      images = images_of(*known, app.line.operands, given.text("rmi"));
  const auto projects = state::list_projects(app.paths);
  const bool known = std::find(projects.begin(), projects.end(), project) != projects.end();
  int code = kOk;
  // A project that is down has volumes yet.
  if (!known && plan_of_down(app, files, down.options).empty()) {
    print_warning("no resource found to remove for project `" + project.value + "`");
  } else {
    ensure_supervisor(app, project);
    down.remove_run = app.line.operands.empty();
    code = request_of_stack(app, project, down);
    if (code == kOk && down.remove_run && stored_containers(app, project).empty()) remove_project(app, project);
  }
  if (code == kOk && !images.empty()) remove_images(app, images);
  return code;
}

}  // namespace berth::cli
