// What `top`, `stats`, `cp`, `export` and `commit` do to containers that somebody has chosen already: compose's
// commands by service, docker's by name.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "berth/cli/app.hpp"
#include "berth/state/records.hpp"

namespace berth::cli {

// A line a process; with `by_service` the container's service and number before it.
int show_top(const std::vector<engine::ContainerState>& containers, bool by_service);

// Once a second, as --format and --no-stream say; `containers` is asked each time.
int show_stats(const App& app, std::function<std::vector<engine::ContainerState>()> containers);

// One end of `cp`: "web:/srv", or a path of the host.
struct CopyPlace {
  std::string container;  // empty: the host
  std::string path;
};
CopyPlace parse_copy_place(const std::string& text);
int copy_out_of(const App& app, const state::StoredContainer& container, const std::string& path,
                const std::string& to);
int copy_into(const App& app, std::vector<state::StoredContainer> containers, const std::string& from,
              const std::string& path);

int export_container(const App& app, const state::StoredContainer& container);
// `name` may be empty. Prints the id.
int commit_container(const App& app, const state::StoredContainer& container, const std::string& name);

}  // namespace berth::cli
