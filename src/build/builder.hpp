// One build under way. Private to the module; `build()` makes one and drops it.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "berth/build/build.hpp"
#include "berth/dockerfile/dockerfile.hpp"
#include "berth/dockerfile/graph.hpp"
#include "berth/dockerfile/mount.hpp"
#include "berth/image/store.hpp"
#include "berth/oci/image_config.hpp"
#include "berth/oci/runtime_spec.hpp"
#include "berth/sys/tree_copy.hpp"
#include "context.hpp"

namespace berth::build {

// What a stage is at some instruction.
struct StageState {
  oci::ImageConfig config;
  std::map<std::string, std::string> scope;  // ENV and ARG, the last writer wins
  std::vector<std::string> declared;         // ARG names, for history and RUN's key
  std::vector<LayerId> layers;               // lowest first
  std::string key;                           // digest of all that led here
  bool command_set = false;                  // CMD in this very stage
};

class Builder {
 public:
  Builder(const BuildRequest& request, BuildPorts& ports, const BuildSink& sink)
      : request_(request), ports_(ports), sink_(sink) {}
  Result<BuildOutcome> build();

 private:
  // build.cpp
  Result<void> read_file();
  Result<std::string> dockerfile_text(std::string& shown, std::string& ignore_path);
  Result<void> build_stage(std::size_t index);
  Result<StageState> base_of(std::size_t index);
  Result<StageState> image_state(const std::string& reference, const text::Span& span);
  Result<void> fire_triggers(StageState& state, std::size_t index);
  Result<ImageDigest> finish(StageState& state);
  std::optional<std::string> argument(const std::string& name) const;
  Error failed(const text::Span& span, const std::string& message, const std::string& hint = {},
               std::string output = {}, std::optional<int> code = {});
  void begin_step(const std::string& text);
  void end_step(bool cached);
  Result<Context*> context();

  // stage.cpp
  Result<void> apply(StageState& state, const dockerfile::Instruction& step, std::size_t stage);
  Result<std::string> expand(const StageState& state, const dockerfile::Word& word);
  // These give the text for the history.
  Result<std::string> apply_env(StageState& state, const dockerfile::Env& env);
  Result<std::string> apply_arg(StageState& state, const dockerfile::Arg& arg);
  Result<std::string> apply_label(StageState& state, const dockerfile::Label& label);
  Result<std::string> apply_expose(StageState& state, const dockerfile::Expose& expose);
  std::string apply_healthcheck(StageState& state, const dockerfile::Healthcheck& check);
  Result<void> apply_workdir(StageState& state, const dockerfile::Workdir& workdir,
                             const dockerfile::Instruction& step);
  Result<std::string> settings(StageState& state, const dockerfile::Instruction& step);
  std::string set_command(StageState& state, const dockerfile::Cmd& cmd) const;
  std::string set_entrypoint(StageState& state, const dockerfile::Entrypoint& entry) const;
  static Result<sys::CopyOwner> owner_in(int root, const std::string& user);
  std::vector<std::string> shell_of(const StageState& state) const;
  std::vector<std::string> in_shell(const StageState& state, const dockerfile::Command& command) const;
  void history(StageState& state, std::string created_by, bool empty_layer);
  // Takes the layer from the cache, or lets `make` fill a draft; make returns false where nothing is to be committed.
  Result<void> layer_step(StageState& state, const std::string& key,
                          const std::function<Result<bool>(image::LayerDraft&)>& make);
  Result<std::vector<std::string>> lower_directories(const std::vector<LayerId>& layers,
                                                     const image::LayerDraft& draft);
  std::string absolute(const StageState& state, const std::string& path) const;

  // copy_step.cpp
  struct CopySource {
    sys::UniqueFd root;
    std::vector<LayerId> layers;
    std::string key;
    bool from_context = true;
  };
  Result<void> apply_copy(StageState& state, const dockerfile::Copy& copy, const dockerfile::Instruction& step,
                          std::size_t stage);
  Result<CopySource> copy_source(const dockerfile::Word& from, std::size_t stage);
  Result<void> copy_heredoc(const dockerfile::Heredoc& heredoc, const StageState& state, const image::LayerDraft& draft,
                            int target, const std::string& destination, const sys::CopyOptions& options);
  Result<bool> unpack_if_archive(const std::string& path, const image::LayerDraft& draft, int target,
                                 const std::string& destination, const sys::CopyOptions& options);

  // run_step.cpp
  Result<void> apply_run(StageState& state, const dockerfile::Run& run, const dockerfile::Instruction& step,
                         std::size_t stage);
  struct RunMounts {
    std::vector<oci::Mount> mounts;
    std::vector<std::string> env;
    std::vector<sys::UniqueFd> held;  // locks of cache mounts
  };
  Result<RunMounts> run_mounts(StageState& state, const std::vector<dockerfile::RunMount>& mounts,
                               const dockerfile::Instruction& step, std::size_t stage, const image::LayerDraft& draft);
  Result<void> execute(StageState& state, const dockerfile::Run& run, const dockerfile::Instruction& step,
                       const std::vector<std::string>& args, const std::vector<dockerfile::RunMount>& mounts,
                       std::size_t stage, const image::LayerDraft& draft);
  Result<int> wait_for(class RunProcess& process, RunNetwork* network);
  std::vector<std::string> run_environment(const StageState& state) const;

  const BuildRequest& request_;
  BuildPorts& ports_;
  const BuildSink& sink_;
  dockerfile::Dockerfile file_;
  dockerfile::StageGraph graph_;
  dockerfile::IgnoreRules ignore_;
  std::map<std::string, std::string> platform_args_;
  std::optional<Context> context_;
  std::vector<std::optional<StageState>> stages_;
  std::size_t step_ = 0, total_ = 0, cached_ = 0;
  std::string stage_name_, step_text_;
  std::chrono::steady_clock::time_point step_began_;
  bool reported_ = false, network_warned_ = false;
};

}  // namespace berth::build
