// The program where it is called `docker`: `docker compose` as berth answers it, and docker's own commands over the
// containers of all projects.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "../commands.hpp"
#include "berth/cli/app.hpp"

namespace berth::cli::docker {

CommandFunction command_function(std::string_view name);  // nothing where there is no such command
std::string version_line();                               // of `docker --version`

int run_ps(const App& app);
int run_exec(const App& app);
int run_attach(const App& app);
int run_logs(const App& app);
int run_stop(const App& app);
int run_start(const App& app);
int run_restart(const App& app);
int run_kill(const App& app);
int run_rm(const App& app);
int run_pause(const App& app);
int run_unpause(const App& app);
int run_rename(const App& app);
int run_wait(const App& app);
int run_top(const App& app);
int run_stats(const App& app);
int run_port(const App& app);
int run_diff(const App& app);
int run_inspect(const App& app);
int run_inspect_container(const App& app);
int run_inspect_image(const App& app);
int run_inspect_volume(const App& app);
int run_inspect_network(const App& app);

int run_run(const App& app);
int run_create(const App& app);
int run_cp(const App& app);
int run_commit(const App& app);
int run_export(const App& app);

int run_build(const App& app);
int run_images(const App& app);
int run_rmi(const App& app);
int run_tag(const App& app);
int run_history(const App& app);
int run_save(const App& app);
int run_load(const App& app);
int run_import(const App& app);

int run_pull(const App& app);
int run_push(const App& app);

int run_volume_ls(const App& app);
int run_volume_create(const App& app);
int run_volume_rm(const App& app);
int run_network_ls(const App& app);
int run_network_create(const App& app);
int run_network_rm(const App& app);

int run_container_prune(const App& app);
int run_image_prune(const App& app);
int run_builder_prune(const App& app);
int run_volume_prune(const App& app);
int run_network_prune(const App& app);
int run_system_prune(const App& app);
int run_system_df(const App& app);
int run_info(const App& app);
int run_version(const App& app);
int run_help(const App& app);

}  // namespace berth::cli::docker
