// Builds the images of services, as `build` and `up --build` do: two services with one definition are built once.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "berth/build/build.hpp"
#include "berth/cli/app.hpp"
#include "berth/compose/load.hpp"
#include "berth/model/names.hpp"

namespace berth::cli {

struct BuildWishes {
  std::map<std::string, std::optional<std::string>> arguments;  // --build-arg, over those of the file
  std::vector<std::string> ssh;                                 // --ssh, before those of the file
  bool no_cache = false;
  bool pull = false;  // base images that are here are looked up at their registry, too
  bool check_only = false;
  bool quiet = false;
};

// Proxies of docker's own configuration, where there is one: arguments of every build.
std::map<std::string, std::string> configured_proxies(const App& app);

// Builds one after the other into the store, shown as they go; Ctrl-C ends it.
class BuildSession {
 public:
  BuildSession(const App& app, const BuildWishes& wishes);
  ~BuildSession();
  // The image's digest. Throws LoadFailed where it fails; `what` is then said to have failed.
  std::string build(const build::BuildRequest& request, const std::string& name, const std::string& what);
  std::size_t warnings() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `services` without `build:` are passed over. Throws LoadFailed with the exit code of a failed build (its lines have
// been printed) or of an interrupt; images built before stay. Gives the number of warnings.
std::size_t build_images(const App& app, const compose::Loaded& loaded, const std::set<std::string>& services,
                         const BuildWishes& wishes);

}  // namespace berth::cli
