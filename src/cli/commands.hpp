// The commands, one file each below commands/. Each gets the App and returns the exit code.
#pragma once

#include <initializer_list>
#include <string_view>

#include "berth/cli/app.hpp"

namespace berth::cli {

using CommandFunction = int (*)(const App&);

int run_version(const App& app);
int run_help(const App& app);
int run_attach(const App& app);
int run_build(const App& app);
int run_config(const App& app);
int run_image(const App& app);
int run_up(const App& app);
int run_down(const App& app);
int run_exec(const App& app);
int run_run(const App& app);
int run_logs(const App& app);
int run_kill(const App& app);
int run_pause(const App& app);
int run_restart(const App& app);
int run_rm(const App& app);
int run_start(const App& app);
int run_stop(const App& app);
int run_unpause(const App& app);
int run_ps(const App& app);

int run_commit(const App& app);
int run_cp(const App& app);
int run_explain(const App& app);
int run_export(const App& app);
int run_login(const App& app);
int run_logout(const App& app);
int run_pull(const App& app);
int run_push(const App& app);
int run_create(const App& app);
int run_events(const App& app);
int run_images(const App& app);
int run_install_names(const App& app);
int run_ls(const App& app);
int run_plan(const App& app);
int run_port(const App& app);
int run_scale(const App& app);
int run_stats(const App& app);
int run_top(const App& app);
int run_volume(const App& app);
int run_volumes(const App& app);
int run_wait(const App& app);
// Throws Failure for a flag of these that was given and that this version does not serve.
void refuse_flags(const OptionValues& given, std::initializer_list<const char*> flags);

// Nothing where this build has no such command.
CommandFunction command_function(std::string_view name);

}  // namespace berth::cli
