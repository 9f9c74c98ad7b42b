// Containers of all projects, by what docker calls them: name, id, beginning of an id.
#pragma once

#include <string>
#include <vector>

#include "berth/cli/app.hpp"
#include "berth/state/records.hpp"

namespace berth::cli::docker {

inline const ProjectName kReserved{"_"};  // of containers without a project

struct Found {
  state::StoredContainer stored;
  engine::ContainerState state;
  const ProjectName& project() const { return stored.record.spec.project; }
};

std::vector<Found> all_containers(const App& app);  // newest first
// NotFound, or Invalid where several ids begin so. `text` may begin with `/`.
Result<Found> find_container(const std::vector<Found>& all, const std::string& text);
Found require_container(const App& app, const std::string& text);  // throws Failure

// Of the list, by project: what one supervisor is asked for at once.
struct Chosen {
  std::vector<std::pair<std::string, Found>> found;  // with the word that named it
  bool missing = false;                              // one was not found, and that has been said
};
Chosen choose_containers(const App& app, const std::vector<std::string>& names);

bool is_up(engine::Phase phase);  // runs, is paused, or waits for its restart

// Names of the containers that use a network, volume or image.
std::vector<std::string> users_of_network(const std::vector<Found>& all, const std::string& network);
std::vector<std::string> users_of_volume(const std::vector<Found>& all, const std::string& volume);

}  // namespace berth::cli::docker
