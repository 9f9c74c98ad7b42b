// Build checks: what is legal in a Dockerfile and still likely wrong. Each finding is a warning whose `code` is the
// rule's name as BuildKit spells it (StageNameCasing, UndefinedVar, …), so `# check=skip=` lists keep working. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "berth/dockerfile/dockerfile.hpp"
#include "berth/dockerfile/graph.hpp"
#include "berth/dockerfile/ignore.hpp"

namespace berth::dockerfile {

// What is known besides the file. What is not known is not checked.
struct CheckFacts {
  const IgnoreRules* ignored = nullptr;  // of the context; for CopyIgnoredFile
  // Names of the variables that an image or context brings; for UndefinedVar.
  std::function<std::optional<std::vector<std::string>>(const StageSource&)> variables_of;
};

// Adds warnings (errors where the file says `# check=error=true`). `graph` limits the checks to reachable stages.
void run_checks(const Dockerfile& file, const StageGraph& graph, text::Diagnostics& found,
                const CheckFacts& facts = {});

}  // namespace berth::dockerfile
