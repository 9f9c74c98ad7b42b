// One build under way. Private to the module; `build()` makes one and drops it.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent_forward.hpp"
#include "berth/build/build.hpp"
#include "berth/dockerfile/checks.hpp"
#include "berth/dockerfile/dockerfile.hpp"
#include "berth/dockerfile/graph.hpp"
#include "berth/dockerfile/mode.hpp"
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

inline constexpr std::string_view kImagePrefix = "docker-image://";

oci::Mount bind_mount(const std::string& source, const std::string& target, bool read_only);
// A file with just this mode, whatever the umask.
Result<void> put_file(const std::string& path, std::string_view bytes, mode_t mode);

class Builder {
 public:
  Builder(const BuildRequest& request, BuildPorts& ports, const BuildSink& sink)
      : request_(request), ports_(ports), sink_(sink) {}
  Result<BuildOutcome> build();

 private:
  // build.cpp
  Result<void> read_file();
  dockerfile::CheckFacts check_facts() const;
  Result<std::string> dockerfile_text(std::string& shown, std::string& ignore_path);
  Result<void> build_stage(std::size_t index);
  Result<StageState> base_of(std::size_t index);
  Result<void> fire_triggers(StageState& state, std::size_t index);
  Result<ImageDigest> finish(StageState& state);
  std::optional<std::string> argument(const std::string& name) const;
  Error failed(const text::Span& span, const std::string& message, const std::string& hint = {},
               std::string output = {}, std::optional<int> code = {});
  void begin_step(const std::string& text);
  void end_step(bool cached);

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

  // sources.cpp: where COPY --from, RUN --mount and FROM take files from
  struct Source {
    Context* files = nullptr;  // a directory of the host; else …
    std::vector<LayerId> layers;
    std::string key;  // what the layers are
  };
  Result<void> read_contexts();
  Result<Context*> context();
  Result<Context*> named_directory(const std::string& name, const text::Span& span);
  Result<Source> source_of(const dockerfile::Word& from, std::size_t stage);
  Result<Source> named_source(const std::string& name, const text::Span& span);
  Result<StageState> image_state(const std::string& reference, const text::Span& span);
  Result<StageState> state_of_directory(Context& files);

  // copy_plan.cpp: what a COPY or ADD takes, and the key of that
  struct CopyItem {
    text::Span span;
    std::string path;                    // relative to the source; a wildcard is still in it where the source is layers
    std::string real;                    // of a context: the path with its links followed
    std::optional<std::string> content;  // a heredoc's; `path` is the file's name then
    std::optional<dockerfile::IgnoreRules> parents;  // --parents: what is taken below `path`, by …
    std::string pattern;                             // … this
  };
  struct CopyPlan {
    Source source;
    std::string target;
    std::vector<CopyItem> items;
    std::optional<dockerfile::FileMode> mode;
    std::string owner;  // of --chown; empty
    dockerfile::IgnoreRules excluded;
    std::string key, created_by;
    bool many = false;  // the target is a directory
  };
  Result<CopyPlan> plan_copy(StageState& state, const dockerfile::Copy& copy, const dockerfile::Instruction& step,
                             std::size_t stage);
  Result<void> plan_heredoc(CopyPlan& plan, const StageState& state, const dockerfile::Word& word,
                            const dockerfile::Heredoc& heredoc, class Digest& digest);
  Result<void> plan_source(CopyPlan& plan, const std::string& text, const dockerfile::Word& word, class Digest& digest);
  Result<void> plan_parents(CopyPlan& plan, const std::string& text, const dockerfile::Word& word,
                            class Digest& digest);
  Error refused_url(const dockerfile::Copy& copy, const std::string& url, const dockerfile::Word& word);

  // copy_step.cpp
  Result<void> apply_copy(StageState& state, const dockerfile::Copy& copy, const dockerfile::Instruction& step,
                          std::size_t stage);
  Result<void> copy_items(const StageState& state, const CopyPlan& plan, const dockerfile::Copy& copy,
                          const image::LayerDraft& draft);
  Result<void> copy_item(const CopyItem& item, const CopyPlan& plan, int source_root, int target,
                         sys::CopyOptions options);
  Result<void> copy_heredoc(const CopyItem& item, const CopyPlan& plan, const image::LayerDraft& draft, int target,
                            const sys::CopyOptions& options);
  Result<bool> unpack_if_archive(const CopyItem& item, const CopyPlan& plan, const image::LayerDraft& draft, int target,
                                 const sys::CopyOptions& options);

  // run_mounts.cpp
  struct RunMounts {
    std::vector<oci::Mount> mounts;
    std::vector<std::string> env;
    std::vector<sys::UniqueFd> held;   // locks of cache mounts
    std::vector<AgentForward> agents;  // of ssh mounts
  };
  struct MountWish {
    dockerfile::RunMount mount;
    text::Span span;
  };
  Result<std::vector<MountWish>> plan_mounts(const StageState& state, const dockerfile::Run& run, std::size_t stage,
                                             class Digest& digest);
  Result<RunMounts> run_mounts(const StageState& state, const std::vector<MountWish>& wishes, std::size_t stage,
                               const image::LayerDraft& draft);
  Result<void> mount_secret(RunMounts& out, const MountWish& wish, const std::string& target, const std::string& own);
  Result<void> mount_cache(RunMounts& out, const MountWish& wish, const std::string& target, const std::string& own,
                           std::size_t stage, const image::LayerDraft& draft);
  Result<void> mount_bind(RunMounts& out, const MountWish& wish, const std::string& target, const std::string& own,
                          std::size_t stage, const image::LayerDraft& draft);
  Result<void> mount_agent(RunMounts& out, const MountWish& wish, const std::string& target, const std::string& own);
  // Copies a source's path to `own`/content.
  Result<void> copy_for_mount(const MountWish& wish, std::size_t stage, const image::LayerDraft& draft,
                              const std::string& own);

  // run_step.cpp
  Result<void> apply_run(StageState& state, const dockerfile::Run& run, const dockerfile::Instruction& step,
                         std::size_t stage);
  Result<void> execute(StageState& state, const dockerfile::Run& run, const dockerfile::Instruction& step,
                       const std::vector<std::string>& args, const std::vector<MountWish>& mounts, std::size_t stage,
                       const image::LayerDraft& draft);
  Result<int> wait_for(class RunProcess& process, RunNetwork* network, std::vector<AgentForward>& agents);
  std::vector<std::string> run_environment(const StageState& state) const;

  const BuildRequest& request_;
  BuildPorts& ports_;
  const BuildSink& sink_;
  dockerfile::Dockerfile file_;
  dockerfile::StageGraph graph_;
  dockerfile::IgnoreRules ignore_;
  std::map<std::string, std::string> platform_args_;
  std::optional<Context> context_;
  std::map<std::string, std::string> contexts_;  // additional ones: name -> directory or docker-image://…
  std::map<std::string, Context> named_;         // additional contexts that are directories
  std::set<std::string> pulled_;                 // references that were looked up at their registry
  std::vector<std::optional<StageState>> stages_;
  std::size_t step_ = 0, total_ = 0, cached_ = 0;
  std::string stage_name_, step_text_;
  std::chrono::steady_clock::time_point step_began_;
  bool reported_ = false, network_warned_ = false;
  bool ignores_cache_ = false;  // of the stage being built
};

}  // namespace berth::build
