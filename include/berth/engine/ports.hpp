// The ports: what the executor asks of the world. `local` implements them on this machine, FakeEngine (tests) in
// memory.
//
// All calls are made on one thread. Each takes a Done that is called exactly once on that thread, possibly before the
// call returns; a port never blocks longer than some milliseconds. Every operation is idempotent: asking for what is
// already so succeeds. Containers are named by id; ids come from create().
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "berth/base/error.hpp"
#include "berth/engine/container.hpp"
#include "berth/engine/observed.hpp"

namespace berth::engine {

template <class T = void>
using Done = std::function<void(Result<T>)>;

struct CreateOptions {
  // Name to carry until rename(): set where an older container still holds spec.name.
  std::string temporary_name;
  // Anonymous volumes are taken over from this container, path by path.
  ContainerId inherit_volumes_from;
};

struct StopOptions {
  std::optional<Duration> grace;  // nothing: the container's own; negative: for ever
  std::string signal{};           // empty: the container's own
  bool by_user = true;            // remembered, so that the restart policy leaves it stopped
};

struct RemoveOptions {
  bool force = false;              // kill first
  bool anonymous_volumes = false;  // remove them too
};

// What can be waited for.
enum class Condition {
  Started,
  Healthy,
  Completed,  // has ended with code 0
  Settled,    // `--wait`: healthy, or without a health check up for kSettleTime
};
inline constexpr Duration kSettleTime = std::chrono::seconds(1);

class Containers {
 public:
  virtual ~Containers() = default;
  // Records the container; reserves its name. Nothing runs yet.
  virtual void create(const ContainerSpec& spec, const CreateOptions& options, Done<ContainerId> done) = 0;
  // Done once its program runs (or could not: the error says why, exit codes 125/126/127 are recorded).
  virtual void start(const ContainerId& id, Done<> done) = 0;
  // Stop signal, grace period, SIGKILL; done when it has ended.
  virtual void stop(const ContainerId& id, const StopOptions& options, Done<> done) = 0;
  virtual void kill(const ContainerId& id, const std::string& signal, Done<> done) = 0;
  virtual void pause(const ContainerId& id, Done<> done) = 0;
  virtual void unpause(const ContainerId& id, Done<> done) = 0;
  virtual void remove(const ContainerId& id, const RemoveOptions& options, Done<> done) = 0;
  virtual void rename(const ContainerId& id, const std::string& name, Done<> done) = 0;
  // Done when the condition holds (at once where it already does); fails where it can no longer come to hold, with the
  // exit code, the last probes and log lines in the message. `progress` is called with a line that says what is waited
  // for, and again whenever that changes.
  virtual void await(const ContainerId& id, Condition condition, std::function<void(const std::string&)> progress,
                     Done<> done) = 0;
};

class Networks {
 public:
  virtual ~Networks() = default;
  virtual void ensure(const NetworkSpec& spec, Done<> done) = 0;
  virtual void remove(const std::string& name, Done<> done) = 0;
};

class Volumes {
 public:
  virtual ~Volumes() = default;
  virtual void ensure(const VolumeSpec& spec, Done<> done) = 0;
  virtual void remove(const std::string& name, Done<> done) = 0;
};

// Borrowed; the owner outlives every execution.
struct Ports {
  Containers& containers;
  Networks& networks;
  Volumes& volumes;
};

}  // namespace berth::engine
