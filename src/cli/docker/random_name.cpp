#include "docker/random_name.hpp"

#include <algorithm>
#include <iterator>

#include "berth/base/random.hpp"

namespace berth::cli::docker {
namespace {

constexpr const char* kHow[] = {"able",  "amber", "brisk", "broad",  "calm",   "clear",  "clever", "deep",
                                "eager", "fair",  "fresh", "gentle", "grand",  "green",  "happy",  "keen",
                                "kind",  "light", "lucky", "mild",   "neat",   "noble",  "proud",  "quick",
                                "quiet", "rapid", "ready", "sharp",  "silent", "steady", "swift",  "warm"};
constexpr const char* kWhat[] = {"anchor", "barge", "bay",   "beacon", "bell",  "boom",    "bow",   "buoy",
                                 "cable",  "canal", "canoe", "cargo",  "coast", "compass", "crane", "deck",
                                 "dock",   "ferry", "gull",  "harbor", "hull",  "island",  "jetty", "keel",
                                 "lock",   "mast",  "pier",  "quay",   "reef",  "rudder",  "sail",  "tide"};

// One of 32, by two hex digits.
template <std::size_t N>
std::string pick(const char* const (&words)[N], const std::string& hex) {
  return words[static_cast<std::size_t>(std::stoi(hex, nullptr, 16)) % N];
}

}  // namespace

std::string random_name(const std::vector<Found>& taken) {
  const std::string hex = random_hex(8);
  const std::string name = pick(kHow, hex.substr(0, 2)) + "_" + pick(kWhat, hex.substr(2, 2));
  const bool is_taken =
      std::any_of(taken.begin(), taken.end(), [&](const Found& one) { return one.state.name == name; });
  return is_taken ? name + "_" + hex.substr(4, 6) : name;
}

}  // namespace berth::cli::docker
