// What stands in the headers of a registry's answers. Pure, limited, and never trusting a quote to end.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::registry {

// One of WWW-Authenticate: `Bearer realm="https://auth/token",service="registry",scope="repository:a/b:pull"`.
struct Challenge {
  std::string scheme;                             // lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  // names in lower case
  bool operator==(const Challenge&) const = default;
};
// A header may hold several, and there may be several headers. What cannot be read ends that header's list.
std::vector<Challenge> parse_challenges(const std::vector<std::string>& headers);

// Seconds or a date; nothing where it is neither. A date that has passed is zero.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value,
                                                      std::chrono::system_clock::time_point now);

// `bytes 5-9/100` or `bytes */100`: where the part begins and how long the whole is; nothing where it is not told.
struct ContentRange {
  std::optional<std::uint64_t> first, total;
};
std::optional<ContentRange> parse_content_range(std::string_view value);

// A whole number without sign, and nothing else.
std::optional<std::uint64_t> parse_number(std::string_view text);

}  // namespace berth::registry
