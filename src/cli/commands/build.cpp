#include <algorithm>
#include <functional>

#include <unistd.h>

#include "berth/text/suggest.hpp"
#include "build_images.hpp"
#include "commands.hpp"
#include "compose_files.hpp"

namespace berth::cli {
namespace {

std::set<std::string> chosen_services(const model::Project& project, const std::vector<std::string>& named,
                                      bool with_dependencies) {
  std::set<std::string> chosen;
  std::vector<std::string> known;
  for (const auto& [name, service] : project.services) known.push_back(name);
  const std::function<void(const std::string&)> choose = [&](const std::string& name) {
    const auto service = project.services.find(name);
    if (service == project.services.end()) return;
    if (!chosen.insert(name).second || !with_dependencies) return;
    for (const auto& [dependency, unused] : service->second.depends_on) choose(dependency);
  };
  for (const auto& name : named.empty() ? known : named) {
    if (!project.services.count(name)) {
      auto error = Error::make(ErrorKind::NotFound, "no such service: `" + name + "`");
      if (const auto near = text::nearest(name, known))
        error = std::move(error).with_hint("did you mean `" + *near + "`?");
      throw Failure(std::move(error));
    }
    choose(name);
  }
  return chosen;
}

}  // namespace

int run_build(const App& app) {
  const OptionValues& options = app.line.options;
  BuildWishes wishes;
  wishes.no_cache = options.flag("no-cache");
  wishes.check_only = options.flag("check");
  wishes.quiet = options.flag("quiet") || app.line.globals.text("progress") == "quiet";
  if (!wishes.check_only && ::geteuid() != 0)
    throw Failure(Error::make(ErrorKind::Permission, "`build` needs root: run `sudo " + app.program + " build ...`"));
  for (const auto& argument : options.all("build-arg")) {
    const auto equals = argument.find('=');
    if (equals == std::string::npos)
      wishes.arguments[argument] = std::nullopt;
    else
      wishes.arguments[argument.substr(0, equals)] = argument.substr(equals + 1);
  }
  const auto loaded = load_project(app, {});
  build_images(app, loaded, chosen_services(loaded.project, app.line.operands, options.flag("with-dependencies")),
               wishes);
  return kOk;
}

}  // namespace berth::cli
