// When a service's image is pulled: `pull_policy` of the file and --pull over it. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "berth/model/project.hpp"

namespace berth::cli {

struct PullPolicy {
  enum class Kind { Missing, Always, Never, Build, Refresh };
  Kind kind = Kind::Missing;
  std::chrono::seconds every{0};  // Refresh
  bool operator==(const PullPolicy&) const = default;
};

// `flag`: of --pull; empty or `policy`: the file's word counts. Daily, weekly and every_1w2d3h4m5s are Refresh;
// `refresh` takes its time from `refresh_after` (a day without it).
PullPolicy pull_policy_of(const std::string& word, const std::string& refresh_after, const std::string& flag);

// `pulled_at`: when a registry was last asked about the image that is there, in nanoseconds since 1970; nothing: never.
bool must_pull(const PullPolicy& policy, bool is_there, std::optional<std::int64_t> pulled_at, std::int64_t now);

}  // namespace berth::cli
