#include "pull_policy.hpp"

#include <string_view>

namespace berth::cli {
namespace {

// "1w2d3h4m5s"; what is no number or unit ends it, the loader has refused such.
std::chrono::seconds period_of(std::string_view text) {
  std::int64_t number = 0;
  std::chrono::seconds out{0};
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      number = std::min<std::int64_t>(number * 10 + (c - '0'), 1'000'000'000);
      continue;
    }
    const std::int64_t unit = c == 'w'   ? 604'800
                              : c == 'd' ? 86'400
                              : c == 'h' ? 3'600
                              : c == 'm' ? 60
                              : c == 's' ? 1
                                         : 0;
    out += std::chrono::seconds(number * unit);
    number = 0;
  }
  return out;
}

}  // namespace

PullPolicy pull_policy_of(const std::string& word, const std::string& refresh_after, const std::string& flag) {
  using Kind = PullPolicy::Kind;
  constexpr std::chrono::seconds kDay{86'400};
  const std::string& says = flag.empty() || flag == "policy" ? word : flag;
  if (says == "always") return {Kind::Always, {}};
  if (says == "never") return {Kind::Never, {}};
  if (says == "build") return {Kind::Build, {}};
  if (says == "daily") return {Kind::Refresh, kDay};
  if (says == "weekly") return {Kind::Refresh, 7 * kDay};
  if (says.starts_with("every_")) return {Kind::Refresh, period_of(std::string_view(says).substr(6))};
  if (says == "refresh") {
    const auto period = period_of(refresh_after);
    return {Kind::Refresh, period.count() > 0 ? period : kDay};
  }
  return {Kind::Missing, {}};
}

bool must_pull(const PullPolicy& policy, bool is_there, std::optional<std::int64_t> pulled_at, std::int64_t now) {
  using Kind = PullPolicy::Kind;
  switch (policy.kind) {
    case Kind::Missing: return !is_there;
    case Kind::Always: return true;
    case Kind::Never:
    case Kind::Build: return false;
    case Kind::Refresh:
      return !is_there || !pulled_at ||
             now - *pulled_at >= std::chrono::duration_cast<std::chrono::nanoseconds>(policy.every).count();
  }
  return false;
}

}  // namespace berth::cli
