#include <fmt/format.h>

#include <boost/json.hpp>

#include "berth/plan/plan.hpp"

namespace berth::plan {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

std::string name_of(const ContainerRef& container) {
  return fmt::format("{}:{}", container.service.value, container.number);
}

const char* condition_text(engine::Condition condition) {
  switch (condition) {
    case engine::Condition::Started: return "started";
    case engine::Condition::Healthy: return "healthy";
    case engine::Condition::Completed: return "completed successfully";
    case engine::Condition::Settled: return "up and healthy";
  }
  return "";
}

struct Words {
  std::string kind, name, verb;
};

Words words_of(const What& what) {
  return std::visit(
      Overloaded{
          [](const CreateNetwork& a) {
            return Words{"network", a.spec.network.name, "create"};
          },
          [](const RemoveNetwork& a) {
            return Words{"network", a.name, "remove"};
          },
          [](const CreateVolume& a) {
            return Words{"volume", a.spec.volume.name, "create"};
          },
          [](const RemoveVolume& a) {
            return Words{"volume", a.name, "remove"};
          },
          [](const CreateContainer& a) {
            return Words{"container", fmt::format("{}:{}", a.spec.service.value, a.spec.number),
                         a.temporary_name.empty() ? "create" : "create beside the old one"};
          },
          [](const StartContainer& a) {
            return Words{"container", name_of(a.container), "start"};
          },
          [](const StopContainer& a) {
            return Words{"container", name_of(a.container), "stop"};
          },
          [](const KillContainer& a) {
            return Words{"container", name_of(a.container), "kill -" + a.signal};
          },
          [](const PauseContainer& a) {
            return Words{"container", name_of(a.container), "pause"};
          },
          [](const UnpauseContainer& a) {
            return Words{"container", name_of(a.container), "unpause"};
          },
          [](const RemoveContainer& a) {
            return Words{"container", name_of(a.container), "remove"};
          },
          [](const RenameContainer& a) {
            return Words{"container", name_of(a.container), "rename to " + a.container.name};
          },
          [](const AwaitCondition& a) {
            return Words{"container", name_of(a.container), std::string("wait until ") + condition_text(a.condition)};
          },
      },
      what);
}

}  // namespace

std::string Plan::to_text() const {
  std::string text;
  for (const auto& warning : warnings) text += "warning: " + warning + "\n";
  for (const auto& pull : pulls) text += fmt::format("[] -> image {} pull, because {}\n", pull.reference, pull.cause);
  for (const auto& build : builds)
    text += fmt::format("[] -> image {} build, because {}\n", build.reference, build.cause);
  if (actions.empty() && builds.empty() && pulls.empty()) return text + "nothing to do\n";
  for (const auto& action : actions) {
    const Words words = words_of(action.what);
    text += fmt::format("[{}] -> #{} {} {} {}, because {}\n", fmt::join(action.after, ","), action.number, words.kind,
                        words.name, words.verb, action.cause);
  }
  return text;
}

std::string Plan::to_json() const {
  boost::json::array list;
  for (const auto& action : actions) {
    const Words words = words_of(action.what);
    boost::json::array after(action.after.begin(), action.after.end());
    list.push_back({{"number", action.number},
                    {"kind", words.kind},
                    {"name", words.name},
                    {"verb", words.verb},
                    {"cause", action.cause},
                    {"after", std::move(after)}});
  }
  boost::json::array notes;
  for (const auto& warning : warnings) notes.push_back(boost::json::string(warning));
  boost::json::array images, fetched;
  for (const auto& pull : pulls)
    fetched.push_back({{"image", pull.reference}, {"service", pull.service}, {"cause", pull.cause}});
  for (const auto& build : builds)
    images.push_back({{"image", build.reference}, {"service", build.service}, {"cause", build.cause}});
  return boost::json::serialize(boost::json::object{{"pulls", std::move(fetched)},
                                                    {"builds", std::move(images)},
                                                    {"actions", std::move(list)},
                                                    {"warnings", std::move(notes)}});
}

}  // namespace berth::plan
