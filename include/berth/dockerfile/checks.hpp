// Build checks: what is legal in a Dockerfile and still likely wrong. Each finding is a warning whose `code` is the
// rule's name as BuildKit spells it (StageNameCasing, UndefinedVar, …), so `# check=skip=` lists keep working. Pure.
#pragma once

#include "berth/dockerfile/dockerfile.hpp"
#include "berth/dockerfile/graph.hpp"

namespace berth::dockerfile {

// Adds warnings (errors where the file says `# check=error=true`). `graph` limits the checks to reachable stages.
void run_checks(const Dockerfile& file, const StageGraph& graph, text::Diagnostics& found);

}  // namespace berth::dockerfile
