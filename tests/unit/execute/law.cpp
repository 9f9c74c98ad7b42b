// The law of the middle: plan(project, observe(execute(plan))) is empty, over random projects. BERTH_SEED chooses them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "berth/execute/execution.hpp"
#include "fake_engine.hpp"

namespace berth::execute {
namespace {

using engine::FakeEngine;
using model::DependencyCondition;

unsigned base_seed() {
  const char* text = std::getenv("BERTH_SEED");
  return text ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : 1;
}

// A few services with random dependencies (to earlier ones, so no cycle), networks, volumes and replicas.
model::Project random_project(std::mt19937& random) {
  model::Project project;
  project.name = ProjectName("shop");
  for (const char* key : {"default", "back"}) {
    model::Network network;
    network.name = std::string("shop_") + key;
    project.networks[key] = network;
  }
  model::Volume volume;
  volume.name = "shop_data";
  project.volumes["data"] = volume;
  const unsigned count = 1 + random() % 6;
  for (unsigned i = 0; i < count; ++i) {
    model::Service service;
    service.name = ServiceName("s" + std::to_string(i));
    service.image = "busybox";
    service.environment["N"] = std::to_string(random() % 3);
    service.networks["default"] = {};
    if (random() % 3 == 0) service.networks["back"] = {};
    if (random() % 3 == 0)
      service.volumes.push_back({.type = model::MountType::Volume, .source = "data", .target = "/data"});
    if (random() % 4 == 0) service.scale = static_cast<int>(1 + random() % 3);
    if (random() % 2) {
      model::Healthcheck check;
      check.test = {"CMD", "true"};
      service.healthcheck = check;
    }
    for (unsigned j = 0; j < i; ++j)
      if (random() % 3 == 0) {
        const bool has_check = project.services["s" + std::to_string(j)].healthcheck.has_value();
        service.depends_on["s" + std::to_string(j)] = {
            .condition = has_check && random() % 2 ? DependencyCondition::Healthy : DependencyCondition::Started,
            .restart = random() % 4 == 0};
      }
    project.services[service.name.value] = service;
  }
  return project;
}

engine::ImageFacts busybox() {
  engine::ImageFacts facts;
  facts.digest = ImageDigest("sha256:1");
  facts.command = {{"sh"}};
  return facts;
}

Outcome run(FakeEngine& engine, const plan::Plan& plan, std::vector<engine::Event>* events = nullptr) {
  Execution execution(
      plan, engine.ports(), [] { return 0; },
      [&](const engine::Event& event) {
        if (events) events->push_back(event);
      });
  std::optional<Outcome> outcome;
  execution.start([&](const Outcome& result) { outcome = result; });
  engine.settle();
  EXPECT_TRUE(outcome) << "the execution never ended";
  return outcome.value_or(Outcome{});
}

plan::Plan up(const model::Project& project, const FakeEngine& engine, const plan::UpOptions& options = {}) {
  auto plan = plan::plan_up(project, engine.state, options);
  EXPECT_TRUE(plan) << (plan ? "" : plan.error().to_string());
  return plan ? *plan : plan::Plan{};
}

class Law : public testing::TestWithParam<unsigned> {};

TEST_P(Law, NothingIsLeftToDoAfterUp) {
  std::mt19937 random(base_seed() * 1000 + GetParam());
  FakeEngine engine(random());
  engine.state.images["busybox"] = busybox();
  const auto project = random_project(random);
  const auto first = up(project, engine);
  EXPECT_TRUE(run(engine, first).ok) << first.to_text();
  EXPECT_EQ(engine.wrongs, std::vector<std::string>{}) << first.to_text();
  EXPECT_EQ(up(project, engine).to_text(), "nothing to do\n");
}

TEST_P(Law, AChangeMakesAnewWhatChangedAndNothingElse) {
  std::mt19937 random(base_seed() * 1000 + GetParam());
  FakeEngine engine(random());
  engine.state.images["busybox"] = busybox();
  auto project = random_project(random);
  run(engine, up(project, engine));
  std::map<std::string, std::string> before;
  for (const auto& container : engine.state.containers) before[container.spec.name] = container.id.value;

  auto changed = project.services.begin();
  std::advance(changed, random() % project.services.size());
  changed->second.environment["CHANGED"] = "1";
  const auto plan = up(project, engine);
  EXPECT_TRUE(run(engine, plan).ok) << plan.to_text();
  EXPECT_EQ(engine.wrongs, std::vector<std::string>{}) << plan.to_text();
  for (const auto& container : engine.state.containers)
    EXPECT_EQ(before[container.spec.name] != container.id.value, container.spec.service.value == changed->first)
        << container.spec.name << "\n"
        << plan.to_text();
  EXPECT_EQ(up(project, engine).to_text(), "nothing to do\n");
}

TEST_P(Law, DownLeavesNothing) {
  std::mt19937 random(base_seed() * 1000 + GetParam());
  FakeEngine engine(random());
  engine.state.images["busybox"] = busybox();
  const auto project = random_project(random);
  run(engine, up(project, engine));
  plan::DownOptions options;
  options.volumes = true;
  const auto plan = plan::plan_down(project, engine.state, options);
  EXPECT_TRUE(run(engine, plan).ok) << plan.to_text();
  EXPECT_EQ(engine.wrongs, std::vector<std::string>{}) << plan.to_text();
  EXPECT_TRUE(engine.state.containers.empty());
  EXPECT_TRUE(engine.state.networks.empty());
  EXPECT_TRUE(engine.state.volumes.empty());
  EXPECT_TRUE(plan::plan_down(project, engine.state, options).empty());
}

TEST_P(Law, AFailureAnywhereIsMendedByTheNextUp) {
  for (int failing = 0; failing < 12; ++failing) {
    std::mt19937 random(base_seed() * 1000 + GetParam());
    FakeEngine engine(random());
    engine.state.images["busybox"] = busybox();
    const auto project = random_project(random);
    engine.fail_operation(failing);
    const auto plan = up(project, engine);
    std::vector<engine::Event> events;
    const auto outcome = run(engine, plan, &events);
    EXPECT_EQ(outcome.ok, failing >= engine.operations()) << plan.to_text();
    EXPECT_EQ(engine.wrongs, std::vector<std::string>{}) << plan.to_text();
    EXPECT_TRUE(run(engine, up(project, engine)).ok);
    EXPECT_EQ(up(project, engine).to_text(), "nothing to do\n");
  }
}

TEST_P(Law, AnInterruptedChangeIsFinishedByTheNextUp) {
  for (int failing = 0; failing < 12; ++failing) {
    std::mt19937 random(base_seed() * 1000 + GetParam());
    FakeEngine engine(random());
    engine.state.images["busybox"] = busybox();
    auto project = random_project(random);
    run(engine, up(project, engine));
    auto changed = project.services.begin();
    std::advance(changed, random() % project.services.size());
    changed->second.environment["CHANGED"] = "1";
    engine.fail_operation(failing);
    const auto interrupted = up(project, engine);
    run(engine, interrupted);
    const auto next = up(project, engine);
    EXPECT_TRUE(run(engine, next).ok) << interrupted.to_text() << next.to_text();
    EXPECT_EQ(engine.wrongs, std::vector<std::string>{}) << interrupted.to_text() << next.to_text();
    EXPECT_EQ(up(project, engine).to_text(), "nothing to do\n");
    std::set<std::string> names;
    for (const auto& container : engine.state.containers) {
      EXPECT_EQ(container.name, container.spec.name);
      EXPECT_TRUE(names.insert(container.name).second);
      EXPECT_EQ(container.phase, engine::Phase::Running);
    }
  }
}

// Every operation of a change fails in turn: each service that was up has, at the end, a container that runs, but for
// the one whose replacement was already on its way (its old one stopped) when the failure came.
TEST_P(Law, AFailedChangeStopsAtMostWhatWasBeingReplaced) {
  for (int failing = 0; failing < 12; ++failing) {
    std::mt19937 random(base_seed() * 1000 + GetParam());
    FakeEngine engine(random());
    engine.state.images["busybox"] = busybox();
    auto project = random_project(random);
    for (auto& [name, service] : project.services)
      for (auto& [dependency, how] : service.depends_on) how.restart = false;
    run(engine, up(project, engine));
    for (auto& [name, service] : project.services) {
      service.scale = 1;
      service.environment["CHANGED"] = "1";
    }
    run(engine, up(project, engine));
    for (auto& [name, service] : project.services) service.environment["CHANGED"] = "2";
    engine.fail_operation(failing);
    const auto plan = up(project, engine);
    const auto outcome = run(engine, plan);
    std::set<std::string> running;
    for (const auto& container : engine.state.containers)
      if (container.phase == engine::Phase::Running) running.insert(container.spec.service.value);
    EXPECT_GE(running.size() + outcome.errors.size(), project.services.size()) << plan.to_text();
  }
}

INSTANTIATE_TEST_SUITE_P(Random, Law, testing::Range(0u, 60u));

TEST(Execution, SkipsWhatDependsOnAFailureAndSaysWhy) {
  model::Project project;
  project.name = ProjectName("shop");
  for (const char* name : {"db", "web", "other"}) {
    model::Service service;
    service.name = ServiceName(name);
    service.image = "busybox";
    project.services[name] = service;
  }
  project.services["web"].depends_on["db"] = {};
  FakeEngine engine;
  engine.state.images["busybox"] = busybox();
  const auto plan = up(project, engine);
  // Creations of all three come first, in the plan's order; the first of them is db's.
  engine.fail_operation(0);
  std::vector<engine::Event> events;
  const auto outcome = run(engine, plan, &events);
  EXPECT_FALSE(outcome.ok);
  ASSERT_EQ(outcome.errors.size(), 1u);
  std::set<std::string> running, skipped;
  for (const auto& container : engine.state.containers)
    if (container.phase == engine::Phase::Running) running.insert(container.spec.service.value);
  for (const auto& event : events)
    if (event.step == engine::Step::Skipped) skipped.insert(event.name + " because " + event.reason);
  EXPECT_EQ(running, std::set<std::string>{"other"});
  EXPECT_TRUE(skipped.count("shop-web-1 because `shop-db-1` failed"));
}

// db and what waits for it, on an engine where waiting ends only when the test says so.
struct SlowHealth : FakeEngine {
  void await(const ContainerId&, engine::Condition, std::function<void(const std::string&)> progress,
             engine::Done<> done) override {
    progress("probe 1");
    tell = progress;
    answer = done;
  }
  std::function<void(const std::string&)> tell;
  engine::Done<> answer;
};

model::Project waiting_project(bool required) {
  model::Project project;
  project.name = ProjectName("shop");
  for (const char* name : {"db", "web"}) {
    model::Service service;
    service.name = ServiceName(name);
    service.image = "busybox";
    model::Healthcheck check;
    check.test = {"CMD", "true"};
    service.healthcheck = check;
    project.services[name] = service;
  }
  project.services["web"].depends_on["db"] = {.condition = DependencyCondition::Healthy, .required = required};
  return project;
}

bool runs(const FakeEngine& engine, const std::string& service) {
  for (const auto& container : engine.state.containers)
    if (container.spec.service.value == service) return container.phase == engine::Phase::Running;
  return false;
}

TEST(Execution, TellsWhatIsWaitedForEachTimeItChanges) {
  SlowHealth engine;
  engine.state.images["busybox"] = busybox();
  const auto plan = up(waiting_project(true), engine);
  std::vector<std::string> texts;
  Execution execution(
      plan, engine.ports(), [] { return 0; },
      [&](const engine::Event& event) {
        if (event.step == engine::Step::Waiting && !event.text.empty()) texts.push_back(event.text);
      });
  std::optional<Outcome> outcome;
  execution.start([&](const Outcome& result) { outcome = result; });
  engine.settle();
  engine.tell("probe 2");
  engine.tell("probe 2");
  EXPECT_EQ(texts, (std::vector<std::string>{"probe 1", "probe 2"}));
  EXPECT_EQ(execution.waiting(), (std::vector<std::string>{"probe 2"}));
  EXPECT_FALSE(runs(engine, "web"));
  engine.answer({});
  engine.settle();
  EXPECT_TRUE(runs(engine, "web"));
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->ok);
  EXPECT_TRUE(execution.waiting().empty());
}

TEST(Execution, CancelEndsAWaitAtOnce) {
  SlowHealth engine;
  engine.state.images["busybox"] = busybox();
  const auto plan = up(waiting_project(true), engine);
  Execution execution(
      plan, engine.ports(), [] { return 0; }, [](const engine::Event&) {});
  std::optional<Outcome> outcome;
  execution.start([&](const Outcome& result) { outcome = result; });
  engine.settle();
  execution.cancel();
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->cancelled);
  EXPECT_FALSE(runs(engine, "web"));
  engine.answer({});  // comes too late to matter
  EXPECT_FALSE(runs(engine, "web"));
}

