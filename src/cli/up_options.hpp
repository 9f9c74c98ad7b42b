// What `up`, `create`, `scale` and `plan` have in common: their flags as options of the plan, the images that must be
// built first, and the plan itself, for show.
#pragma once

#include <map>
#include <set>
#include <string>

#include "berth/cli/app.hpp"
#include "berth/compose/load.hpp"
#include "berth/engine/container.hpp"
#include "berth/plan/plan.hpp"
#include "stack.hpp"

namespace berth::cli {

// Flags that the command does not have count as not given. Throws Failure where they exclude each other.
plan::UpOptions up_options(const App& app);
std::optional<plan::Duration> grace_of(const OptionValues& options);  // --timeout
// "web=3" -> {"web", 3}; throws Failure where it is no such thing. `flag`: what to call it.
std::pair<std::string, int> parse_scale(const std::string& text, const std::string& flag);
bool remove_orphans(const App& app);  // --remove-orphans, else COMPOSE_REMOVE_ORPHANS

// Services whose image must be built before they can start, of those that `selected` names.
std::set<std::string> services_to_build(const compose::Loaded& loaded, const std::set<std::string>& selected,
                                        const std::map<std::string, engine::ImageFacts>& facts, bool always);

// Pulls and builds what is missing (or everything, as the flags say) and returns the facts of all images.
std::map<std::string, engine::ImageFacts> prepare_images(const App& app, const compose::Loaded& loaded,
                                                         const plan::UpOptions& options);

// What bringing the project up would do now; changes nothing and needs no supervisor.
plan::Plan plan_of_up(const App& app, const compose::Loaded& loaded, const plan::UpOptions& options);
// Over the containers that exist.
plan::Plan plan_of_verb(const App& app, const ProjectName& project, const plan::VerbOptions& options);
plan::Plan plan_of_down(const App& app, const StackFiles& files, const plan::DownOptions& options);

// Prints it, as text or JSON. With `detailed` the exit code says whether anything is to be done.
int show_plan(const plan::Plan& plan, const std::string& format, bool detailed);

}  // namespace berth::cli
