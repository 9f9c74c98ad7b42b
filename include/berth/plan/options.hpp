// What a verb was asked to do, as far as deciding is concerned. Part of the control protocol: JSON-described, with
// defaults that mean "as docker compose does without the flag".
#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace berth::plan {

using Duration = std::chrono::nanoseconds;

enum class Recreate { Diverged, Force, Never };

struct UpOptions {
  std::vector<std::string> services;  // empty: all enabled ones; else these and what they depend on
  Recreate recreate = Recreate::Diverged;
  Recreate recreate_dependencies = Recreate::Diverged;  // of services that were not named
  bool no_dependencies = false;
  bool no_start = false;
  bool remove_orphans = false;
  bool ignore_orphans = false;  // no warning about them
  bool renew_anonymous_volumes = false;
  bool wait = false;                 // until running or healthy
  std::optional<Duration> timeout;   // grace of containers that are stopped
  std::map<std::string, int> scale;  // service -> replicas
  std::string around;  // `run`: what this service needs is made and started; its own containers are left as they are
  bool operator==(const UpOptions&) const = default;
};

struct DownOptions {
  std::vector<std::string> services;  // empty: everything
  bool volumes = false;
  bool remove_orphans = false;
  std::optional<Duration> timeout;
  bool operator==(const DownOptions&) const = default;
};

// stop, start, restart, kill, rm, pause, unpause, rename: over the containers that exist.
enum class Verb { Stop, Start, Restart, Kill, Remove, Pause, Unpause, Rename };

struct VerbOptions {
  Verb verb = Verb::Stop;
  std::vector<std::string> services;    // empty: all
  std::vector<std::string> containers;  // ids: these alone, one-off ones too; `services` are then theirs
  std::optional<Duration> timeout;
  std::string signal;              // kill; stop, restart, rm -s: instead of the container's own
  std::string name;                // rename
  bool stop_first = false;         // rm -s
  bool anonymous_volumes = false;  // rm -v
  bool no_dependencies = false;    // restart --no-deps
  bool wait = false;               // start --wait: until running or healthy
  bool operator==(const VerbOptions&) const = default;
};

BOOST_DESCRIBE_ENUM(Recreate, Diverged, Force, Never)
BOOST_DESCRIBE_STRUCT(UpOptions, (),
                      (services, recreate, recreate_dependencies, no_dependencies, no_start, remove_orphans,
                       ignore_orphans, renew_anonymous_volumes, wait, timeout, scale, around))
BOOST_DESCRIBE_STRUCT(DownOptions, (), (services, volumes, remove_orphans, timeout))
BOOST_DESCRIBE_ENUM(Verb, Stop, Start, Restart, Kill, Remove, Pause, Unpause, Rename)
BOOST_DESCRIBE_STRUCT(VerbOptions, (),
                      (verb, services, containers, timeout, signal, name, stop_first, anonymous_volumes,
                       no_dependencies, wait))

}  // namespace berth::plan
