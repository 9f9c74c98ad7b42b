// `push`: the images that are built from the files, to the registries that their names say.
#include <set>

#include "commands.hpp"
#include "compose_files.hpp"
#include "push_images.hpp"

namespace berth::cli {

int run_push(const App& app) {
  const OptionValues& given = app.line.options;
  auto options = load_options(app, app.line.operands);
  options.no_dependencies = !given.flag("include-deps");
  const auto loaded = load_with(app, options);
  const bool quiet = given.flag("quiet") || app.line.globals.text("progress") == "quiet";
  std::set<std::string> services;
  for (const auto& [name, service] : loaded.project.services) {
    services.insert(name);
    if (!quiet && (!service.build || service.image.empty()))
      print_note("service `" + name + "` is skipped: " +
                 (service.build ? "its image has no name of its own" : "its image is not built here"));
  }
  return push_and_tell(app, images_to_push(loaded, services), quiet, given.flag("ignore-push-failures")) ? kOk
                                                                                                         : kFailed;
}

}  // namespace berth::cli
