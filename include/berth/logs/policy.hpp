// What `logging:` of a service asks for, checked. Pure.
//
// Drivers: `json-file` (the default; an empty driver), `local` (same file format, Docker's limits for it) and `none`.
// Options: max-size ("10m", "-1": unlimited), max-file, mode (blocking | non-blocking: writers never wait in either),
// max-buffer-size, labels, env. Every other driver or option is refused with the reason; nothing is accepted and
// ignored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "berth/base/error.hpp"
#include "berth/engine/container.hpp"

namespace berth::logs {

enum class Driver { JsonFile, Local, None };

struct Policy {
  Driver driver = Driver::JsonFile;
  std::int64_t max_size = 50ll << 20;  // bytes of one file; -1: no rotation
  int max_files = 3;                   // the current one included
  std::string attributes;              // JSON object of the labels and variables asked for; empty: none
  bool operator==(const Policy&) const = default;
};

// `labels` and `environment` are the container's; options that name them pick from there.
Result<Policy> make_policy(const std::optional<model::Logging>& logging,
                           const std::map<std::string, std::string>& labels,
                           const std::map<std::string, std::string>& environment);
inline Result<Policy> make_policy(const engine::ContainerSpec& spec) {
  return make_policy(spec.logging, spec.labels, spec.environment);
}

}  // namespace berth::logs
