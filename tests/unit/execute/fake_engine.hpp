// An engine in memory: a small working model of containers, networks and volumes. Operations complete in an order drawn
// from a seed, or fail where the test says so; what must not happen (a start before its network, a removal while it
// runs) is noted.
#pragma once

#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "berth/engine/ports.hpp"

namespace berth::engine {

class FakeEngine : public Containers, public Networks, public Volumes {
 public:
  explicit FakeEngine(unsigned seed = 1) : random_(seed) {}

  Ports ports() { return {*this, *this, *this}; }
  // Completes one operation after the other, in random order, until none is left.
  void settle() {
    while (!waiting_.empty()) {
      const auto at = random_() % waiting_.size();
      const auto operation = std::move(waiting_[at]);
      waiting_.erase(waiting_.begin() + static_cast<long>(at));
      operation();
    }
  }
  // The n-th operation from now on (0 is the next) fails.
  void fail_operation(int n) { fail_at_ = operations_ + n; }
  int operations() const { return operations_; }

  ObservedState state;
  std::vector<std::string> wrongs;

  void create(const ContainerSpec& spec, const CreateOptions& options, Done<ContainerId> done) override {
    later([this, spec, options, done](bool fails) {
      if (fails) return done(broken("create"));
      for (const auto& endpoint : spec.endpoints)
        if (!state.networks.count(endpoint.network))
          wrongs.push_back(spec.name + " created before network " + endpoint.network);
      for (const auto& mount : spec.mounts)
        if (mount.type == model::MountType::Volume && !mount.source.empty() && !state.volumes.count(mount.source))
          wrongs.push_back(spec.name + " created before volume " + mount.source);
      const std::string name = options.temporary_name.empty() ? spec.name : options.temporary_name;
      if (names_.count(name)) wrongs.push_back("name " + name + " taken twice");
      ContainerState container;
      container.id = ContainerId("id" + std::to_string(++last_id_) + std::string(60, '0'));
      container.spec = spec;
      container.name = name;
      names_.insert(name);
      state.containers.push_back(container);
      done(container.id);
    });
  }
  void start(const ContainerId& id, Done<> done) override {
    on(id, "start", done, [this](ContainerState& c) {
      for (const auto& [name, dependency] : c.spec.depends_on) check_dependency(c, name, dependency.condition);
      c.phase = Phase::Running;
      c.health = c.spec.health ? Health::Starting : Health::None;
    });
  }
  void stop(const ContainerId& id, const StopOptions&, Done<> done) override {
    on(id, "stop", done, [](ContainerState& c) {
      c.phase = Phase::Exited;
      c.user_stopped = true;
    });
  }
  void kill(const ContainerId& id, const std::string&, Done<> done) override {
    on(id, "kill", done, [](ContainerState& c) { c.phase = Phase::Exited; });
  }
  void pause(const ContainerId& id, Done<> done) override {
    on(id, "pause", done, [](ContainerState& c) { c.phase = Phase::Paused; });
  }
  void unpause(const ContainerId& id, Done<> done) override {
    on(id, "unpause", done, [](ContainerState& c) { c.phase = Phase::Running; });
  }
  void remove(const ContainerId& id, const RemoveOptions&, Done<> done) override {
    later([this, id, done](bool fails) {
      if (fails) return done(broken("remove"));
      if (auto* c = find(id)) {
        if (c->phase == Phase::Running) wrongs.push_back(c->spec.name + " removed while it runs");
        names_.erase(c->name);
        std::erase_if(state.containers, [&](const auto& other) { return other.id == id; });
      }
      done({});
    });
  }
  void rename(const ContainerId& id, const std::string& name, Done<> done) override {
    on(id, "rename", done, [this, name](ContainerState& c) {
      if (names_.count(name)) wrongs.push_back("name " + name + " taken twice");
      names_.erase(c.name);
      names_.insert(name);
      c.name = name;
    });
  }
  void await(const ContainerId& id, Condition condition, std::function<void(const std::string&)> progress,
             Done<> done) override {
    progress("waiting");
    on(id, "await", done, [condition](ContainerState& c) {
      if (condition == Condition::Completed)
        c.phase = Phase::Exited;
      else if (condition != Condition::Started && c.spec.health)
        c.health = Health::Healthy;
    });
  }
  void ensure(const NetworkSpec& spec, Done<> done) override {
    later([this, spec, done](bool fails) {
      if (fails) return done(broken("create network"));
      state.networks[spec.network.name] = {spec, "172.18.0.0/16", "172.18.0.1"};
      done({});
    });
  }
  void ensure(const VolumeSpec& spec, Done<> done) override {
    later([this, spec, done](bool fails) {
      if (fails) return done(broken("create volume"));
      state.volumes[spec.volume.name] = {spec, "/volumes/" + spec.volume.name};
      done({});
    });
  }
  // Networks and Volumes both have remove(name): one name may not be both in a test.
  void remove(const std::string& name, Done<> done) override {
    later([this, name, done](bool fails) {
      if (fails) return done(broken("remove"));
      for (const auto& container : state.containers)
        for (const auto& endpoint : container.spec.endpoints)
          if (endpoint.network == name) wrongs.push_back("network " + name + " removed under " + container.spec.name);
      state.networks.erase(name);
      state.volumes.erase(name);
      done({});
    });
  }

 private:
  static Error broken(const std::string& what) { return Error::make(ErrorKind::Failed, what + " was made to fail"); }

  void later(std::function<void(bool)> operation) {
    const bool fails = operations_++ == fail_at_;
    if (random_() % 4 == 0)
      operation(fails);  // some complete within the call
    else
      waiting_.push_back([operation = std::move(operation), fails] { operation(fails); });
  }
  ContainerState* find(const ContainerId& id) {
    for (auto& container : state.containers)
      if (container.id == id) return &container;
    return nullptr;
  }
  void on(const ContainerId& id, const std::string& what, Done<> done, std::function<void(ContainerState&)> change) {
    later([this, id, what, done = std::move(done), change = std::move(change)](bool fails) {
      auto* container = find(id);
      if (!container) wrongs.push_back(what + " of a container that is not there");
      if (fails || !container) return done(broken(what));
      change(*container);
      done({});
    });
  }
  void check_dependency(const ContainerState& starting, const std::string& name, model::DependencyCondition condition) {
    for (const auto& other : state.containers) {
      if (other.spec.service.value != name) continue;
      const bool good = condition == model::DependencyCondition::Started   ? other.phase == Phase::Running
                        : condition == model::DependencyCondition::Healthy ? other.health == Health::Healthy
                                                                           : other.phase == Phase::Exited;
      if (!good) wrongs.push_back(starting.spec.name + " started before " + other.spec.name + " was ready");
    }
  }

  std::mt19937 random_;
  std::vector<std::function<void()>> waiting_;
  std::set<std::string> names_;
  int operations_ = 0, fail_at_ = -1, last_id_ = 0;
};

}  // namespace berth::engine
