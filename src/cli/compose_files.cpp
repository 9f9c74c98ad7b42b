#include "compose_files.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "berth/sys/file.hpp"

namespace berth::cli {

compose::LoadOptions load_options(const App& app, std::vector<std::string> services) {
  const OptionValues& globals = app.line.globals;
  compose::LoadOptions options;
  std::error_code failed;
  options.working_dir = std::filesystem::current_path(failed).string();
  if (failed) throw Failure(Error::system(failed.value(), "find the current directory"));
  options.files = globals.all("file");
  if (std::find(options.files.begin(), options.files.end(), "-") != options.files.end())
    options.stdin_text = must(sys::read_all(STDIN_FILENO, "stdin"));
  options.project_name = globals.maybe("project-name");
  options.project_directory = globals.maybe("project-directory").value_or(globals.text("workdir"));
  options.profiles = globals.all("profile");
  options.env_files = globals.all("env-file");
  options.services = std::move(services);
  options.all_resources = globals.flag("all-resources");
  options.compatibility = globals.flag("compatibility");
  return options;
}

compose::Loaded load_with(const App& app, const compose::LoadOptions& options) {
  compose::DiskFiles disk;
  auto outcome = compose::load(options, compose::Environment{app.environment}, disk);
  print_diagnostics(app, outcome.diagnostics);
  if (!outcome.loaded) throw LoadFailed{outcome.exit_code};
  return std::move(*outcome.loaded);
}

compose::Loaded load_project(const App& app, std::vector<std::string> services, compose::Purpose purpose) {
  auto options = load_options(app, std::move(services));
  options.purpose = purpose;
  return load_with(app, options);
}

}  // namespace berth::cli
