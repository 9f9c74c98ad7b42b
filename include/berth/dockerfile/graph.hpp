// Which stages a build needs, and in which order: the file's stages as a graph. Pure; execution is `build`'s.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "berth/dockerfile/dockerfile.hpp"

namespace berth::dockerfile {

struct GraphRequest {
  std::string target;                                // stage name; empty: the last stage
  std::map<std::string, std::string> build_args;     // --build-arg with values resolved
  std::map<std::string, std::string> platform_args;  // BUILDPLATFORM, TARGETARCH, …
  std::set<std::string> contexts;                    // additional contexts, named as context_name() does
  bool all_stages = false;                           // `--check` without a target looks at every stage
};

struct StageSource {
  enum class Kind { Scratch, Stage, Image, Context };
  Kind kind = Kind::Image;
  std::size_t stage = 0;
  std::string image;  // as written, variables expanded; of a context its name
  bool operator==(const StageSource&) const = default;
};

struct StageNode {
  StageSource base;
  bool replaced = false;            // an additional context has the stage's name: its instructions do not count
  std::string platform;             // of FROM --platform, expanded; empty
  std::vector<std::size_t> needs;   // stages that must be built before: base, COPY --from, RUN --mount=from
  std::vector<std::string> images;  // images named by COPY --from and RUN --mount=from
};

struct StageGraph {
  std::vector<StageNode> nodes;  // one for each stage of the file, reachable or not
  std::size_t target = 0;
  std::vector<std::size_t> order;                  // reachable stages, dependencies first
  std::map<std::string, std::string> global_args;  // what `ARG name` in a stage imports
  std::set<std::string> contexts;
};

// Nothing where the target does not exist, or references are wrong; the diagnostics say which.
std::optional<StageGraph> make_graph(const Dockerfile& file, const GraphRequest& request, text::Diagnostics& found);

// What `--from=NAME` inside stage `inside` means. Diagnostics for a later stage, itself, or a number out of range.
std::optional<StageSource> resolve_from(const Dockerfile& file, const std::set<std::string>& contexts,
                                        std::size_t inside, const Word& name, text::Diagnostics& found);

// One spelling for the names of additional contexts, so that `alpine`, `alpine:latest` and `docker.io/library/alpine`
// are the same.
std::string context_name(std::string name);

// Every name that may be given as target.
std::vector<std::string> target_names(const Dockerfile& file);

// Arguments that RUN sees without ARG, and that neither history nor cache keys contain unless declared: HTTP_PROXY &
// co.
bool is_proxy_argument(std::string_view name);
// Arguments of the builder itself (BUILDKIT_SYNTAX, SOURCE_DATE_EPOCH, …): known without ARG.
bool is_builder_argument(std::string_view name);

}  // namespace berth::dockerfile
