// What `prune` commands share.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "berth/cli/app.hpp"

namespace berth::cli::docker {

// --filter label=..., label!=..., until=....
class PruneFilter {
 public:
  static PruneFilter of(const OptionValues& options);
  // `created_at` 0: nobody knows, and an `until` does not spare it.
  bool allows(const std::map<std::string, std::string>& labels, std::int64_t created_at = 0) const;

 private:
  std::multimap<std::string, std::string> filters_;
  std::int64_t until_ = 0;
};

struct Pruned {
  std::vector<std::string> names;
  std::int64_t bytes = 0;
};

Pruned prune_containers(const App& app, const PruneFilter& filter);
Pruned prune_images(const App& app, const PruneFilter& filter, bool all);
Pruned prune_volumes(const App& app, const PruneFilter& filter, bool named_too);
std::vector<std::string> prune_networks(const App& app, const PruneFilter& filter);

}  // namespace berth::cli::docker