TEST(Execution, GoesOnWithoutWhatIsNotRequired) {
  for (const bool wait_fails : {true, false}) {
    SlowHealth engine;
    engine.state.images["busybox"] = busybox();
    const auto plan = up(waiting_project(false), engine);
    if (!wait_fails) engine.fail_operation(2);  // two creations, then the start of db
    std::vector<std::string> warnings;
    Execution execution(
        plan, engine.ports(), [] { return 0; },
        [&](const engine::Event& event) {
          if (event.step == engine::Step::Warning) warnings.push_back(event.text);
        });
    std::optional<Outcome> outcome;
    execution.start([&](const Outcome& result) { outcome = result; });
    engine.settle();
    if (wait_fails) engine.answer(Error::make(ErrorKind::Failed, "db is unhealthy"));
    engine.settle();
    EXPECT_TRUE(runs(engine, "web")) << plan.to_text();
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->ok, wait_fails) << "the failed start itself is a failure";
    EXPECT_EQ(warnings.size(), 1u);
  }
}

TEST(Execution, StartsNothingNewAfterCancel) {
  model::Project project;
  project.name = ProjectName("shop");
  model::Service service;
  service.name = ServiceName("web");
  service.image = "busybox";
  project.services["web"] = service;
  FakeEngine engine(3);
  engine.state.images["busybox"] = busybox();
  const auto plan = up(project, engine);
  Execution execution(
      plan, engine.ports(), [] { return 0; }, [](const engine::Event&) {});
  std::optional<Outcome> outcome;
  execution.start([&](const Outcome& result) { outcome = result; });
  execution.cancel();
  engine.settle();
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->cancelled);
  for (const auto& container : engine.state.containers) EXPECT_NE(container.phase, engine::Phase::Running);
}

}  // namespace
}  // namespace berth::execute
