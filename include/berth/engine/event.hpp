// What happened, for people and programs that watch. Only events travel back up; who renders them is decided in `cli`.
#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <cstdint>
#include <functional>
#include <string>

namespace berth::engine {

enum class Subject { Project, Image, Network, Volume, Container };

enum class Step {
  Creating,
  Created,
  Starting,
  Started,
  Running,
  Waiting,
  Healthy,
  Completed,
  Exited,
  Stopping,
  Stopped,
  Killing,
  Killed,
  Pausing,
  Paused,
  Unpausing,
  Unpaused,
  Restarting,
  Restarted,
  Recreating,
  Recreated,
  Removing,
  Removed,
  Renaming,
  Renamed,
  Skipped,
  Warning,
  Error,
  Unhealthy,
};

struct Event {
  std::int64_t time = 0;  // nanoseconds since 1970, wall clock
  Subject subject = Subject::Container;
  std::string name;     // real name: container, network, volume, image reference
  std::string service;  // for containers
  Step step = Step::Creating;
  std::string reason;  // why: "image changed", "db is healthy", "stop was asked for"
  std::string text;    // warnings and errors: the whole message; exits: "exited with code 3"
  bool operator==(const Event&) const = default;
};

using EventSink = std::function<void(const Event&)>;

BOOST_DESCRIBE_ENUM(Subject, Project, Image, Network, Volume, Container)
BOOST_DESCRIBE_ENUM(Step, Creating, Created, Starting, Started, Running, Waiting, Healthy, Completed, Exited, Stopping,
                    Stopped, Killing, Killed, Pausing, Paused, Unpausing, Unpaused, Restarting, Restarted, Recreating,
                    Recreated, Removing, Removed, Renaming, Renamed, Skipped, Warning, Error, Unhealthy)
BOOST_DESCRIBE_STRUCT(Event, (), (time, subject, name, service, step, reason, text))

}  // namespace berth::engine
