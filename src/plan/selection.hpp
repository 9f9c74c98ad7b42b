// Which services an `up` is about.
#pragma once

#include <set>
#include <string>

#include "berth/plan/plan.hpp"

namespace berth::plan {

// The services that this `up` is about, and those among them that were named on the command line.
struct Selection {
  std::set<std::string> services;
  std::set<std::string> named;
};

// The named services (all of them where none is named) with what they depend on. Error: a name that is no service.
Result<Selection> select_services(const model::Project& project, const UpOptions& options);

}  // namespace berth::plan
