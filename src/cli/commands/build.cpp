#include <unistd.h>

#include <set>

#include "build_images.hpp"
#include "commands.hpp"
#include "compose_files.hpp"
#include "push_images.hpp"

namespace berth::cli {
int run_build(const App& app) {
  const OptionValues& options = app.line.options;
  BuildWishes wishes;
  wishes.no_cache = options.flag("no-cache");
  wishes.pull = options.flag("pull");
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
  wishes.ssh = options.all("ssh");
  auto chosen = load_options(app, app.line.operands);
  chosen.purpose = compose::Purpose::Build;
  chosen.no_dependencies = !options.flag("with-dependencies");
  const auto loaded = load_with(app, chosen);
  std::set<std::string> services;
  for (const auto& [name, service] : loaded.project.services) services.insert(name);
  const std::size_t warnings = build_images(app, loaded, services, wishes);
  if (options.flag("push") && !wishes.check_only &&
      !push_and_tell(app, images_to_push(loaded, services), wishes.quiet, false))
    return kFailed;
  // Compat: a check that found something says so; a build goes on.
  return wishes.check_only && warnings > 0 ? kFailed : kOk;
}

}  // namespace berth::cli
